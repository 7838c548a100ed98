import { completeCases, type CasesLack } from './cases.ts';
import { areUnchanged, copyRanges } from './copy.ts';
import { asAdoption } from './lease.ts';
import { lastLogged, readLogged, writeLedger, type Logged } from './ledger.ts';
import { previewAdoption, type AdoptInput } from './preview.ts';
import { abandonAdoption, dropAdoption, keptOriginals, openShadows } from './state.ts';
import { readSignature, swapTables } from './swap.ts';
import { readAdoptedTables } from './tables.ts';
import type { Database } from '../connection/pool.ts';
import { DbError, StatementError } from '../connection/errors.ts';
import { giveWay } from '../connection/give-way.ts';
import type { Lease } from '../ledger/lease.ts';
import { migrate } from '../schema/migrate.ts';
import type { AdoptedCounts } from '../schema/ledger-json.ts';
import { recordDecision } from '../ledger/decisions.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

export interface AdoptResult {
  /** `kept`: the database was adopted earlier, and its originals still exist. */
  readonly outcome: 'nothing' | 'adopted' | 'kept';
  readonly cases: CasesLack;
  /** `filled`: values as long as their old column, in all rows read. */
  readonly counts?: AdoptedCounts & { readonly filled: number };
  readonly logged?: Logged;
  readonly originals: readonly string[];
}

/**
 * Converts an existing database to what the contract requires. It copies the originals into new tables that have a primary
 * key, wide columns and one row per NPI, swaps both sets in one statement, and keeps the originals. If it is killed, the
 * next call continues after the last copied range. The application waits only for the swap.
 * @throws DbError AdoptionRefused, leaving the originals in place; LeaseHeld while a load is running
 */
export async function adopt(
  database: Database,
  schemas: Schemas,
  signal: AbortSignal,
  input: AdoptInput,
): Promise<AdoptResult> {
  const inSession = <T>(use: (session: Session) => Promise<T>) => database.session(signal, use);
  const found = await inSession((session) => previewAdoption(session, schemas, input));
  if (found.obstacles.length > 0) throw new DbError('AdoptionRefused', found.obstacles.join(' '));
  const cases = await inSession((session) => completeCases(session, schemas));
  const kept = (originals: readonly string[]): AdoptResult => ({ outcome: 'kept', cases, originals });
  if (found.originals.length > 0) return kept(found.originals);
  if (!found.isNeeded) return { outcome: 'nothing', cases, originals: [] };
  // Missing search tables are created first, so every table has an original.
  await migrate(database, schemas, signal);
  return asAdoption(database, signal, async (session, lease) => {
    // Another adoption may have finished while this one waited for it.
    const before = await keptOriginals(session, schemas);
    if (before.length > 0) return kept(before);
    const done = await copyAndSwap(session, schemas, { lease, signal, input }).catch(refuseOddity);
    const counts = { ...done.counts, filled: found.rows?.filled ?? 0 };
    const originals = await keptOriginals(session, schemas);
    return { outcome: 'adopted', cases, counts, logged: done.logged, originals };
  });
}

/** Tables can differ in ways that the obstacles do not cover. Then a statement fails, always before the swap. */
function refuseOddity(error: unknown): never {
  if (!(error instanceof StatementError)) throw error;
  throw new DbError(
    'AdoptionRefused',
    `A table cannot be adopted as it is: ${error.message}. Nothing was swapped; change the table and run \`surgicase db adopt\` again.`,
  );
}

interface Attempt {
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly input: AdoptInput;
}

/** @returns the counts of the copied rows, and the releases that the log lists as loaded */
async function copyAndSwap(
  session: Session,
  schemas: Schemas,
  { lease, signal, input }: Attempt,
): Promise<{ readonly counts: AdoptedCounts; readonly logged: Logged }> {
  const { words, parseLogged, maxThreadsRunning, onStep } = input;
  const pause = async () => {
    const waited = await giveWay(session, maxThreadsRunning, signal);
    if (waited) onStep('pausing because the server is busy', `${waited.threadsRunning} running statements`);
  };
  const signature = await readSignature(session, schemas);
  // Change times have a resolution of one second. What still changes in this second is read below.
  await session.query('SELECT SLEEP(1)');
  const logged = await readLogged(session, schemas, parseLogged);
  const tables = await readAdoptedTables(session, schemas);
  const plan = { schemas, words, releaseId: lastLogged(logged), tables };
  const runId = await openShadows(session, plan, () => onStep('creating the new tables'));
  const counts = await copyRanges(session, plan, lease, { pause, onStep });
  if (!(await areUnchanged(session, plan, { pause, onStep }))) return refuseChanged(session, schemas);
  await writeLedger(session, plan, lease, { runId, releases: logged.releases });
  onStep('swapping');
  if (!(await swapTables(session, plan, lease, signature))) return refuseChanged(session, schemas);
  await dropAdoption(session, schemas);
  return { counts, logged };
}

async function refuseChanged(session: Session, schemas: Schemas): Promise<never> {
  await abandonAdoption(session, schemas);
  throw new DbError(
    'AdoptionRefused',
    `The tables of ${schemas.application} changed while they were copied. Nothing was swapped. Find and stop the job that still loads them, then run \`surgicase db adopt\` again, which copies all rows again.`,
  );
}

/**
 * Drops the originals that an adoption kept, and its leftovers, and records who decided it.
 * @returns the originals that were dropped
 * @throws DbError LeaseHeld
 */
export async function finishAdoption(
  database: Database,
  schemas: Schemas,
  signal: AbortSignal,
  person: { readonly by: string; readonly reason?: string },
): Promise<readonly string[]> {
  // Checked before waiting for the lock: a person who asks during an adoption has not seen its outcome.
  const before = await database.session(signal, (session) => keptOriginals(session, schemas));
  if (before.length === 0) return [];
  return asAdoption(database, signal, async (session) => {
    const originals = await keptOriginals(session, schemas);
    await recordDecision(session, { what: 'adopt', ...person });
    await dropAdoption(session, schemas);
    for (const original of originals) await session.query(`DROP TABLE IF EXISTS ${original}`);
    return originals;
  });
}
