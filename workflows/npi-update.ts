import {
  CancellationScope,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type {
  BaselineLoaded,
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
import { compareReleases, releaseName } from '../nppes/page/release.ts';
import { Approval } from './approval.ts';
import { baselineQuestion, endDetails, grouped, runDetails } from './details.ts';
import { firstHeartbeatTimeoutMs, loadActivities, shortActivities } from './phases.ts';
import { asRunFailure, beginRun, endedBy } from './run-lifecycle.ts';

const job = 'npi-update';

/** Every due release of the registry, oldest first: discover, then download, stage, publish and archive each. */
export async function npiUpdate(input: NpiUpdateInput = {}): Promise<NpiUpdateResult> {
  return new NpiUpdateRun(input).run();
}

class NpiUpdateRun {
  readonly #input: NpiUpdateInput;
  readonly #startedAt = Date.now();
  readonly #done: ReleaseOutcome[] = [];
  #remarks: string[] = [];
  readonly #approval = new Approval({
    approve: 'Lets a monthly that is smaller than the last one go live.',
    reject: 'Ends a run that waits; the tables stay as they are.',
  });
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

  async #load(heartbeatTimeoutMs: number): Promise<'published' | 'nothing due' | 'dry run' | 'rejected'> {
    const { replace } = this.#input;
    const { due, remarks } = await this.#discover(heartbeatTimeoutMs, replace);
    this.#remarks = [...remarks];
    this.#releasesDue = due.length;
    const [first] = due;
    if (first?.release.kind === 'monthly')
      return this.#loadAfterBaseline(first, due.slice(1), heartbeatTimeoutMs);
    for (const release of due) await this.#loadRelease(release, heartbeatTimeoutMs);
    if (due.length === 0) return 'nothing due';
    return this.#input.dryRun ? 'dry run' : this.#published();
  }

  /** A monthly, then the weeklies after it: which ones, the page is asked again, now that its period is known. */
  async #loadAfterBaseline(
    monthly: DueRelease,
    weeklies: readonly DueRelease[],
    heartbeatTimeoutMs: number,
  ): Promise<'published' | 'nothing due' | 'dry run' | 'rejected'> {
    if (this.#input.dryRun) {
      const name = releaseName(monthly.release);
      this.#remarks.push(
        this.#input.file === undefined
          ? `${name} is due; \`surgicase npi replace --dry-run\` says what it would take.`
          : `${name} is due: it would take the place of what is there.`,
      );
      const after = weeklies.filter(({ release }) => compareReleases(release, monthly.release) > 0);
      for (const release of after) await this.#loadRelease(release, heartbeatTimeoutMs);
      return 'dry run';
    }
    if (!(await this.#loadBaseline(monthly, heartbeatTimeoutMs))) return 'rejected';
    if (this.#input.file !== undefined) return this.#published();
    const { due, remarks } = await this.#discover(heartbeatTimeoutMs);
    const open = due.filter(({ release }) => release.kind !== 'monthly');
    this.#remarks.push(...remarks.filter((remark) => !this.#remarks.includes(remark) && open.length > 0));
    this.#releasesDue = 1 + open.length;
    for (const release of open) await this.#loadRelease(release, heartbeatTimeoutMs);
    return this.#published();
  }

  /** What was due by its name may turn out to be published already, or to be held by a monthly. */
  #published(): 'published' | 'nothing due' {
    return this.#done.length === 0 ? 'nothing due' : 'published';
  }

  #discover(heartbeatTimeoutMs: number, replace?: boolean): Promise<Discovery> {
    this.#enter('discover');
    const { weeks, dryRun = false, file } = this.#input;
    const { discover } = shortActivities(heartbeatTimeoutMs);
    const what = file === undefined ? 'read the page' : 'look at the file';
    return discover.executeWithOptions({ summary: `${what}, compare with what is published` }, [
      {
        dryRun,
        ...(weeks !== undefined && { weeks }),
        ...(replace && { replace }),
        ...(file !== undefined && { file }),
      },
    ]);
  }

  /** False when a person has rejected it. */
  async #loadBaseline(due: DueRelease, heartbeatTimeoutMs: number): Promise<boolean> {
    const { download, loadBaseline, archive } = loadActivities(heartbeatTimeoutMs);
    const name = releaseName(due.release);
    this.#release = name;
    this.#enter('download');
    const [zip, downloadSeconds] = await timed<LocalZip>(() =>
      download.executeWithOptions({ summary: name }, [{ ...due, dryRun: false }]),
    );
    this.#enter('load');
    const [loaded, loadSeconds] = await timed(() =>
      loadBaseline.executeWithOptions({ summary: `${name} into shadow tables` }, [zip]),
    );
    this.#remarks.push(...remarksOf(due, loaded));
    if (!loaded.isPublished) {
      const isLive = await this.#goLive(zip, loaded, { downloadSeconds, loadSeconds }, heartbeatTimeoutMs);
      if (!isLive) return false;
    }
    this.#release = undefined;
    await this.#archive(zip, name, archive);
    return true;
  }

  async #goLive(
    zip: LocalZip,
    { searchSeconds, ...staged }: BaselineLoaded,
    { downloadSeconds, loadSeconds }: { readonly downloadSeconds: number; readonly loadSeconds: number },
    heartbeatTimeoutMs: number,
  ): Promise<boolean> {
    const { indexBaseline, checkBaseline, swapBaseline } = loadActivities(heartbeatTimeoutMs);
    const name = releaseName(staged.release);
    this.#enter('index');
    const [indexed, indexSeconds] = await timed(() =>
      indexBaseline.executeWithOptions({ summary: `${name}: keys of the shadow tables` }, [
        { release: staged.release },
      ]),
    );
    this.#enter('check');
    const [{ shortfalls, removed }, checkSeconds] = await timed(() =>
      checkBaseline.executeWithOptions({ summary: `${name} beside the last monthly` }, [{ staged }]),
    );
    if (removed > 0)
      this.#remarks.push(`${grouped(removed)} known providers are not in ${name} and are gone.`);
    if (shortfalls.length > 0 && !(await this.#isApproved(name, shortfalls))) return false;
    this.#enter('swap');
    const bySearchTable = { ...searchSeconds, ...indexed.searchSeconds };
    const [published, swapSeconds] = await timed(() =>
      swapBaseline.executeWithOptions({ summary: `${name}: ${grouped(staged.stagedRows)} rows go live` }, [
        { zip, staged, indexed: { ...indexed, searchSeconds: bySearchTable } },
      ]),
    );
    this.#done.push({
      ...published,
      kind: 'monthly',
      release: name,
      sizeBytes: zip.sizeBytes,
      seconds: {
        download: downloadSeconds,
        stage: loadSeconds,
        publish: indexSeconds + checkSeconds + swapSeconds,
        index: indexSeconds,
        archive: 0,
      },
    });
    return true;
  }

  async #isApproved(name: string, shortfalls: readonly string[]): Promise<boolean> {
    this.#phase = 'approval';
    setCurrentDetails(baselineQuestion(name, shortfalls));
    const decision = await this.#approval.ask(`${name} (${shortfalls.join('; ')})`);
    const how = `${decision} although it is smaller: ${shortfalls.join('; ')}.`;
    this.#remarks.push(
      decision === 'approved' ? `${name} was ${how}` : `${name} was rejected: nothing was changed.`,
    );
    return decision === 'approved';
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
    if (!staged.isPublished && staged.heldBack === undefined) {
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
      if (published.unreported) this.#remarks.push(unreportedRemark(published.unreported));
      this.#done.push({
        ...published,
        release: name,
        sizeBytes: zip.sizeBytes,
        seconds: { ...seconds, archive: 0 },
      });
    }
    this.#release = undefined;
    if (dryRun) return;
    await this.#archive(zip, name, archive);
  }

  async #archive(
    zip: LocalZip,
    name: string,
    archive: ReturnType<typeof loadActivities>['archive'],
  ): Promise<void> {
    this.#enter('archive');
    const [, archiveSeconds] = await timed<void>(() => archive.executeWithOptions({ summary: name }, [zip]));
    const published = this.#done.at(-1);
    if (published?.release !== name) return;
    this.#done.splice(-1, 1, { ...published, seconds: { ...published.seconds, archive: archiveSeconds } });
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
function remarksOf(
  due: DueRelease,
  { release, isPublished, heldBack, newColumns, badUtf8Count }: Staged,
): string[] {
  const name = releaseName(due.release);
  return [
    ...(heldBack === undefined ? [] : [`${name} is not loaded: ${heldBack}.`]),
    ...(isPublished ? [`${name} is published already: the same content, nothing loaded.`] : []),
    ...(release.periodEnd === due.release.periodEnd
      ? []
      : [`${name} covers the days until ${release.periodEnd}, as its member says.`]),
    ...(newColumns.length === 0 ? [] : [`${name} has new columns, not loaded: ${newColumns.join(', ')}.`]),
    ...(badUtf8Count === 0 ? [] : [`${name}: ${badUtf8Count} byte sequences were not UTF-8, now U+FFFD.`]),
  ];
}

function unreportedRemark(count: number): string {
  return `${grouped(count)} providers are deactivated here and not in the newest report: they stay so (table npi_unreported).`;
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
