import type { PublishReport } from '../db/schema/ledger-json.ts';
import type { Release } from '../nppes/page/release.ts';
import type { Decision } from './decisions.ts';
import type { RollbackWay } from './workflows.ts';
import type { CaseJob, RunJob } from './schedules.ts';

export type { RowCounts } from '../db/schema/ledger-json.ts';

/** How a run ended, as the run ledger keeps it. */
export type RunOutcome =
  | 'published'
  | 'moved'
  | 'nothing due'
  | 'rolled back'
  | 'brought forward'
  | 'resumed'
  | 'dry run'
  | 'rejected'
  | 'skipped'
  | 'failed'
  | 'cancelled';

export interface BeginInput {
  readonly job: RunJob;
  /** A dry run is in the run ledger, but takes no lease. */
  readonly dryRun: boolean;
  /** For a run that moves cases: the new status. `cases` must have the timestamp column of that status. */
  readonly target?: number;
  /** The decision of a person to start this run: an undo or a replacement. A dry run does not record it. */
  readonly decision?: Decision;
}

/**
 * `acquired: false`: another run holds the lease; `holder` names it (workflow id and run id). `shadow`: the worker allows
 * only dry runs. `checksRegistry`: NPI_CHECK_PARTS is set, so a run that publishes checks a part of the registry. `searchAttributes`: the run may set them; without them registered, its workflow task would fail for ever.
 */
export type Begun = {
  readonly searchAttributes?: true;
  /** The run that began; another one than the run that reads it after a reset. Runs of older versions have none. */
  readonly runId?: string;
} & (
  | {
      readonly acquired: true;
      readonly heartbeatTimeoutMs: number;
      readonly shadow?: true;
      readonly checksRegistry?: true;
    }
  | { readonly acquired: false; readonly holder: string }
);

export interface DiscoverInput {
  /** Load at most this many weeklies, the newest ones, and no report. Absent: load everything that is due. */
  readonly weeks?: number;
  readonly dryRun: boolean;
  /** Load the newest monthly, whatever NPI_BASELINE says. */
  readonly replace?: boolean;
  /** Load from the archive on the worker's host; the page is not read. */
  readonly rebuild?: boolean;
  /** With `rebuild`: the last release to load. */
  readonly until?: string;
  /** Load only this zip on the worker's host, given as a `file:` address; the page is not read. */
  readonly file?: string;
}

/** A release that this run must load. */
export interface DueRelease {
  readonly release: Release;
  readonly url: string;
  /** Only for a monthly: it replaces the live tables as if nothing were loaded. */
  readonly rebuild?: boolean;
}

export interface Discovery {
  /** In publishing order: a monthly first, then the weeklies and the report after it, oldest first. */
  readonly due: readonly DueRelease[];
  readonly remarks: readonly string[];
}

/** A release that was rolled back, brought forward or given up. The counts of one that was given up are 0. */
export interface RolledRelease {
  readonly release: string;
  /** Providers whose row was changed. */
  readonly providers: number;
  readonly searchRows: number;
}

/** A complete, verified zip on this host's disk. The sha256 lets any other host find or fetch the same zip. */
export interface DownloadedRelease extends DueRelease {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly etag?: string;
}

/** What staging found in the file `npidata_pfile_…` of the zip; rows = staged + refused. */
export interface Staged {
  /** True when this exact file is already published: nothing is staged or published. */
  readonly isPublished: boolean;
  /** Why the release is not loaded, when the period in the member's name rules it out. Nothing is staged. */
  readonly heldBack?: string;
  readonly member: string;
  readonly rows: number;
  readonly stagedRows: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Byte sequences that were not valid UTF-8 and became U+FFFD. */
  readonly badUtf8Count: number;
  readonly newColumns: readonly string[];
  /** The release, with the period from the member's name. */
  readonly release: Release;
  /** What a person should know about the reference files of the zip, one sentence each. */
  readonly referenceRemarks?: readonly string[];
}

/** What a publish did: the report that the ledger keeps, and what only the activity knows. */
export interface Published extends Omit<PublishReport, 'typeRows'> {
  /** Deactivation report only: how many providers are deactivated here but missing from the newest report. */
  readonly unreported?: number;
}

/** A monthly in its shadow tables; seconds to fill and index each letter's search table, by table. */
export interface BaselineLoaded extends Staged {
  readonly searchSeconds: Readonly<Record<string, number>>;
}

/** Seconds to build the keys, in total and by table. */
export interface BaselineIndexed {
  readonly indexSeconds: number;
  readonly searchSeconds: Readonly<Record<string, number>>;
}

export interface BaselineChecked {
  /** One sentence for each count that is too small compared with the last monthly. */
  readonly shortfalls: readonly string[];
  /** Known providers that are missing from the file and are removed. */
  readonly removed: number;
}

/** Elapsed seconds by phase; `publish` includes `index`. */
export interface ReleaseSeconds {
  readonly download: number;
  readonly stage: number;
  readonly publish: number;
  readonly index: number;
  readonly archive: number;
}

