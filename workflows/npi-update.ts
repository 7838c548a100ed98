import { patched } from '@temporalio/workflow';
import type { Begun, Discovery, DueRelease, FinishInput, RunOutcome } from '../contract/activities.ts';
import type { Decision } from '../contract/decisions.ts';
import type {
  NpiUpdateInput,
  NpiUpdateOutcome,
  NpiUpdateResult,
  RollbackWay,
} from '../contract/workflows.ts';
import { compareReleases, releaseName } from '../nppes/page/release.ts';
import { decisionBy } from './decided-by.ts';
import { grouped } from './details.ts';
import { checkRegistry } from './npi-check.ts';
import { loadBaseline } from './npi-baseline.ts';
import { npiTask } from './npi-input.ts';
import { NpiRun } from './npi-run.ts';
import { loadWeekly } from './npi-weekly.ts';
import { firstHeartbeatTimeoutMs, loadActivities, shortActivities } from './phases.ts';
import {
  beginRun,
  failBegin,
  failRun,
  releaseFailure,
  shadowRemark,
  type FailedEnd,
} from './run-lifecycle.ts';

const job = 'npi-update';

type LoadOutcome = Exclude<NpiUpdateOutcome, 'skipped'>;

/**
 * Loads every due release of the registry, oldest first. It answers the query `progress` and takes the updates `approve`
 * and `reject` while a monthly waits for an approval.
 */
export async function npiUpdate(input: NpiUpdateInput = {}): Promise<NpiUpdateResult> {
  const run = new NpiRun(npiTask(input));
  const close = (end: FailedEnd) => fail(run, end);
  const begun = await begin(run).catch((error: unknown) => failBegin(error, close));
  if (!begun.acquired) return run.end('skipped');
  if (begun.shadow) {
    run.isDryRun = true;
    run.remarks.push(shadowRemark);
  }
  try {
    const outcome = await loadOrRoll(run, begun.heartbeatTimeoutMs);
    if (begun.checksRegistry) await checkRegistry(run, begun.heartbeatTimeoutMs);
    run.throwMissing();
    await finish(run, outcome);
    return run.end(outcome);
  } catch (error) {
    return failRun(error, close);
  }
}

async function begin(run: NpiRun): Promise<Begun> {
  const begun = await beginRun({ job, dryRun: run.isDryRun, ...decisionOf(run.input) }, (holder) =>
    run.wait(holder),
  );
  run.listing.begin(begun);
  run.resetGuard.begin(begun);
  if (begun.acquired) return begun;
  run.remarks.push(`Skipped: ${begun.holder} held the lease for 30 minutes.`);
  await finish(run, 'skipped');
  return begun;
}

function decisionOf(input: NpiUpdateInput): { readonly decision?: Decision } {
  const isRebuild = input.rebuild && !input.dryRun;
  const rolling = input.rollback && rollbackWays[input.rollback].decision;
  const kind = rolling ?? (input.replace ? 'replace' : isRebuild ? 'rebuild' : undefined);
  return kind ? { decision: decisionBy(kind, input) } : {};
}

function loadOrRoll(run: NpiRun, heartbeatTimeoutMs: number): Promise<LoadOutcome> {
  const { rollback } = run.input;
  return rollback ? rollBack(run, rollback, heartbeatTimeoutMs) : load(run, heartbeatTimeoutMs);
}

const rollbackWays = {
  back: { decision: 'rollback', outcome: 'rolled back', summary: 'take the newest release back' },
  forward: {
    decision: 'bring forward',
    outcome: 'brought forward',
    summary: 'bring the release forward again',
  },
  resume: { decision: 'give up', outcome: 'resumed', summary: 'give up what is rolled back' },
} as const;

/** A worker that allows only dry runs refuses it. */
async function rollBack(run: NpiRun, way: RollbackWay, heartbeatTimeoutMs: number): Promise<LoadOutcome> {
  const { outcome, summary } = rollbackWays[way];
  run.enter('rollback');
  run.rolled = await loadActivities(heartbeatTimeoutMs).rollback.executeWithOptions({ summary }, [{ way }]);
  for (const { release, providers, searchRows } of run.rolled) {
    const what =
      way === 'resume'
        ? 'stays taken back; runs load again'
        : `${outcome}, ${grouped(providers)} providers, ${grouped(searchRows)} search rows`;
    run.remarks.push(`${release}: ${what}.`);
  }
  if (way === 'back') run.remarks.push(noLoads);
  return outcome;
}

const noLoads =
  'Runs load nothing until `surgicase npi rollback --forward` or `surgicase npi rollback --resume`.';

async function load(run: NpiRun, heartbeatTimeoutMs: number): Promise<LoadOutcome> {
  const { due, remarks } = await discover(run, heartbeatTimeoutMs, run.input.replace);
  run.remarks.push(...remarks);
  run.releasesDue = due.length;
  const [first, ...later] = due;
  if (first === undefined) return 'nothing due';
  if (first.release.kind === 'monthly') {
    return run.isDryRun
      ? previewBaseline(run, first, later, heartbeatTimeoutMs)
      : loadFromBaseline(run, first, later, heartbeatTimeoutMs);
  }
  await loadWeeklies(run, due, heartbeatTimeoutMs);
  return run.isDryRun ? 'dry run' : run.outcome();
}

