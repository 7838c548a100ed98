import { changesOf, type ProviderChange } from '../../db/history/changes.ts';
import {
  historyBeginning,
  providerHistory,
  stateOn,
  type PastRow,
  type ProviderState,
  type ReleaseOfState,
} from '../../db/history/states.ts';
import { publishedFiles } from '../../db/ledger/releases.ts';
import { pendingRollbacks } from '../../db/ledger/rolled-back.ts';
import type { Config } from '../../config/config.ts';
import { releaseName } from '../../nppes/page/release.ts';
import { columnLines } from '../columns.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import { deactivationLines, rowLines } from './npi.ts';
import { csvLine } from '../csv.ts';
import { checkNpi } from '../npi-argument.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;

/** A column of a provider before and after a release; '' where it has no value. */
interface ColumnChange {
  readonly column: string;
  readonly before: string;
  readonly after: string;
}

/** The columns whose values differ, in the order of the file. The table is the first of them if it differs. */
function columnChanges(before: PastRow | null, after: PastRow | null): ColumnChange[] {
  const of = (row: PastRow | null): Readonly<Record<string, string>> =>
    row ? { table: row.table, ...row.columns } : {};
  const [old, fresh] = [of(before), of(after)];
  return Array.from(new Set([...Object.keys(old), ...Object.keys(fresh)]), (column) => ({
    column,
    before: old[column] ?? '',
    after: fresh[column] ?? '',
  })).filter((change) => change.before !== change.after);
}

const nameOf = ({ fileName, day }: ReleaseOfState) =>
  fileName === null ? `a release of ${day}` : releaseName({ fileName });

/** Where the history begins, without a full stop. */
export const beginsWith = (since: ReleaseOfState): string =>
  `The history begins with ${nameOf(since)} (${since.day})`;

/** `surgicase npi history <npi>`: each release that changed the provider, and what it changed. Exits with 1 for an unknown NPI. */
export function history(config: Config, terminal: Terminal, npi: string): Promise<number> {
  checkNpi(npi);
  return withDatabase(config, async (database, schemas) => {
    const { since, states } = await database.session(signal, (session) =>
      providerHistory(session, schemas, npi),
    );
    const steps = states.map((state, i) => ({
      from: state.from,
      table: state.row?.table ?? null,
      changes:
        i === 0 ? columnChanges(null, state.row) : columnChanges(states[i - 1]?.row ?? null, state.row),
    }));
    const lines = steps.flatMap(({ from, table, changes }, i) => stepLines(from, table, changes, i === 0));
    const begins = since === null ? [] : [`${beginsWith(since)}.`];
    const known = states.some(({ row }) => row !== null);
    terminal.answer(
      { npi, since, steps },
      known ? [...begins, ...lines] : [`NPI ${npi} was never loaded.`, ...begins],
    );
    return known ? exitCodes.done : exitCodes.failed;
  });
}

function stepLines(
  from: ReleaseOfState | null,
  table: string | null,
  changes: readonly ColumnChange[],
  isFirst: boolean,
): string[] {
  if (isFirst && table === null) return [];
  const when = from === null ? 'At the beginning' : `${from.day}  ${nameOf(from)}`;
  const known = isFirst || changes.some(({ column, before }) => column === 'table' && before === '');
  if (table === null) return [`${when}: no longer in the registry`];
  if (known) return [`${when}: in ${table}`, ...shown(changes.filter(({ column }) => column !== 'table'))];
  return [`${when}: changed`, ...shown(changes)];
}

const shown = (changes: readonly ColumnChange[]): string[] =>
  changes.map(({ column, before, after }) =>
    before === ''
      ? `    ${column}: ${after}`
      : `    ${column}: ${before} -> ${after === '' ? '(empty)' : after}`,
  );

