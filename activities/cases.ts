import { caseMoves, type RunJob } from '../contract/schedules.ts';
import type { CaseActivities, CasesMoved, CasesSelected, RunActivities } from '../contract/activities.ts';
import { moveSelected, type MoveCounts } from '../db/cases/move.ts';
import { countExceptions, readExceptions } from '../db/cases/report.ts';
import { freezeStatus, freezeUndo, type Frozen } from '../db/cases/selection.ts';
import { isMysqlErrorReason } from '../db/cases/status.ts';
import { DbError } from '../db/connection/errors.ts';
import type { Lease } from '../db/ledger/lease.ts';
import type { Session } from '../db/connection/session.ts';
import { recordCaseUpdate } from '../telemetry/metrics.ts';
import { attempt, underLease, underLeaseUnlessDry, type Attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { waitingNotice } from './notices.ts';

// A run that fails for every case must not fill the disk with log lines. The ledger has all exceptions.
const mostWarnings = 100;

/** Selects and moves cases. */
export function caseActivities(deps: ActivityDeps): Omit<CaseActivities, keyof RunActivities> {
  const { database, schemas } = deps;
  return {
    selectCases: ({ job, source, target, force: isForced, dryRun: isDryRun, scheduledAt, limit }) =>
      attempt(deps, 'select', { job }, (current) =>
        underLeaseUnlessDry(deps, current, { job, isDryRun }, (lease) =>
          database.session(current.signal, async (session) => {
            const leave = { jobs: Object.keys(caseMoves), since: scheduledAt };
            const selection = { runId: current.runId, source, target, isForced, leave };
            const frozen = await freezeStatus(session, schemas, selection, lease);
            return selected(deps, current, { job, isDryRun, frozen, limit });
          }),
        ),
      ),

    selectUndo: ({ undoes }) =>
      attempt(deps, 'select', { job: 'case-undo' }, (current) =>
        underLease(deps, current, 'case-undo', (lease) =>
          database.session(current.signal, async (session) =>
            selected(deps, current, {
              job: 'case-undo',
              isDryRun: false,
              frozen: await freezeUndo(session, { runId: current.runId, undoes }, lease),
            }),
          ),
        ),
      ),

    moveCases: ({ job }) =>
      attempt(deps, 'move', { job }, (current) =>
        underLease(deps, current, job, (lease) => move(deps, current, { job, lease })),
      ),
  };
}

interface Selection {
  readonly job: RunJob;
  readonly isDryRun: boolean;
  readonly frozen: Frozen;
  readonly limit?: number | undefined;
}

function selected(
  { caseUpdateMax, notify }: ActivityDeps,
  { log, runId }: Attempt,
  { job, isDryRun, frozen: { selected: found, left }, limit = caseUpdateMax }: Selection,
): CasesSelected {
  log.info('cases selected', { found, leftForNextRun: left });
  if (!isDryRun && limit !== undefined && found > limit)
    notify(waitingNotice(job, runId, `${found} cases would move, and the limit is ${limit}`));
  return {
    found,
    leftForNextRun: left,
    ...(caseUpdateMax !== undefined && { waitAbove: caseUpdateMax }),
  };
}

async function move(
  { database, schemas, metrics }: ActivityDeps,
  { runId, log, signal, heartbeat }: Attempt,
  { job, lease }: { readonly job: RunJob; readonly lease: Lease },
): Promise<CasesMoved> {
  const startedMs = performance.now();
  const onProgress = (counts: MoveCounts) =>
    heartbeat({ phase: 'move', cases: counts.moved + counts.exceptions });
  const input = { runId, lease, onProgress };
  const { moved, exceptions: exceptionCount } = await moveSelected(database, schemas, input, signal);
  recordCaseUpdate(metrics, { job, ms: performance.now() - startedMs, exceptionCount });
  if (exceptionCount === 0) return { updated: moved, exceptions: {} };
  return database.session(signal, async (session) => {
    await warn(session, runId, log, exceptionCount);
    const exceptions = await countExceptions(session, runId);
    refuseFutileRun(runId, moved, exceptions);
    return { updated: moved, exceptions };
  });
}

/** When MySQL refused the change of every single case, the cause is not in the cases, and the run has done nothing. */
function refuseFutileRun(runId: string, moved: number, exceptions: CasesMoved['exceptions']): void {
  const reasons = Object.entries(exceptions);
  if (moved > 0 || !reasons.every(([reason]) => isMysqlErrorReason(reason))) return;
  const counts = reasons.map(([reason, cases]) => `${cases} times "${reason}"`).join(', ');
  throw new DbError(
    'CasesRefused',
    `MySQL refused to change any case: ${counts}. \`surgicase cases exceptions ${runId}\` lists the cases.`,
  );
}

async function warn(session: Session, runId: string, log: Attempt['log'], count: number): Promise<void> {
  for (const { caseId, reason } of await readExceptions(session, runId, { limit: mostWarnings })) {
    log.warn('case not moved', { caseId, reason });
  }
  if (count > mostWarnings) {
    const rest = count - mostWarnings;
    log.warn(`more cases were not moved; list them with \`surgicase cases exceptions ${runId}\``, {
      cases: rest,
    });
  }
}
