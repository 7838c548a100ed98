import { rm } from 'node:fs/promises';
import type {
  BaselineChecked,
  DownloadedRelease,
  NpiActivities,
  Published,
  Staged,
} from '../contract/activities.ts';
import {
  completeBaseline,
  countBaseline,
  lastMonthly,
  liveBaseline,
  swapBaseline,
} from '../db/baseline/swap.ts';
import { countSearch } from '../db/baseline/count.ts';
import { DbError } from '../db/connection/errors.ts';
import type { Lease } from '../db/ledger/lease.ts';
import type { LiveBaseline } from '../db/schema/ledger-json.ts';
import { publishReport } from '../db/ledger/releases.ts';
import type { Session } from '../db/connection/session.ts';
import { countReferences, referenceShortfalls, settleReferences } from '../db/baseline/references.ts';
import { requireShadow, shadowOf, takeOverShadow } from '../db/baseline/shadow.ts';
import { releaseName } from '../nppes/page/release.ts';
import { attempt, underLease, type Attempt } from './attempt.ts';
import { indexShadow } from './baseline-index.ts';
import { loadMonthly } from './baseline-load.ts';
import { job, type ActivityDeps } from './deps.ts';
import { waitingNotice } from './notices.ts';
import { secondsSince } from './elapsed.ts';
import { rangeFolder } from './zip-file.ts';

/** Loads a monthly into shadow tables and swaps them with the live tables. */
export function baselineActivities(
  deps: ActivityDeps,
): Pick<NpiActivities, 'loadBaseline' | 'indexBaseline' | 'checkBaseline' | 'swapBaseline'> {
  const { database, schemas } = deps;
  return {
    loadBaseline: (zip) =>
      attempt(deps, 'load', { job, release: releaseName(zip.release) }, (current) =>
        underLease(deps, current, job, (lease) => loadMonthly(deps, current, zip, lease)),
      ),

    indexBaseline: ({ release, rebuild }) =>
      attempt(deps, 'index', { job, release: releaseName(release) }, (current) =>
        underLease(deps, current, job, async (lease) => {
          const indexed = await indexShadow(deps, current, lease);
          await indexReferences(deps, current, lease, {
            fileName: release.fileName,
            isRebuild: rebuild === true,
          });
          return indexed;
        }),
      ),

    checkBaseline: ({ staged }) =>
      attempt(deps, 'check', { job, release: releaseName(staged.release) }, (current) =>
        underLease(deps, current, job, (lease) =>
          database.session(current.signal, async (session) => {
            await takeOverShadow(session, schemas, lease);
            return check(deps, session, current, staged.release.fileName);
          }),
        ),
      ),

    swapBaseline: ({ zip, staged, indexed }) =>
      attempt(deps, 'swap', { job, release: releaseName(staged.release) }, async (current) => {
        const published = await underLease(deps, current, job, (lease) =>
          database.session(current.signal, (session) =>
            swap(deps, session, current, lease, { zip, staged, indexed }),
          ),
        );
        await rm(rangeFolder(deps, zip, current.runId), { recursive: true, force: true });
        return published;
      }),
  };
}

async function check(
  { minRowsFraction, notify }: ActivityDeps,
  session: Session,
  { runId, log }: Attempt,
  fileName: string,
): Promise<BaselineChecked> {
  const { counts, removed, staged } = await countBaseline(
    session,
    runId,
    await requireShadow(session, runId),
  );
  const last = await lastMonthly(session);
  const kinds = ['deactivated providers', 'individuals', 'organizations'] as const;
  const ofProviders = (last?.typeRows ?? []).flatMap((before, type) => {
    const now = staged.typeRows[type] ?? 0;
    if (now >= before * minRowsFraction) return [];
    const percent = ((100 * now) / before).toFixed(1);
    return [`${now} ${kinds[type]}, ${percent} % of the ${before} in the last monthly`];
  });
  const ofReferences = await referenceShortfalls(
    session,
    { runId, fileName },
    { last, minFraction: minRowsFraction },
  );
  const shortfalls = [...ofProviders, ...ofReferences];
  log.info('baseline checked', { ...counts, removed, shortfalls });
  if (shortfalls.length > 0)
    notify(waitingNotice(job, runId, `the monthly is smaller than the last one (${shortfalls.join('; ')})`));
  return { shortfalls, removed };
}

/** Completes the shadows of the reference tables, after those of the providers. */
async function indexReferences(
  { database, schemas }: ActivityDeps,
  { signal, heartbeat }: Attempt,
  lease: Lease,
  { fileName, isRebuild }: { readonly fileName: string; readonly isRebuild: boolean },
): Promise<void> {
  heartbeat({ phase: 'index', step: 'reference tables' });
  await database.session(signal, async (session) => {
    const { releaseId } = await requireShadow(session, lease.runId);
    const shadow = shadowOf(schemas, lease);
    await settleReferences(session, { schemas, shadow, lease, releaseId, fileName }, { isRebuild });
  });
}

interface SwapInput {
  readonly zip: DownloadedRelease;
  readonly staged: Staged;
  readonly indexed: Parameters<NpiActivities['swapBaseline']>[0]['indexed'];
}

async function swap(
  { schemas }: ActivityDeps,
  session: Session,
  { runId, log, heartbeat }: Attempt,
  lease: Lease,
  { zip, staged, indexed }: SwapInput,
): Promise<Published> {
  const startedAt = performance.now();
  const { sha256, sizeBytes, etag } = zip;
  const file = { ...staged.release, sha256, sizeBytes, ...(etag !== undefined && { etag }) };
  const live = await liveBaseline(session);
  // An attempt that swapped and then died has left this marker. In that case only the ledger may be incomplete.
  if (live?.runId !== runId || live.file.sha256 !== sha256) {
    heartbeat({ phase: 'swap', step: 'counting' });
    const shadow = await takeOverShadow(session, schemas, lease);
    const state = await requireShadow(session, runId);
    const counted = await countBaseline(session, runId, state);
    const { fileName } = file;
    const scope = { schemas, shadow, lease, releaseId: state.releaseId, fileName };
    const references = await countReferences(session, scope);
    const touched = await countSearch(session, shadow, indexed.searchSeconds);
    const written = touched.reduce((sum, { writtenRows }) => sum + writtenRows, 0);
    const report: LiveBaseline['report'] = {
      counts: counted.counts,
      refusedByReason: counted.staged.refused,
      search: { written, deleted: 0, tables: touched.length },
      indexSeconds: indexed.indexSeconds,
      typeRows: counted.staged.typeRows,
      ...(references.length > 0 && { references }),
    };
    heartbeat({ phase: 'swap', step: 'renaming' });
    await swapBaseline(
      session,
      schemas,
      { shadow, lease },
      {
        file,
        runId,
        staged: counted.staged,
        report,
        touched,
        epoch: lease.epoch,
        ...(zip.rebuild && { isRebuild: true }),
      },
    );
  }
  await completeBaseline(session, schemas, lease);
  const report = await publishReport(session, file);
  if (report === undefined)
    throw new DbError('CountsDiffer', `The release ledger has no entry for ${file.fileName} after its swap.`);
  const { typeRows: _types, ...published } = report;
  log.info('baseline is live', {
    ...published.counts,
    ...published.search,
    seconds: secondsSince(startedAt),
  });
  return published;
}
