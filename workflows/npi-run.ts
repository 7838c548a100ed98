import { defineQuery, patched, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { DownloadedRelease, RolledRelease, RowCounts } from '../contract/activities.ts';
import {
  progressQuery,
  type NpiPhase,
  type NpiProgress,
  type NpiUpdateInput,
  type NpiUpdateOutcome,
  type NpiUpdateResult,
  type ReleaseOutcome,
} from '../contract/workflows.ts';
import { LiveState } from './activity-state.ts';
import { Approval, type Answer } from './approval.ts';
import { endDetails, runDetails } from './details.ts';
import { failureOf } from './failure.ts';
import { Listing } from './listing.ts';
import type { LoadActivities } from './phases.ts';
import { ResetGuard } from './reset-guard.ts';
import { releaseFailure } from './run-lifecycle.ts';

/** The state of one run of `npiUpdate`, which the query, the Web UI and the result show. */
export class NpiRun {
  readonly input: NpiUpdateInput;
  isDryRun: boolean;
  readonly remarks: string[] = [];
  /** What a rollback did; absent in every other run. */
  rolled?: readonly RolledRelease[];
  /** Those remarks that stay on the status page until somebody acknowledges them. */
  readonly warnings: string[] = [];
  readonly listing = new Listing('npi-update');
  readonly resetGuard = new ResetGuard();
  /** The release under way; absent before the first and after the last. */
  release: string | undefined;
  releasesDue = 0;
  readonly #startedAt = Date.now();
  readonly #done: ReleaseOutcome[] = [];
  readonly #missing: { readonly type: string; readonly text: string }[] = [];
  readonly #approval = new Approval('npi-update', {
    approve: 'Lets a monthly that is smaller than the last one go live.',
    reject: 'Ends a waiting run; the tables stay as they are.',
  });
  readonly #live: LiveState;
  #phase: NpiPhase = 'begin';

  constructor(input: NpiUpdateInput) {
    this.input = input;
    this.isDryRun = input.dryRun ?? false;
    setHandler(defineQuery<NpiProgress>(progressQuery), () => this.#progress(), {
      description: 'The phase, the release under way, and the counts of each finished release.',
    });
    this.#live = new LiveState(
      () => this.#phase,
      () => this.#showPhase(),
    );
  }

  /** @throws ApplicationFailure ResetTooLate */
  enter(phase: NpiPhase): void {
    this.resetGuard.check();
    this.#phase = phase;
    this.#live.clear();
    this.#showPhase();
  }

  #showPhase(): void {
    const now = this.release === undefined ? this.#phase : `${this.#phase}: ${this.release}`;
    setCurrentDetails(runDetails({ now, live: this.#live.table(), done: this.#done, remarks: this.remarks }));
  }

  warn(remarks: readonly string[]): void {
    this.remarks.push(...remarks);
    this.warnings.push(...remarks);
  }

  wait(holder: string): void {
    this.#phase = 'waiting';
    this.show(`waiting: ${holder} holds the lease`);
  }

  show(now: string, more: readonly string[] = []): void {
    setCurrentDetails(runDetails({ now, done: this.#done, remarks: [...this.remarks, ...more] }));
  }

  /** @throws ApplicationFailure ApprovalTimedOut, beginning with `what`, after 24 hours */
  ask(what: string, details: string): Promise<Answer> {
    this.#phase = 'approval';
    setCurrentDetails(details);
    return this.#approval.ask(what);
  }

  add(
    outcome: Omit<ReleaseOutcome, 'seconds'> & { seconds: Omit<ReleaseOutcome['seconds'], 'archive'> },
  ): void {
    this.#done.push({ ...outcome, seconds: { ...outcome.seconds, archive: 0 } });
  }

  async archive(zip: DownloadedRelease, name: string, { archive }: LoadActivities): Promise<void> {
    this.enter('archive');
    const [, archiveSeconds] = await timed<void>(() =>
      archive.executeWithOptions({ summary: name }, [zip]).catch((error: unknown) => {
        const failure = releaseFailure(error);
        // Runs of earlier versions ended with this failure.
        if (!failure || !patched('next-release-after-archive')) throw error;
        this.miss(failure, `${name} is published, but its zip is not in the archive`);
      }),
    );
    const published = this.#done.at(-1);
    if (published?.release !== name) return;
    this.#done.splice(-1, 1, { ...published, seconds: { ...published.seconds, archive: archiveSeconds } });
  }

  /** Notes what the run could not do with a release. It continues with the next one, and fails at its end. */
  miss({ type, message }: { readonly type: string; readonly message: string }, what: string): void {
    this.release = undefined;
    this.#missing.push({ type, text: `${what}: ${message}` });
  }

  /** @throws ApplicationFailure with the type of the first missing release; its message names all of them */
  throwMissing(): void {
    const [first] = this.#missing;
    if (first === undefined) return;
    const loaded = this.loaded().join(', ');
    const texts = [
      ...this.#missing.map(({ text }) => text),
      ...(loaded ? [`Loaded in this run: ${loaded}.`] : []),
    ];
    throw failureOf(first.type, texts.join(' '));
  }

  /** A release that is due by its name may be published already, or a monthly may cover its period. */
  outcome(): 'published' | 'nothing due' {
    return this.#done.length === 0 ? 'nothing due' : 'published';
  }

  /** The names of the releases that the run loaded. */
  loaded(): string[] {
    return this.#done.map(({ release }) => release);
  }

  /** The counts of all releases of the run; absent when it published none. */
  counts(): RowCounts | undefined {
    if (this.#done.length === 0) return undefined;
    return this.#done
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

  /** Since the start of the run. */
  seconds(): number {
    return (Date.now() - this.#startedAt) / 1000;
  }

  end(outcome: NpiUpdateOutcome): NpiUpdateResult {
    this.#phase = 'done';
    const result: NpiUpdateResult = {
      outcome,
      releases: this.#done,
      ...(this.rolled && { rolled: this.rolled }),
      remarks: this.remarks,
      seconds: this.seconds(),
    };
    setCurrentDetails(endDetails(result));
    return result;
  }

  #progress(): NpiProgress {
    return {
      phase: this.#phase,
      ...(this.release !== undefined && { release: this.release }),
      releasesDone: this.#done.length,
      releasesDue: this.releasesDue,
      done: this.#done,
    };
  }
}

/** Seconds by the workflow's clock, so a replay measures the same. */
export async function timed<Result>(work: () => Promise<Result>): Promise<[Result, number]> {
  const startedAt = Date.now();
  const result = await work();
  return [result, (Date.now() - startedAt) / 1000];
}
