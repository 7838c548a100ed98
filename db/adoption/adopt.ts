import { completeCases, type CasesLack } from './cases.ts';
import { buildShadowKeys, copyChanges, copyRanges } from './copy.ts';
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
import type { Lease } from '../ledger/lease.ts';
import { migrate } from '../schema/migrate.ts';
import type { AdoptedCounts } from '../schema/ledger-json.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** What an adoption is told by its caller, who knows CMS's names. */
export interface AdoptInput {
  readonly words: RefusalWords;
  readonly parseLogged: ParseLogged;
  /** How far it is: a step, and of it the table or range that is worked on, or how many rows are done. */
  onStep(step: string, detail?: string | number): void;
  /** For people: what happened that they did not expect. */
  onRemark(remark: string): void;
}

export interface AdoptResult {
  /** `kept`: it was adopted before, and the originals are still there. */
  readonly outcome: 'nothing' | 'adopted' | 'kept';
  readonly cases: CasesLack;
  readonly counts?: AdoptedCounts;
  readonly logged?: Logged;
  readonly originals: readonly string[];
}

// The old job loads for a while and then is silent for a week: who meets it three times should stop it first.
const mostRounds = 3;

/**
 * Makes of an existing database what the contract says: tables with a primary key, wide columns and one row an NPI are
 * copied beside the originals and swapped with them in one statement; the originals are kept. Killed at any moment it goes
 * on where it was when it is called again. Nothing is waited for by the application but the swap.
 * @throws DbError AdoptionRefused, with the originals in their place; LeaseHeld when a load is at work
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
  // What is absent is created first: then every table is an original.
  await migrate(database, schemas, signal);
  return asAdoption(database, signal, async (session, lease) => {
    // Another adoption may have come to its end while this one waited for it.
    const before = await keptOriginals(session, schemas);
    if (before.length > 0) return { outcome: 'kept', cases, originals: before };
    const done = await copyAndSwap(session, schemas, lease, input).catch(refuseOddity);
    return { outcome: 'adopted', cases, ...done, originals: await keptOriginals(session, schemas) };
  });
}

/** A table may be odd in ways that nobody has looked for; then the server says so, before the swap. */
function refuseOddity(error: unknown): never {
  if (!(error instanceof StatementError)) throw error;
  throw new DbError(
    'AdoptionRefused',
    `A table is of a kind that cannot be adopted as it is: ${error.message}.`,
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

/** @returns what the rows became, and what the log said is loaded */
async function copyAndSwap(
  session: Session,
  schemas: Schemas,
  lease: Lease,
  input: AdoptInput,
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
      'The tables changed since they were copied: not swapped, and what changed is copied again.',
    );
  }
  throw new DbError(
    'AdoptionRefused',
    `The tables of ${schemas.application} changed in each of ${mostRounds} rounds: stop the job that still loads them.`,
  );
}

/** A plan whose shadows are there. */
interface Copy extends Adoption {
  readonly plan: AdoptPlan;
}

/** The tables as they are, with their shadows: made anew when the application has altered one of them meanwhile. */
async function openCopy(
  session: Session,
  schemas: Schemas,
  releaseId: number | null,
  { words, onStep }: AdoptInput,
): Promise<Copy> {
  const plan = { schemas, words, releaseId, tables: await readAdoptedTables(session, schemas) };
  const shape = shapeOf(schemas, plan.tables);
  const known = await readAdoption(session);
  if (known?.shape === shape && (await areMade(session, plan))) return { ...known, plan };
  onStep('making the new tables');
  await dropAdoption(session, schemas);
  for (const { sql } of createStatements(schemas, plan.tables)) await session.query(sql);
  return { ...(await openAdoption(session, shape)), plan };
}

/** They are not when somebody has taken a swapped adoption back by hand. */
async function areMade(session: Session, { schemas, tables }: AdoptPlan): Promise<boolean> {
  const present = new Set(await tablesIn(session, [schemas.scheduler]));
  return allTables(tables).every(({ shadow }) => present.has(shadow));
}

/** One round: the copy is brought up to the originals, and takes their place if none of them changed meanwhile. */
async function tryToSwap(session: Session, copy: Copy, round: Round): Promise<AdoptedCounts | undefined> {
  const { plan } = copy;
  const { lease, input } = round;
  let read = 0;
  await copyRanges(session, plan, lease, (counts) => {
    read += counts.read;
    input.onStep('copying', read);
  });
  await buildShadowKeys(session, plan, (table) => input.onStep('building keys', table));
  return withFreshTimes(session, () => compareAndSwap(session, copy, round));
}

interface Round {
  readonly lease: Lease;
  readonly logged: Logged;
  readonly input: AdoptInput;
}

/** @returns what the rows became; nothing when somebody wrote meanwhile */
async function compareAndSwap(
  session: Session,
  { plan, runId, shape }: Copy,
  { lease, logged, input }: Round,
): Promise<AdoptedCounts | undefined> {
  const signature = await settledSignature(session, plan);
  if (signature === undefined) return undefined;
  const { schemas } = plan;
  if (shapeOf(schemas, await readAdoptedTables(session, schemas)) !== shape) return undefined;
  await copyChanges(session, plan, lease, (number, count) =>
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
 * Drops the originals that an adoption has kept, and what else it left.
 * @returns the tables that were dropped; empty where there was no original
 * @throws DbError LeaseHeld; AdoptionRefused while the adoption is not done
 */
export async function finishAdoption(
  database: Database,
  schemas: Schemas,
  signal: AbortSignal,
): Promise<readonly string[]> {
  // Before it waits for the lock: whoever asks while an adoption is under way has not seen its outcome.
  const before = await database.session(signal, async (session) => {
    if (!(await hasOwnTables(session, schemas))) return [];
    const originals = await keptOriginals(session, schemas);
    if (originals.length > 0 || (await readAdoption(session)) === undefined) return originals;
    throw new DbError('AdoptionRefused', 'The adoption has not come to its swap.');
  });
  if (before.length === 0) return [];
  return asAdoption(database, signal, async (session) => {
    const originals = await keptOriginals(session, schemas);
    await dropAdoption(session, schemas);
    for (const original of originals) await session.query(`DROP TABLE IF EXISTS ${original}`);
    return originals;
  });
}
