import {
  CancellationScope,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type {
  Begun,
  Discovery,
  DueRelease,
  FinishInput,
  LocalZip,
  RunOutcome,
  RowCounts,
  Staged,
} from '../contract/activities.ts';
import {
  progressQuery,
  type NpiPhase,
  type NpiProgress,
  type NpiUpdateInput,
  type NpiUpdateResult,
  type ReleaseOutcome,
} from '../contract/workflows.ts';
import { releaseName } from '../nppes/release.ts';
import { endDetails, runDetails } from './details.ts';
import { firstHeartbeatTimeoutMs, loadActivities, shortActivities } from './phases.ts';
import { asRunFailure, beginRun, endedBy } from './run.ts';

const job = 'npi-update';

/** Every due weekly of the registry, oldest first: discover, then download, stage, publish and archive each. */
export async function npiUpdate(input: NpiUpdateInput = {}): Promise<NpiUpdateResult> {
  return new NpiUpdateRun(input).run();
}

class NpiUpdateRun {
  readonly #input: NpiUpdateInput;
  readonly #startedAt = Date.now();
  readonly #done: ReleaseOutcome[] = [];
  #remarks: string[] = [];
  #phase: NpiPhase = 'begin';
  #release: string | undefined;
  #releasesDue = 0;

  constructor(input: NpiUpdateInput) {
    this.#input = input;
    setHandler(defineQuery<NpiProgress>(progressQuery), () => this.#progress(), {
      description: 'Phase, release under way, and what each finished release brought.',
    });
  }

  async run(): Promise<NpiUpdateResult> {
    const begun = await this.#begin().catch(async (error: unknown) => {
      // Cancelled while it waited for the lease. A begin that fails may have no ledger to write to.
      if (isCancellation(error)) await CancellationScope.nonCancellable(() => this.#fail(error));
      throw asRunFailure(error);
    });
    if (!begun.acquired) return this.#end('skipped');
    try {
      const outcome = await this.#load(begun.heartbeatTimeoutMs);
      await this.#finish(outcome);
      return this.#end(outcome);
    } catch (error) {
      await CancellationScope.nonCancellable(() => this.#fail(error));
      throw asRunFailure(error);
    }
  }

  async #begin(): Promise<Begun> {
    const begun = await beginRun({ job, dryRun: this.#input.dryRun ?? false }, (holder) => {
      this.#phase = 'waiting';
      this.#show(`waiting: ${holder} holds the lease`);
    });
    if (begun.acquired) return begun;
    this.#remarks = [`Skipped: ${begun.holder} held the lease for 30 minutes.`];
    await this.#finish('skipped');
    return begun;
  }

  async #load(heartbeatTimeoutMs: number): Promise<'published' | 'nothing due' | 'dry run'> {
    const { due, remarks } = await this.#discover(heartbeatTimeoutMs);
    this.#remarks = [...remarks];
    this.#releasesDue = due.length;
    for (const release of due) await this.#loadRelease(release, heartbeatTimeoutMs);
    if (due.length === 0) return 'nothing due';
    return this.#input.dryRun ? 'dry run' : 'published';
  }

  #discover(heartbeatTimeoutMs: number): Promise<Discovery> {
    this.#enter('discover');
    const { weeks, dryRun = false } = this.#input;
    const { discover } = shortActivities(heartbeatTimeoutMs);
    return discover.executeWithOptions({ summary: 'read the page, compare with what is published' }, [
      { dryRun, ...(weeks !== undefined && { weeks }) },
    ]);
  }

  async #loadRelease(due: DueRelease, heartbeatTimeoutMs: number): Promise<void> {
    const { download, stage, publish, archive } = loadActivities(heartbeatTimeoutMs);
    const name = releaseName(due.release);
    const dryRun = this.#input.dryRun ?? false;
    this.#release = name;

    this.#enter('download');
    const [zip, downloadSeconds] = await timed<LocalZip>(() =>
      download.executeWithOptions({ summary: name }, [{ ...due, dryRun }]),
    );
    this.#enter('stage');
    const [staged, stageSeconds] = await timed(() =>
      stage.executeWithOptions({ summary: `${name} into staging` }, [{ ...zip, dryRun }]),
    );
    this.#remarks.push(...remarksOf(due, staged));
    if (!staged.isPublished) {
      this.#enter('publish');
      const summary = `${name}: ${staged.stagedRows} rows${dryRun ? ' classified, nothing published' : ''}`;
      const [published, publishSeconds] = await timed(() =>
        publish.executeWithOptions({ summary }, [{ zip, staged, dryRun }]),
      );
      const seconds = {
        download: downloadSeconds,
        stage: stageSeconds,
        publish: publishSeconds,
        index: published.indexSeconds,
      };
      this.#done.push({
        ...published,
        release: name,
        sizeBytes: zip.sizeBytes,
        seconds: { ...seconds, archive: 0 },
      });
    }
    this.#release = undefined;
    if (dryRun) return;
    this.#enter('archive');
    const [, archiveSeconds] = await timed<void>(() => archive.executeWithOptions({ summary: name }, [zip]));
    const published = this.#done.at(-1);
    if (published?.release === name) {
      this.#done.splice(-1, 1, {
        ...published,
        seconds: { ...published.seconds, archive: archiveSeconds },
      });
    }
  }

  async #fail(error: unknown): Promise<void> {
    const { outcome, type, message } = endedBy(error);
    this.#show(`${outcome}${type === undefined ? '' : `: ${type}`}`, [message]);
    // The log and the history hold what keeps the ledger from being closed; the run ends with why it failed.
    await this.#finish(outcome, type).catch(() => undefined);
  }

  async #finish(outcome: RunOutcome, type?: string): Promise<void> {
    const { finish } = shortActivities(firstHeartbeatTimeoutMs);
    const input: FinishInput = {
      job,
      dryRun: this.#input.dryRun ?? false,
      outcome,
      ...(type !== undefined && { failureType: type }),
      ...(this.#done.length > 0 && { counts: { ...totalOf(this.#done) } }),
    };
    await finish.executeWithOptions({ summary: `close the run: ${outcome}` }, [input]);
  }

  #end(outcome: NpiUpdateResult['outcome']): NpiUpdateResult {
    this.#phase = 'done';
    const seconds = (Date.now() - this.#startedAt) / 1000;
    const result = { outcome, releases: this.#done, remarks: this.#remarks, seconds };
    setCurrentDetails(endDetails(result));
    return result;
  }

  #enter(phase: NpiPhase): void {
    this.#phase = phase;
    this.#show(this.#release === undefined ? phase : `${phase}: ${this.#release}`);
  }

  #show(now: string, more: readonly string[] = []): void {
    setCurrentDetails(runDetails({ now, done: this.#done, remarks: [...this.#remarks, ...more] }));
  }

  #progress(): NpiProgress {
    return {
      phase: this.#phase,
      ...(this.#release !== undefined && { release: this.#release }),
      releasesDone: this.#done.length,
      releasesDue: this.#releasesDue,
      done: this.#done,
    };
  }
}

/** What a person should know of a file although it is loaded. */
function remarksOf(due: DueRelease, { release, isPublished, newColumns, badUtf8Count }: Staged): string[] {
  const name = releaseName(due.release);
  return [
    ...(isPublished ? [`${name} is published already: the same content, nothing loaded.`] : []),
    ...(release.periodEnd === due.release.periodEnd
      ? []
      : [`${name} covers the days until ${release.periodEnd}, as its member says.`]),
    ...(newColumns.length === 0 ? [] : [`${name} has new columns, not loaded: ${newColumns.join(', ')}.`]),
    ...(badUtf8Count === 0 ? [] : [`${name}: ${badUtf8Count} byte sequences were not UTF-8, now U+FFFD.`]),
  ];
}

/** The counts of all releases of a run, for its last log line. */
function totalOf(done: readonly ReleaseOutcome[]): RowCounts {
  return done
    .map(({ counts }) => counts)
    .reduce((sum, counts) => ({
      rows: sum.rows + counts.rows,
      inserted: sum.inserted + counts.inserted,
      updated: sum.updated + counts.updated,
      unchanged: sum.unchanged + counts.unchanged,
      stale: sum.stale + counts.stale,
      deactivated: sum.deactivated + counts.deactivated,
      refused: sum.refused + counts.refused,
      duplicates: sum.duplicates + counts.duplicates,
    }));
}

/** Seconds by the workflow's clock: the same in a replay. */
async function timed<Result>(work: () => Promise<Result>): Promise<[Result, number]> {
  const startedAt = Date.now();
  const result = await work();
  return [result, (Date.now() - startedAt) / 1000];
}