/**
 * Loads one release. One that cannot be fetched or is refused does not hold back the `laterCount` releases after it; the
 * run fails at its end and names it (contract, rule 2). Returns undefined for such a release.
 */
async function unlessMissing<Result>(
  run: NpiRun,
  { release }: DueRelease,
  laterCount: number,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    const failure = releaseFailure(error);
    // Runs of earlier versions ended with their first failure.
    const goesOn = failure && (laterCount === 0 || patched('next-release-after-failure'));
    if (!goesOn) throw error;
    run.miss(failure, `${releaseName(release)} is not loaded`);
    return undefined;
  }
}

/** A dry run loads no monthly: it says that one is due, and tries the releases after it. */
async function previewBaseline(
  run: NpiRun,
  { release }: DueRelease,
  later: readonly DueRelease[],
  heartbeatTimeoutMs: number,
): Promise<LoadOutcome> {
  // What would be loaded again is compared with nothing, so there is nothing to try.
  if (run.input.rebuild) return 'dry run';
  const name = releaseName(release);
  run.remarks.push(
    run.input.file === undefined
      ? `${name} is due; \`surgicase npi replace --dry-run\` shows the disk space and time that it takes.`
      : `${name} is due: it would replace the live tables.`,
  );
  const after = later.filter((due) => compareReleases(due.release, release) > 0);
  await loadWeeklies(run, after, heartbeatTimeoutMs);
  return 'dry run';
}

/** Loads a monthly, then reads the page again, because its exact period is known now and decides what follows it. */
async function loadFromBaseline(
  run: NpiRun,
  monthly: DueRelease,
  later: readonly DueRelease[],
  heartbeatTimeoutMs: number,
): Promise<LoadOutcome> {
  const isLive = await unlessMissing(run, monthly, later.length, () =>
    loadBaseline(run, loadActivities(heartbeatTimeoutMs), monthly),
  );
  if (isLive === false) return 'rejected';
  if (isLive === undefined) {
    if (run.input.rebuild) return run.outcome();
    await loadWeeklies(run, later, heartbeatTimeoutMs);
    return run.outcome();
  }
  if (run.input.file !== undefined) return run.outcome();
  const { due, remarks } = await discover(run, heartbeatTimeoutMs);
  const open = due.filter(({ release }) => release.kind !== 'monthly');
  if (open.length > 0) run.remarks.push(...remarks.filter((remark) => !run.remarks.includes(remark)));
  run.releasesDue = 1 + open.length;
  await loadWeeklies(run, open, heartbeatTimeoutMs);
  return run.outcome();
}

async function loadWeeklies(
  run: NpiRun,
  releases: readonly DueRelease[],
  heartbeatTimeoutMs: number,
): Promise<void> {
  const activities = loadActivities(heartbeatTimeoutMs);
  for (const [i, release] of releases.entries()) {
    await unlessMissing(run, release, releases.length - 1 - i, () => loadWeekly(run, activities, release));
  }
}

function discover(run: NpiRun, heartbeatTimeoutMs: number, replace?: boolean): Promise<Discovery> {
  run.enter('discover');
  const { weeks, rebuild, until, file } = run.input;
  const what = `read the ${rebuild ? 'archive' : file === undefined ? 'page' : 'file'}`;
  return shortActivities(heartbeatTimeoutMs).discover.executeWithOptions(
    { summary: `${what}, compare with what is published` },
    [
      {
        dryRun: run.isDryRun,
        ...(weeks !== undefined && { weeks }),
        ...(replace && { replace }),
        ...(rebuild && { rebuild }),
        ...(until !== undefined && { until }),
        ...(file !== undefined && { file }),
      },
    ],
  );
}

function fail(run: NpiRun, { outcome, type, message }: FailedEnd): Promise<void> {
  run.show(`${outcome}${type === undefined ? '' : `: ${type}`}`, [message]);
  return finish(run, outcome, { failureMessage: message, ...(type !== undefined && { failureType: type }) });
}

async function finish(
  run: NpiRun,
  outcome: RunOutcome,
  failure: Pick<FinishInput, 'failureType' | 'failureMessage'> = {},
): Promise<void> {
  const counts = run.counts();
  const releases = run.loaded();
  run.listing.end({
    outcome,
    ...(releases.length > 0 && { releases }),
    ...(counts && { rows: counts.rows }),
  });
  const input: FinishInput = {
    job,
    dryRun: run.isDryRun,
    outcome,
    seconds: run.seconds(),
    ...failure,
    ...(run.warnings.length > 0 && { warnings: run.warnings }),
    ...(counts && { counts: { ...counts } }),
  };
  const { finish: close } = shortActivities(firstHeartbeatTimeoutMs);
  await close.executeWithOptions({ summary: `close the run: ${outcome}` }, [input]);
}
