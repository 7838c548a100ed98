import type { Heartbeat, Published, ReleaseSeconds, RolledRelease } from './activities.ts';
import type { DecidedBy } from './decisions.ts';

/**
 * `back`: the newest release is taken back. `forward`: the release that was taken back last comes back. `resume`: what is taken
 * back stays so, and runs load again.
 */
export type RollbackWay = 'back' | 'forward' | 'resume';

/**
 * Input of `npiUpdate`. Without input it does what the schedule does. `by` and `reason` belong to `replace`, `rebuild` and
 * `rollback`.
 */
export interface NpiUpdateInput extends DecidedBy {
  /** Download, stage and classify, but publish nothing and take no lease. */
  readonly dryRun?: boolean;
  /** Load at most this many weeklies, the newest ones. Absent: load everything that is due. */
  readonly weeks?: number;
  /** Replace the live tables with the newest monthly, whatever NPI_BASELINE says. */
  readonly replace?: boolean;
  /** Load the newest monthly of the archive and everything after it again, whatever is published. */
  readonly rebuild?: boolean;
  /** With `rebuild`: the last release to load, by CMS's file name without `.zip`. Later ones count as not loaded. */
  readonly until?: string;
  /** Load nothing; take a release back or bring it forward. While one is taken back, runs load nothing. */
  readonly rollback?: RollbackWay;
  /**
   * Load only this zip, whatever the page lists: `file:///path/of/NPPES_….zip` on the worker's host. A monthly replaces
   * the live tables.
   */
  readonly file?: string;
}

/**
 * The result of one release in a run. For a monthly, `stage` is the time to load it, `index` the time to build its keys,
 * and `publish` the time for keys, check and swap. No value includes the wait for an approval.
 */
export interface ReleaseOutcome extends Published {
  /** Absent for a weekly or a report. */
  readonly kind?: 'monthly';
  readonly release: string;
  readonly sizeBytes: number;
  readonly seconds: ReleaseSeconds;
}

/** `skipped`: another run of the job held the lease for 30 minutes. */
export type NpiUpdateOutcome =
  | 'published'
  | 'nothing due'
  | 'rolled back'
  | 'brought forward'
  | 'resumed'
  | 'dry run'
  | 'rejected'
  | 'skipped';

/** Result of the workflow `npiUpdate`. */
export interface NpiUpdateResult {
  readonly outcome: NpiUpdateOutcome;
  readonly releases: readonly ReleaseOutcome[];
  /** Only of a rollback: the releases that it took back, brought forward or gave up. */
  readonly rolled?: readonly RolledRelease[];
  /** What a person should know about the run, such as why a release was not loaded; one sentence each. */
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
  | 'registry check'
  | 'rollback'
  | 'done';

/** Answer of the query `progress`. The activity's heartbeat has the rows and bytes within a phase. */
export interface NpiProgress {
  readonly phase: NpiPhase;
  /** The release in progress; absent before the first and after the last. */
  readonly release?: string;
  readonly releasesDone: number;
  readonly releasesDue: number;
  readonly done: readonly ReleaseOutcome[];
}

/** Input of `pendingPaymentUpdate` and `paidUpdate`. Without input they do what their schedules do. */
export interface CaseUpdateInput {
  /** The current status of the cases to move; the job's own when absent. */
  readonly source?: number;
  /** The new status; the job's own when absent. */
  readonly target?: number;
  /** Allows a target below the source. */
  readonly force?: boolean;
  /** Count the cases that would move, but write nothing and take no lease. */
  readonly dryRun?: boolean;
  /** A run that finds more cases than this waits for an approval. Overrides `CASE_UPDATE_MAX`. */
  readonly limit?: number;
}

/** Input of `caseUndo`. */
export interface CaseUndoInput extends DecidedBy {
  /** The run id of the case update to undo. */
  readonly undoes: string;
}

/** `rejected`: a person rejected the run while it waited for an approval; nothing was moved. */
export type CaseOutcome = 'moved' | 'nothing due' | 'dry run' | 'rejected' | 'skipped';

/** Result of every workflow that moves cases. */
export interface CaseUpdateResult {
  readonly outcome: CaseOutcome;
  /** Absent for an undo, which returns each case to its previous status. */
  readonly source?: number;
  readonly target?: number;
  /** When cases were moved: found = updated + all exceptions. */
  readonly found: number;
  readonly updated: number;
  readonly exceptions: Readonly<Record<string, number>>;
  readonly leftForNextRun: number;
  /** What a person should know about the run; one sentence each. */
  readonly remarks: readonly string[];
  readonly seconds: number;
  /** Measured over the phase `move` alone. */
  readonly casesPerSecond: number;
}

/** `waiting`: another run holds the lease; `approval`: the run waits for `approve` or `reject`. */
export type CasePhase = 'begin' | 'waiting' | 'select' | 'approval' | 'move' | 'done';

/** Answer of the query `progress` of a run that moves cases. */
export interface CaseProgress {
  readonly phase: CasePhase;
  readonly found: number;
  readonly updated: number;
  /** How many cases the run may move without an approval; present while it waits for one. */
  readonly limit?: number;
}

/** How long a run waits for an approval before it fails. */
export const approvalPatienceMs = 24 * 3_600_000;

/** The updates that end the wait for an approval. Each takes a `DecidedBy`, or nothing. */
export const approveUpdate = 'approve';
export const rejectUpdate = 'reject';

export type RunResult = NpiUpdateResult | CaseUpdateResult;
export type RunProgress = NpiProgress | CaseProgress;
/** What a job can be started with. Without input it does what its schedule does. */
export type RunInput = NpiUpdateInput | CaseUpdateInput | CaseUndoInput;

/** The query that every pipeline workflow answers. */
export const progressQuery = 'progress';

/** The signal with which an activity says how it is doing; the run shows it in its details. */
export const activityStateSignal = 'activityState';

/** What an activity says about itself while it works, and before Temporal retries it. */
export interface ActivityState {
  /** A run that was reset receives the signals of the run before it again. */
  readonly runId: string;
  readonly progress: Heartbeat;
  readonly attempt: number;
  /** Why the attempt failed; absent while it works. */
  readonly reason?: string;
  /** When Temporal starts the next attempt, ISO, UTC. */
  readonly nextTryAt?: string;
}
