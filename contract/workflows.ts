import type { Published, ReleaseSeconds } from './activities.ts';

/** Input of `npiUpdate`; started without one it does what the schedule does. */
export interface NpiUpdateInput {
  /** Download, stage and classify; publish nothing, take no lease. */
  readonly dryRun?: boolean;
  /** At most this many of the due weeklies, the newest ones; all when absent. */
  readonly weeks?: number;
}

/** What became of one release in a run. */
export interface ReleaseOutcome extends Published {
  readonly release: string;
  readonly sizeBytes: number;
  readonly seconds: ReleaseSeconds;
}

/** `skipped`: another run of the job held the lease for 30 minutes. */
export type NpiUpdateOutcome = 'published' | 'nothing due' | 'dry run' | 'skipped';

export interface NpiUpdateResult {
  readonly outcome: NpiUpdateOutcome;
  readonly releases: readonly ReleaseOutcome[];
  /** Why nothing, or not everything, was loaded: one sentence each, for people. */
  readonly remarks: readonly string[];
  readonly seconds: number;
}

/** `waiting`: another run of the job holds the lease. */
export type NpiPhase =
  | 'begin'
  | 'waiting'
  | 'discover'
  | 'download'
  | 'stage'
  | 'publish'
  | 'archive'
  | 'done';

/** Answer of the query `progress`. Rows and bytes inside a phase are in the activity's heartbeat. */
export interface NpiProgress {
  readonly phase: NpiPhase;
  /** The release under way, absent before the first and after the last. */
  readonly release?: string;
  readonly releasesDone: number;
  readonly releasesDue: number;
  readonly done: readonly ReleaseOutcome[];
}

/** The query that every pipeline workflow answers. */
export const progressQuery = 'progress';
