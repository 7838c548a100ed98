import { completeCases, type CasesLack } from './cases.ts';
import { buildShadowKeys, copyChanges, copyRanges, type BeforeRange } from './copy.ts';
import { areSound, countFindings } from './findings.ts';
import { asAdoption } from './lease.ts';
import { lastLogged, readLogged, writeLedger, type Logged, type ParseLogged } from './ledger.ts';
import { adoptionObstacles, refuseObstacles } from './obstacles.ts';
import { createStatements, shapeOf } from './plan.ts';
import type { AdoptPlan } from './range.ts';
import type { RefusalWords } from './refusals.ts';
import {
  dropAdoption,
  keptOriginals,
  openAdoption,
  readAdoption,
  copiedRanges,
  type Adoption,
} from './state.ts';
import { settledSignature, swapTables, withFreshTimes } from './swap.ts';
import { allTables, isEmpty, isShapedWrong, readAdoptedTables, tablesIn } from './tables.ts';
import type { Database } from '../connection/pool.ts';
import { DbError, StatementError } from '../connection/errors.ts';
import { giveWay } from '../connection/give-way.ts';
import type { Lease } from '../ledger/lease.ts';
import { migrate } from '../schema/migrate.ts';
import type { AdoptedCounts } from '../schema/ledger-json.ts';
import { recordDecision } from '../ledger/decisions.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** What the caller provides: it knows CMS's names, and it shows progress. */
export interface AdoptInput {
  readonly words: RefusalWords;
  readonly parseLogged: ParseLogged;
  /** While the server runs more statements than this, the adoption pauses before each range. */
  readonly maxThreadsRunning: number;
  /** Progress: the step, and its current table or range, or the number of rows done. */
  onStep(step: string, detail?: string | number): void;
  /** Unexpected events, for people. */
  onRemark(remark: string): void;
}

export interface AdoptResult {
  /** `kept`: the database was adopted earlier, and its originals still exist. */
  readonly outcome: 'nothing' | 'adopted' | 'kept';
  readonly cases: CasesLack;
  readonly counts?: AdoptedCounts;
  readonly logged?: Logged;
  readonly originals: readonly string[];
}

// The old job loads for a while and then pauses for a week. After three conflicts a person should stop it first.
const mostRounds = 3;

/**
 * Converts an existing database to what the contract requires. It copies the originals into new tables that have a primary
 * key, wide columns and one row per NPI, swaps both sets in one statement, and keeps the originals. If it is killed, the
 * next call continues where it stopped. The application waits only for the swap.
 * @throws DbError AdoptionRefused, leaving the originals in place; LeaseHeld while a load is running
 */
export async function adopt(
  database: Database,
  schemas: Schemas,
  signal: AbortSignal,
  input: AdoptInput,
): Promise<AdoptResult> {
  const inSession = <T>(use: (session: Session) => Promise<T>) => database.session(signal, use);
  const isNeeded = await inSession((session) => needsCopy(session, schemas, input));
  const cases = await inSession((session) => completeCases(session, schemas));
  const kept = await inSession((session) => keptOriginals(session, schemas));
  if (kept.length > 0) return { outcome: 'kept', cases, originals: kept };
  if (!isNeeded) return { outcome: 'nothing', cases, originals: [] };
  // Missing tables are created first, so every table has an original.
  await migrate(database, schemas, signal);
  const pause = pauseBetweenRanges(input, signal);
  return asAdoption(database, signal, async (session, lease) => {
    // Another adoption may have finished while this one waited for it.
    const before = await keptOriginals(session, schemas);
    if (before.length > 0) return { outcome: 'kept', cases, originals: before };
    const done = await copyAndSwap(session, schemas, lease, { ...input, pause }).catch(refuseOddity);
    return { outcome: 'adopted', cases, ...done, originals: await keptOriginals(session, schemas) };
  });
}

/** Lets the statements of others go first, and says so. */
function pauseBetweenRanges({ maxThreadsRunning, onStep }: AdoptInput, signal: AbortSignal): BeforeRange {
  return async (session) => {
    const pause = await giveWay(session, maxThreadsRunning, signal);
    if (pause) onStep('pausing because the server is busy', `${pause.threadsRunning} running statements`);
  };
}

interface PacedInput extends AdoptInput {
  readonly pause: BeforeRange;
}

/** Tables can differ in ways that the obstacles do not cover. Then a statement fails, always before the swap. */
function refuseOddity(error: unknown): never {
  if (!(error instanceof StatementError)) throw error;
  throw new DbError(
    'AdoptionRefused',
    `A table cannot be adopted as it is: ${error.message}. Nothing was swapped; change the table and run \`surgicase db adopt\` again.`,
  );
}

async function needsCopy(
  session: Session,
  schemas: Schemas,
  { words, onStep }: AdoptInput,
): Promise<boolean> {
  if ((await keptOriginals(session, schemas)).length > 0) return false;
  const plan = { schemas, words, releaseId: null, tables: await readAdoptedTables(session, schemas) };
  if (isEmpty(plan.tables)) return false;
  refuseObstacles(await adoptionObstacles(session, schemas, plan.tables));
  return isShapedWrong(plan.tables) || !areSound(await countFindings(session, plan, onStep));
}

async function hasOwnTables(session: Session, { scheduler }: Schemas): Promise<boolean> {
  return (await tablesIn(session, [scheduler])).includes(`${scheduler}.npi_adoption`);
}

