import type { NpiActivities } from '../contract/activities.ts';
import { DbError } from '../db/errors.ts';
import { releaseLease, takeLease } from '../db/lease.ts';
import { loadObstacles } from '../db/ready.ts';
import { closeRun, openRun } from '../db/runs.ts';
import { dropDeadStaging, dropStaging } from '../db/staging.ts';
import { attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';

/** The first and the last step of a run: ledger, lease, leftovers. */
export function runActivities(deps: ActivityDeps): Pick<NpiActivities, 'begin' | 'finish'> {
  const { database, schemas, heartbeatTimeoutMs } = deps;
  return {
    begin: ({ job, dryRun: isDryRun }) =>
      attempt(deps, 'begin', {}, ({ workflowId, runId, signal, log }) =>
        database.session(signal, async (session) => {
          const obstacles = await loadObstacles(session, schemas);
          if (obstacles.length > 0) {
            throw new DbError(
              'DatabaseNotReady',
              `The database cannot take a load: ${obstacles.join('; ')}.`,
            );
          }
          await openRun(session, { runId, workflowId, job, isDryRun });
          if (!isDryRun) {
            const lease = await takeLease(session, { job, workflowId, runId });
            if ('heldBy' in lease) return { acquired: false as const, holder: lease.heldBy };
            await dropDeadStaging(session, runId);
          }
          log.info('run begins', { isDryRun });
          return { acquired: true as const, heartbeatTimeoutMs };
        }),
      ),

    finish: ({ job, outcome, failureType, counts }) =>
      attempt(deps, 'finish', {}, ({ workflowId, runId, signal, log }) =>
        database.session(signal, async (session) => {
          await dropStaging(session, runId);
          await closeRun(session, { runId, outcome, ...(failureType !== undefined && { failureType }) });
          await releaseLease(session, { job, workflowId, runId });
          const write = outcome === 'failed' ? log.error : log.info;
          write('run ends', { outcome, failureType, ...counts });
        }),
      ),
  };
}
