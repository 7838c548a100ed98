import { mostBatchCases } from './batch-size.ts';
import type { CaseRun } from './move-statements.ts';
import type { Session } from '../connection/session.ts';

/** A part of a run's lines by case ID: after `after`, up to and including `until` or the last line. */
export interface Lane {
  readonly after: string;
  readonly until?: string;
}

/** Splits the remaining lines into two lanes. A few lines stay in one. */
export async function lanesOf(session: Session, run: CaseRun): Promise<Lane[]> {
  const left = run.selectedCount - run.movedCount - run.exceptionCount;
  if (left <= 2 * mostBatchCases) return [{ after: '' }];
  const [middle] = await session.query<{ id: string }>(
    `SELECT case_id AS id FROM case_move WHERE run_id = ? AND state = 'selected' ORDER BY case_id LIMIT 1 OFFSET ?`,
    [run.runId, Math.floor(left / 2)],
    'finding the middle of the cases',
  );
  return middle ? [{ after: '', until: middle.id }, { after: middle.id }] : [{ after: '' }];
}

/** Runs all lanes. If one fails, stops the others, waits until they have ended, and throws its error. */
export async function sideBySide(
  lanes: readonly Lane[],
  signal: AbortSignal,
  work: (lane: Lane, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const others = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    lanes.map((lane) =>
      work(lane, AbortSignal.any([signal, others.signal])).catch((error: unknown) => {
        failure ??= { error };
        others.abort();
      }),
    ),
  );
  if (failure) throw failure.error;
}
