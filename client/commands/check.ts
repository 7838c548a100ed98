import type { Config } from '../../config/config.ts';
import { publishedFiles } from '../../db/ledger/releases.ts';
import { ledgerMark } from '../../db/registry/check-ledger.ts';
import { originFiles } from '../../db/registry/proof.ts';
import { allNpis, type NpiSpan } from '../../db/registry/npi-steps.ts';
import { columnLines } from '../columns.ts';
import { withDatabase } from '../database.ts';
import { exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import {
  ledgerCheck,
  readLiveRows,
  rowChecks,
  searchChecks,
  type Check,
  type Unchecked,
} from '../registry-checks.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;

/** Part `part` of `parts` of the registry, counted from 1. */
export interface Subset {
  readonly part: number;
  readonly parts: number;
}

/**
 * `surgicase npi check`: compares live rows with the archived zips, the search tables with the providers, and the sums of the
 * ledger. Only reads, without a lease and in short statements. Exits with 1 when something differs.
 */
export function check(config: Config, terminal: Terminal, subset: Subset): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const before = await database.session(signal, async (session) => {
      const mark = await ledgerMark(session);
      const search = await searchChecks(session, schemas, terminal);
      const ledger = await ledgerCheck(session);
      const live = await readLiveRows(session, schemas, spanOf(subset), terminal);
      return {
        mark,
        search,
        ledger,
        live,
        files: await originFiles(session),
        published: await publishedFiles(session),
      };
    });
    const { checks: ofRows, unchecked } = await rowChecks(config, before, terminal);
    const after = await database.session(signal, ledgerMark);
    const checks = [...ofRows, ...before.search, before.ledger];
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

// As of 2026 every NPI begins with 1, and CMS does not assign NPIs in order, so parts of the same width hold about the same
// number of providers. Parts by remainder would read every page of the tables.
const [first, end] = [1_000_000_000, 2_000_000_000];

/** The NPIs of a subset. The first and the last part reach to the ends of all numbers. */
export function spanOf({ part, parts }: Subset): NpiSpan {
  const width = (end - first) / parts;
  return {
    from: part === 1 ? allNpis.from : first + Math.floor((part - 1) * width),
    to: part === parts ? allNpis.to : first + Math.floor(part * width),
  };
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
