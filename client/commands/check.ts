import type { Config } from '../../config/config.ts';
import { publishedFiles } from '../../db/ledger/releases.ts';
import { ledgerMark } from '../../db/registry/check-ledger.ts';
import { spanOf, type Subset } from '../../db/registry/npi-steps.ts';
import { originFiles } from '../../db/registry/proof.ts';
import { Archive } from '../../proof/archived-zip.ts';
import {
  archiveCheck,
  ledgerCheck,
  readLiveRows,
  rowCheck,
  searchChecks,
  type Check,
  type Unchecked,
} from '../../proof/checks.ts';
import { columnLines } from '../columns.ts';
import { withDatabase } from '../database.ts';
import { exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;

/**
 * `surgicase npi check`: compares live rows with the archived zips, the search tables with the providers, and the sums of the
 * ledger. Only reads, without a lease and in short statements. Exits with 1 when something differs.
 */
export function check(config: Config, terminal: Terminal, subset: Subset): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const { progress } = terminal;
    // The tables first: the zips do not change, and reading them can take long.
    const before = await database.session(signal, async (session) => ({
      mark: await ledgerMark(session),
      search: await searchChecks(session, schemas, progress),
      ledger: await ledgerCheck(session),
      live: await readLiveRows(session, schemas, spanOf(subset), progress),
      files: await originFiles(session),
      published: await publishedFiles(session),
    }));
    const archive = new Archive(config.nppes.archiveDir, signal, progress);
    const zips = await archiveCheck(archive, before.published);
    const rows = await rowCheck(archive, before.live, before.files);
    const after = await database.session(signal, ledgerMark);
    const checks = [zips, rows.check, ...before.search, before.ledger];
    const { unchecked } = rows;
    const isChanged = after !== before.mark;
    const lines = [
      ...checkLines(checks),
      ...unchecked.map(uncheckedLine),
      ...(isChanged
        ? ['A load changed the tables meanwhile. Run the check again before you act on a difference.']
        : []),
    ];
    terminal.answer({ subset, checks, unchecked, isChanged }, lines);
    return checks.some(({ differences }) => differences > 0) ? exitCodes.failed : exitCodes.done;
  });
}

function checkLines(checks: readonly Check[]): string[] {
  const rows = checks.map(({ check: name, compared, differences, first: shown }) => [
    name,
    grouped(compared),
    differences === 0 ? 'none' : grouped(differences),
    shown.join('; '),
  ]);
  return columnLines(['CHECK', 'COMPARED', 'DIFFERENCES', 'FIRST'], rows);
}

function uncheckedLine({ release, rows, reason }: Unchecked): string {
  const what = `${grouped(rows)} ${rows === 1 ? 'row' : 'rows'}${release === null ? '' : ` of ${release}`}`;
  return `${what} ${rows === 1 ? 'was' : 'were'} not compared: ${reason}`;
}
