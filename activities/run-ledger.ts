import { Context } from '@temporalio/activity';
import type { BeginInput, RunActivities } from '../contract/activities.ts';
import { DbError } from '../db/connection/errors.ts';
import { releaseLease, takeLease, whileFenced } from '../db/ledger/lease.ts';
import { refuseUnreadyCases } from '../db/cases/ready.ts';
import { loadObstacles } from '../db/schema/ready.ts';
import { recordDecision } from '../db/ledger/decisions.ts';
import { closeRun, openRun } from '../db/ledger/runs.ts';
import { addWarnings } from '../db/ledger/warnings.ts';
import type { Session } from '../db/connection/session.ts';
import { dropDeadShadows, dropShadow } from '../db/baseline/shadow.ts';
import { dropDeadStaging, dropStaging } from '../db/registry/staging.ts';
import { attempt, shadowRefused } from './attempt.ts';
import { recordCancellation } from './cancellation.ts';
import { closeDeadRuns } from './dead-runs.ts';
import type { ActivityDeps } from './deps.ts';
import { checkedMessage, endNotice } from './notices.ts';

/** The first and the last step of a run: ledger, lease, and the removal of what runs leave behind. */
export function runActivities(deps: ActivityDeps): RunActivities {
  const { database, heartbeatTimeoutMs } = deps;
  return {
    begin: (input) =>
      attempt(deps, 'begin', { job: input.job }, ({ workflowId, runId, signal, log }) =>
        database.session(signal, async (session) => {
          const { job } = input;
          const listed = {
            runId,
            ...((await deps.hasSearchAttributes()) && { searchAttributes: true as const }),
          };
          if (deps.isShadow && job === 'case-undo') throw shadowRefused('An undo has no dry run.');
          const isDryRun = input.dryRun || deps.isShadow;
          // The ledger first, so that `status` shows also a run that finds the database not ready.
          await openRun(session, { runId, workflowId, job, isDryRun }).catch(async (error: unknown) => {
            // Without this service's tables there is no ledger, and the readiness check names what is missing.
            await refuseUnready(deps, session, input);
            throw error;
          });
          await refuseUnready(deps, session, input);
          if (!isDryRun) {
            if (input.decision) await recordDecision(session, { runId, job, ...input.decision });
            const lease = await takeLease(session, { job, workflowId, runId });
            if ('heldBy' in lease) return { acquired: false as const, holder: lease.heldBy, ...listed };
            await closeDeadRuns(session, job, { client: Context.current().client, log, notify: deps.notify });
            // While this lease is held, staging and shadow tables of other runs belong to no live run.
            if (job === 'npi-update') {
              await whileFenced(database, signal, lease, async () => {
                await dropDeadStaging(session, runId);
                await dropDeadShadows(session, deps.schemas, lease);
              });
            }
          }
          log.info('run begins', { isDryRun });
          return {
            acquired: true as const,
            heartbeatTimeoutMs,
            ...listed,
            ...(deps.isShadow && { shadow: true as const }),
            ...(job === 'npi-update' &&
              deps.checkPartCount !== undefined && { checksRegistry: true as const }),
          };
        }),
      ),

    noteDecision: ({ job, decision }) =>
      attempt(deps, 'approval', { job }, ({ runId, signal }) =>
        database.session(signal, (session) => recordDecision(session, { runId, job, ...decision })),
      ),

    finish: (input) => {
      const { job, outcome, failureType, counts } = input;
      return attempt(deps, 'finish', { job }, async ({ workflowId, runId, signal, log }) => {
        const notice = endNotice(input, runId);
        // People learn of a failure even when the database, whose outage may be the cause, does not take the entry.
        const isUrgent = outcome === 'failed';
        if (notice && isUrgent && Context.current().info.attempt === 1) deps.notify(notice);
        await database.session(signal, async (session) => {
          await dropStaging(session, runId);
          if (job === 'npi-update') await dropShadow(session, deps.schemas, runId);
          if (outcome === 'cancelled') await recordCancellation(session, { runId, workflowId, job }, log);
          if (!input.dryRun) await addWarnings(session, { job, runId, remarks: input.warnings ?? [] });
          await closeRun(session, {
            runId,
            outcome,
            ...(failureType !== undefined && { failureType }),
            failureMessage: outcome === 'failed' ? checkedMessage(input) : undefined,
          });
          await releaseLease(session, { job, workflowId, runId });
        });
        const write = outcome === 'failed' ? log.error : log.info;
        write('run ends', { outcome, failureType, ...counts });
        if (notice && !isUrgent) deps.notify(notice);
      });
    },
  };
}

/** Each job checks only what it needs, so that cases move even on a database without the registry. */
async function refuseUnready(
  { schemas }: ActivityDeps,
  session: Session,
  { job, target }: BeginInput,
): Promise<void> {
  if (job !== 'npi-update') return refuseUnreadyCases(session, schemas, target);
  const obstacles = await loadObstacles(session, schemas);
  if (obstacles.length === 0) return;
  throw new DbError('DatabaseNotReady', `The database is not ready for a load: ${obstacles.join('; ')}.`);
}