export interface FinishInput {
  readonly job: RunJob;
  readonly dryRun: boolean;
  readonly outcome: RunOutcome;
  readonly failureType?: string;
  /** What happened and what to do, for the notification. */
  readonly failureMessage?: string;
  /** What a person should know about the loaded releases; kept until somebody acknowledges it. */
  readonly warnings?: readonly string[];
  /** For the last log line of the run, and for the notification. */
  readonly counts?: Readonly<Record<string, number>>;
  /** Since the start of the run, waits included. */
  readonly seconds?: number;
}

/** The first and the last step of every run. */
export interface RunActivities {
  begin(input: BeginInput): Promise<Begun>;
  /** Records the answer of a person to this run, before the run acts on it. */
  noteDecision(input: { readonly job: RunJob; readonly decision: Decision }): Promise<void>;
  /** Closes the run in the ledger, releases the lease, and drops the run's staging and shadow tables. */
  finish(input: FinishInput): Promise<void>;
}

/** Everything that the workflow `npiUpdate` can do outside its sandbox. */
export interface NpiActivities extends RunActivities {
  /** Finds what is due. Here and below, a dry run takes no lease. */
  discover(input: DiscoverInput): Promise<Discovery>;
  download(due: DueRelease & { readonly dryRun: boolean }): Promise<DownloadedRelease>;
  /** Reads the zip into the staging table of the run. */
  stage(zip: DownloadedRelease & { readonly dryRun: boolean }): Promise<Staged>;
  /** Writes the staged rows to the live tables in one transaction. A dry run counts the changes and rolls back. */
  publish(input: {
    readonly zip: DownloadedRelease;
    readonly staged: Staged;
    readonly dryRun: boolean;
  }): Promise<Published>;
  /** Takes the newest release back, brings the last one that was taken back forward, or gives up those taken back. */
  rollback(input: { readonly way: RollbackWay }): Promise<readonly RolledRelease[]>;
  /**
   * Compares the next part of the rows with the archived zips, and the archive, the search tables and the ledger completely.
   * Records the differences; they are no failure.
   */
  checkRegistry(): Promise<{ readonly remarks: readonly string[] }>;
  /**
   * Moves the zip to the archive, and removes the zips and the history that `NPI_ARCHIVE_KEEP` and `NPI_HISTORY_KEEP` no
   * longer keep.
   */
  archive(zip: DownloadedRelease): Promise<void>;
  /** Loads a monthly into shadow tables beside the live tables and keeps live rows that are newer than the monthly. */
  loadBaseline(zip: DownloadedRelease): Promise<BaselineLoaded>;
  /** Builds the secondary keys, and the search rows of the providers whose live row is kept. */
  indexBaseline(input: { readonly release: Release; readonly rebuild?: boolean }): Promise<BaselineIndexed>;
  /** Compares the shadow with the last monthly. If a count falls short, a person must approve before it goes live. */
  checkBaseline(input: { readonly staged: Staged }): Promise<BaselineChecked>;
  /** Replaces the live tables with the shadow tables. */
  swapBaseline(input: {
    readonly zip: DownloadedRelease;
    readonly staged: Staged;
    readonly indexed: BaselineIndexed;
  }): Promise<Published>;
}

/** What `selectCases` selects: every active case with a status. */
export interface CaseSelection {
  readonly job: CaseJob;
  readonly source: number;
  readonly target: number;
  readonly force: boolean;
  /** Takes no lease; the run moves nothing. */
  readonly dryRun: boolean;
  /** ISO, UTC. A case that another job moved to `source` after this time waits for the next run. */
  readonly scheduledAt: string;
  /** The run waits for an approval above this many cases. Overrides `CASE_UPDATE_MAX`. */
  readonly limit?: number;
}

export interface CasesSelected {
  readonly found: number;
  /** Cases with the source status that wait for the next run of the job. */
  readonly leftForNextRun: number;
  /** `CASE_UPDATE_MAX` of the worker: a run that finds more waits for an approval. */
  readonly waitAbove?: number;
}

export interface CasesMoved {
  readonly updated: number;
  /** Cases that were not moved, counted by reason. The ledger lists them. */
  readonly exceptions: Readonly<Record<string, number>>;
}

/** Everything that the case workflows can do outside their sandbox. Case ids never leave the database. */
export interface CaseActivities extends RunActivities {
  selectCases(selection: CaseSelection): Promise<CasesSelected>;
  /** Selects the cases that the run `undoes` moved. */
  selectUndo(input: { readonly undoes: string }): Promise<CasesSelected>;
  /** Moves the selected cases that have not been moved yet. */
  moveCases(input: { readonly job: RunJob }): Promise<CasesMoved>;
}

/** What an activity's heartbeat carries; `totalBytes` when the total is known. */
export interface Heartbeat {
  readonly phase: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly totalBytes?: number;
  readonly cases?: number;
  /** The current step in a few words, such as the name of a table. */
  readonly step?: string;
  /** How many attempts of the activity have ended with each type of failure. The next attempt reads it. */
  readonly errors?: Readonly<Record<string, number>>;
}
