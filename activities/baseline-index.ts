import type { BaselineIndexed } from '../contract/activities.ts';
import { checkProviders } from '../db/baseline/count.ts';
import { countBaseline } from '../db/baseline/swap.ts';
import type { Lease } from '../db/ledger/lease.ts';
import type { Session } from '../db/connection/session.ts';
import { buildAllKeys, buildDataKeys, finishSearch, type ShadowScope } from '../db/baseline/search.ts';
import { requireShadow, takeOverShadow } from '../db/baseline/shadow.ts';
import type { Attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';
import { runConcurrently } from './concurrently.ts';
import { createPace } from './pace.ts';

/** Builds the secondary keys of the large tables, then the search rows that only the database can compute. */
export async function indexShadow(
  deps: ActivityDeps,
  current: Attempt,
  lease: Lease,
): Promise<BaselineIndexed> {
  const { database, schemas } = deps;
  const { signal, heartbeat, log } = current;
  const pace = createPace(deps, current);
  const startedAt = performance.now();
  const searchSeconds: Record<string, number> = {};
  const scope = await database.session(
    signal,
    async (session): Promise<ShadowScope & { isDone: boolean }> => {
      const shadow = await takeOverShadow(session, schemas, lease);
      const state = await requireShadow(session, lease.runId);
      return { schemas, shadow, lease, releaseId: state.releaseId, isDone: state.isSearched };
    },
  );
  const step =
    (name: string, build: (session: Session) => Promise<void>) => async (taskSignal: AbortSignal) => {
      const stepStartedAt = performance.now();
      heartbeat({ phase: 'index', step: name });
      await database.session(taskSignal, async (session) => {
        await pace.giveWay(session, taskSignal);
        await build(session);
      });
      searchSeconds[name] = (performance.now() - stepStartedAt) / 1000;
    };
  // The largest first, so that the connections finish at about the same time.
  await runConcurrently(deps.loadConnections, signal, [
    step('npi_data_1', (session) => buildDataKeys(session, scope, 1)),
    step('search_surgeon_all', (session) => buildAllKeys(session, scope, 'surgeon')),
    step('npi_data_2', (session) => buildDataKeys(session, scope, 2)),
    step('search_facility_all', (session) => buildAllKeys(session, scope, 'facility')),
    step('npi_data_0', (session) => buildDataKeys(session, scope, 0)),
  ]);
  if (!scope.isDone) {
    heartbeat({ phase: 'index', step: 'counting providers' });
    await database.session(signal, async (session) => {
      const state = await requireShadow(session, lease.runId);
      await checkProviders(session, scope.shadow, await countBaseline(session, lease.runId, state));
    });
    heartbeat({ phase: 'index', step: 'search rows of known providers' });
    await database.session(signal, (session) => finishSearch(session, scope));
  }
  const indexSeconds = secondsSince(startedAt);
  log.info('indexed', { seconds: indexSeconds, pausedSeconds: pace.pausedSeconds() });
  return { indexSeconds, searchSeconds };
}