/** @returns the counts of the copied rows, and the releases that the log lists as loaded */
async function copyAndSwap(
  session: Session,
  schemas: Schemas,
  lease: Lease,
  input: PacedInput,
): Promise<{ readonly counts: AdoptedCounts; readonly logged: Logged }> {
  for (let round = 1; round <= mostRounds; round++) {
    const logged = await readLogged(session, schemas, input.parseLogged);
    const copy = await openCopy(session, schemas, lastLogged(logged), input);
    const counts = await tryToSwap(session, copy, { lease, logged, input });
    if (counts) {
      await dropAdoption(session, schemas);
      return { counts, logged };
    }
    input.onRemark(
      'The tables were not swapped because they changed after they were copied. Copying the changes again.',
    );
  }
  throw new DbError(
    'AdoptionRefused',
    `The tables of ${schemas.application} changed in each of ${mostRounds} rounds. Find and stop the job that still loads them, then run \`surgicase db adopt\` again.`,
  );
}

/** A plan whose shadows exist. */
interface Copy extends Adoption {
  readonly plan: AdoptPlan;
}

/** Reads the tables and opens their shadows. Creates the shadows again if the application has altered a table since. */
async function openCopy(
  session: Session,
  schemas: Schemas,
  releaseId: number | null,
  { words, onStep }: AdoptInput,
): Promise<Copy> {
  const plan = { schemas, words, releaseId, tables: await readAdoptedTables(session, schemas) };
  const shape = shapeOf(schemas, plan.tables);
  const known = await readAdoption(session);
  if (known?.shape === shape && (await shadowsExist(session, plan))) return { ...known, plan };
  onStep('creating the new tables');
  await dropAdoption(session, schemas);
  for (const { sql } of createStatements(schemas, plan.tables)) await session.query(sql);
  return { ...(await openAdoption(session, shape)), plan };
}

/** Shadows are missing when a person has reversed a swap by hand. */
async function shadowsExist(session: Session, { schemas, tables }: AdoptPlan): Promise<boolean> {
  const present = new Set(await tablesIn(session, [schemas.scheduler]));
  return allTables(tables).every(({ shadow }) => present.has(shadow));
}

/** One round: completes the copy, and swaps it with the originals if none of them changed meanwhile. */
async function tryToSwap(session: Session, copy: Copy, round: Round): Promise<AdoptedCounts | undefined> {
  const { plan } = copy;
  const { lease, input } = round;
  let read = 0;
  await copyRanges(session, plan, { lease, before: input.pause }, (counts) => {
    read += counts.read;
    input.onStep('copying', read);
  });
  await buildShadowKeys(session, plan, (table) => input.onStep('building keys', table));
  return withFreshTimes(session, () => compareAndSwap(session, copy, round));
}

interface Round {
  readonly lease: Lease;
  readonly logged: Logged;
  readonly input: PacedInput;
}

/** @returns the counts of the copied rows; undefined if an original changed meanwhile */
async function compareAndSwap(
  session: Session,
  { plan, runId, shape }: Copy,
  { lease, logged, input }: Round,
): Promise<AdoptedCounts | undefined> {
  const signature = await settledSignature(session, plan);
  if (signature === undefined) return undefined;
  const { schemas } = plan;
  if (shapeOf(schemas, await readAdoptedTables(session, schemas)) !== shape) return undefined;
  await copyChanges(session, plan, { lease, before: input.pause }, (number, count) =>
    input.onStep('comparing with the originals', `range ${number} of ${count}`),
  );
  const counts = sumOf((await copiedRanges(session)).map((range) => range.counts));
  await writeLedger(session, plan, lease, { runId, releases: logged.releases });
  input.onStep('swapping');
  return (await swapTables(session, plan, lease, signature)) ? counts : undefined;
}

function sumOf(all: readonly AdoptedCounts[]): AdoptedCounts {
  const sum = (name: keyof AdoptedCounts) => all.reduce((total, counts) => total + counts[name], 0);
  return {
    read: sum('read'),
    refused: sum('refused'),
    duplicates: sum('duplicates'),
    stubs: sum('stubs'),
    individuals: sum('individuals'),
    organizations: sum('organizations'),
    deactivated: sum('deactivated'),
    surgeons: sum('surgeons'),
    facilities: sum('facilities'),
    filled: sum('filled'),
  };
}

/**
 * Drops the originals that an adoption kept, and its leftovers, and records who decided it.
 * @returns the originals that were dropped
 * @throws DbError LeaseHeld; AdoptionRefused before the swap
 */
export async function finishAdoption(
  database: Database,
  schemas: Schemas,
  signal: AbortSignal,
  person: { readonly by: string; readonly reason?: string },
): Promise<readonly string[]> {
  // Checked before waiting for the lock: a person who asks during an adoption has not seen its outcome.
  const before = await database.session(signal, async (session) => {
    if (!(await hasOwnTables(session, schemas))) return [];
    const originals = await keptOriginals(session, schemas);
    if (originals.length > 0 || (await readAdoption(session)) === undefined) return originals;
    throw new DbError(
      'AdoptionRefused',
      'The adoption has not finished copying yet. Run `surgicase db adopt` to complete it.',
    );
  });
  if (before.length === 0) return [];
  return asAdoption(database, signal, async (session) => {
    const originals = await keptOriginals(session, schemas);
    await recordDecision(session, { what: 'adopt', ...person });
    await dropAdoption(session, schemas);
    for (const original of originals) await session.query(`DROP TABLE IF EXISTS ${original}`);
    return originals;
  });
}
