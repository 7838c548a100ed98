import type { Published, ReleaseSeconds } from './activities.ts';

/** Input of `npiUpdate`; started without one it does what the schedule does. */
export interface NpiUpdateInput {
  /** Download, stage and classify; publish nothing, take no lease. */
  readonly dryRun?: boolean;
  /** At most this many of the due weeklies, the newest ones; all when absent. */
  readonly weeks?: number;
  /** Load the newest monthly in the place of what is there, whatever NPI_BASELINE says. */
  readonly replace?: boolean;
  /**
   * Load this zip and no other, whatever the page lists: `file:///path/of/NPPES_….zip`, on the worker's host. A monthly
   * takes the place of what is there.
   */
  readonly file?: string;
}

/**
 * What became of one release in a run. Of a monthly, `stage` are the seconds of its loading, `index` those of its keys, and
 * `publish` those of keys, check and swap; the wait for an approval is in none.
 */
export interface ReleaseOutcome extends Published {
  /** Absent for a weekly. */
  readonly kind?: 'monthly';
  readonly release: string;
  readonly sizeBytes: number;
  readonly seconds: ReleaseSeconds;
}

/** `skipped`: another run of the job held the lease for 30 minutes. */
export type NpiUpdateOutcome = 'published' | 'nothing due' | 'dry run' | 'rejected' | 'skipped';

export interface NpiUpdateResult {
  readonly outcome: NpiUpdateOutcome;
  readonly releases: readonly ReleaseOutcome[];
  /** Why nothing, or not everything, was loaded: one sentence each, for people. */
  readonly remarks: readonly string[];
  readonly seconds: number;
}

/** `waiting`: another run of the job holds the lease; `approval`: a monthly waits for `approve` or `reject`. */
export type NpiPhase =
  | 'begin'
  | 'waiting'
  | 'discover'
  | 'download'
  | 'stage'
  | 'publish'
  | 'load'
  | 'index'
  | 'check'
  | 'approval'
  | 'swap'
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

/** Input of `pendingPaymentUpdate` and `paidUpdate`; started without one they do what their schedules do. */
export interface CaseUpdateInput {
  /** The status that the cases stand at; the job's own when absent. */
  readonly source?: number;
  /** The status that they go to; the job's own when absent. */
  readonly target?: number;
  /** Allows a target below the source. */
  readonly force?: boolean;
  /** Count what would move, write nothing, take no lease. */
  readonly dryRun?: boolean;
  /** A run that finds more cases than this waits for an approval; in place of `CASE_UPDATE_MAX`. */
  readonly limit?: number;
}

/** Input of `caseUndo`. */
export interface CaseUndoInput {
  /** The run id of the case update that is taken back. */
  readonly undoes: string;
}

/** `rejected`: a person refused what waited for an approval, and nothing was moved. */
export type CaseOutcome = 'moved' | 'nothing due' | 'dry run' | 'rejected' | 'skipped';

/** Result of every workflow that moves cases. */
export interface CaseUpdateResult {
  readonly outcome: CaseOutcome;
  /** Absent for an undo, which brings each case back to where it was. */
  readonly source?: number;
  readonly target?: number;
  /** found = updated + all exceptions, when cases were moved. */
  readonly found: number;
  readonly updated: number;
  readonly exceptions: Readonly<Record<string, number>>;
  readonly leftForNextRun: number;
  /** One sentence each, for people. */
  readonly remarks: readonly string[];
  readonly seconds: number;
  /** Of the moving alone. */
  readonly casesPerSecond: number;
}

/** `waiting`: another run holds the lease; `approval`: the run waits for `approve` or `reject`. */
export type CasePhase = 'begin' | 'waiting' | 'select' | 'approval' | 'move' | 'done';

/** Answer of the query `progress` of a run that moves cases. */
export interface CaseProgress {
  readonly phase: CasePhase;
  readonly found: number;
  readonly updated: number;
  /** How many cases a run may move without an approval; present where one is awaited. */
  readonly limit?: number;
}

/** The updates that end the wait for an approval. */
export const approveUpdate = 'approve';
export const rejectUpdate = 'reject';

export type RunResult = NpiUpdateResult | CaseUpdateResult;
export type RunProgress = NpiProgress | CaseProgress;
/** What a job can be started with; without it, it does what its schedule does. */
export type RunInput = NpiUpdateInput | CaseUpdateInput | CaseUndoInput;

/** The query that every pipeline workflow answers. */
export const progressQuery = 'progress';
