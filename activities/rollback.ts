import type { NpiActivities, RolledRelease } from '../contract/activities.ts';
import type { RollbackWay } from '../contract/workflows.ts';
import { acceptRollback, rollBack, rollForward } from '../db/history/rollback.ts';
import type { RolledBack } from '../db/ledger/rolled-back.ts';
import type { Session } from '../db/connection/session.ts';
import type { Lease } from '../db/ledger/lease.ts';
import { noteUnreported } from '../db/registry/unreported.ts';
import { liveTables } from '../db/schema/tables.ts';
import { releaseName } from '../nppes/page/release.ts';
import { attempt, underLease, type Attempt } from './attempt.ts';
import { job, type ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';

/** Takes the newest release back, brings it forward again, or gives it up. Each in one transaction. */
export function rollbackActivity(deps: ActivityDeps): Pick<NpiActivities, 'rollback'> {
  return {
    rollback: ({ way }) =>
      attempt(deps, 'rollback', { job }, (current) =>
        underLease(deps, current, job, (lease) =>
          deps.database.session(current.signal, (session) => moveRelease(deps, current, session, lease, way)),
        ),
      ),
  };
}

/** Why a run loads nothing. */
export function rollbackRemark(pending: readonly RolledBack[]): string {
  const names = pending.map(releaseName).join(', ');
  return `Nothing is loaded, because ${names} ${pending.length === 1 ? 'is' : 'are'} rolled back. \`surgicase npi rollback --forward\` or \`--resume\` ends that.`;
}

async function moveRelease(
  { schemas }: ActivityDeps,
  { log, heartbeat }: Attempt,
  session: Session,
  lease: Lease,
  way: RollbackWay,
): Promise<RolledRelease[]> {
  const startedAt = performance.now();
  if (way === 'resume') {
    const names = (await acceptRollback(session, schemas, lease)).map((fileName) =>
      releaseName({ fileName }),
    );
    log.warn('runs load again; the releases stay taken back', { releases: names });
    return names.map((release) => ({ release, providers: 0, searchRows: 0 }));
  }
  heartbeat({ phase: 'rollback', step: 'providers and search tables' });
  const { fileName, ...counts } = await (way === 'back' ? rollBack : rollForward)(session, schemas, lease);
  heartbeat({ phase: 'rollback', step: 'comparing deactivated providers with the report' });
  await noteUnreported(session, liveTables(schemas), lease);
  const release = releaseName({ fileName });
  log.warn(way === 'back' ? 'rolled back; runs load nothing' : 'brought forward', {
    release,
    ...counts,
    seconds: secondsSince(startedAt),
  });
  return [{ release, providers: counts.providers, searchRows: counts.searchRows }];
}