/** `surgicase npi lookup <npi> --as-of <day>`: the provider's row at the end of a day. Exits with 1 when there was none. */
export function lookupAsOf(config: Config, terminal: Terminal, npi: string, day: string): Promise<number> {
  checkNpi(npi);
  return withDatabase(config, async (database, schemas) => {
    const { found, files } = await database.session(signal, async (session) => ({
      found: await providerHistory(session, schemas, npi),
      files: await publishedFiles(session),
    }));
    const [first, last] = [files[0], files.at(-1)];
    const state = stateOn(found, day);
    if (state === undefined && found.since !== null) {
      throw new CommandError(
        exitCodes.failed,
        `${beginsWith(found.since)}; what was known on ${day} was not kept.`,
      );
    }
    if (first && day < first.periodEnd) {
      throw new CommandError(
        exitCodes.failed,
        `Nothing is known of ${day}: the first loaded release is ${releaseName(first)}, until ${first.periodEnd}.`,
      );
    }
    const isAhead = last !== undefined && day > last.periodEnd;
    terminal.answer(state?.row ? asOf(state, day) : null, [
      ...asOfLines(npi, state, day),
      ...(isAhead
        ? [`The newest loaded release ends on ${last.periodEnd}; what came later is not known.`]
        : []),
    ]);
    return state?.row ? exitCodes.done : exitCodes.failed;
  });
}

const asOf = ({ from, until, row }: ProviderState, day: string) => ({ asOf: day, from, until, ...row });

function asOfLines(npi: string, state: ProviderState | undefined, day: string): string[] {
  if (!state?.row) return [`NPI ${npi} was not in the registry on ${day}.`];
  const { from, until, row } = state;
  const since = from === null ? 'since the history begins' : `since ${nameOf(from)} (${from.day})`;
  const to = until === null ? 'to this day' : `until ${nameOf(until)} (${until.day})`;
  const columns = { npi, ...row.columns };
  return [`${row.table} on ${day}, ${since}, ${to}`, ...deactivationLines(columns), ...rowLines(columns)];
}

/** `surgicase npi changes <release>`: what a release changed, as a summary or, with `--csv`, field by field. */
export function releaseChanges(
  config: Config,
  terminal: Terminal,
  name: string,
  { csv }: { readonly csv?: boolean },
): Promise<number> {
  return withDatabase(config, (database, schemas) =>
    database.session(signal, async (session) => {
      const release = (await publishedFiles(session)).findLast(({ fileName }) => sameRelease(fileName, name));
      if (release === undefined) {
        if ((await pendingRollbacks(session)).some(({ fileName }) => sameRelease(fileName, name))) {
          throw new CommandError(
            exitCodes.failed,
            `${name} is rolled back. \`surgicase npi rollback --forward\` brings it forward.`,
          );
        }
        throw new CommandError(
          exitCodes.failed,
          `${name} is not published. \`surgicase npi releases\` lists what is; an adopted release has no history.`,
        );
      }
      const since = await historyBeginning(session);
      if (since !== null && release.releaseId <= since.releaseId) {
        throw new CommandError(
          exitCodes.failed,
          `${beginsWith(since)}; what ${releaseName(release)} changed was not kept.`,
        );
      }
      const found = changesOf(session, schemas, release.releaseId);
      if (csv) return writeCsv(found);
      const counts = { added: 0, changed: 0, removed: 0 };
      for await (const change of found) counts[kindOf(change)] += 1;
      const rows = Object.entries(counts).map(([kind, providers]) => [kind, grouped(providers)]);
      terminal.answer({ release: release.fileName, ...counts }, columnLines(['CHANGE', 'PROVIDERS'], rows));
      return exitCodes.done;
    }),
  );
}

const sameRelease = (fileName: string, name: string) =>
  fileName.replace(/\.zip$/i, '').toLowerCase() === name.replace(/\.zip$/i, '').toLowerCase();

function kindOf({ before, after }: ProviderChange): 'added' | 'changed' | 'removed' {
  if (before === null) return 'added';
  return after === null ? 'removed' : 'changed';
}

/** One line per column that changed. Waits for its reader, and ends when the reader has enough, as `head` has. */
async function writeCsv(found: AsyncIterable<ProviderChange>): Promise<number> {
  const header = ['npi,change,column,before,after'];
  if (!(await write(header))) return exitCodes.done;
  for await (const change of found) {
    const lines = columnChanges(change.before, change.after).map(({ column, before, after }) =>
      csvLine([change.npi, kindOf(change), column, before, after]),
    );
    if (!(await write(lines))) break;
  }
  return exitCodes.done;
}

/** Writes lines to standard output; false when its reader has closed it. */
function write(lines: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error | null) => {
      process.stdout.off('error', end);
      if (!error) resolve(true);
      else if ((error as NodeJS.ErrnoException).code === 'EPIPE') resolve(false);
      else reject(new CommandError(exitCodes.failed, `The output could not be written: ${error.message}`));
    };
    process.stdout.once('error', end);
    process.stdout.write(lines.map((line) => `${line}\n`).join(''), end);
  });
}
