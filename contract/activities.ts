import type { PublishReport } from '../db/schema/ledger-json.ts';
import type { Release } from '../nppes/page/release.ts';
import type { CaseJob, RunJob } from './schedules.ts';

export type { RowCounts } from '../db/schema/ledger-json.ts';

/** Ends a wait or a run; also what the run ledger keeps. */
export type RunOutcome =
  | 'published'
  | 'moved'
  | 'nothing due'
  | 'dry run'
  | 'rejected'
  | 'skipped'
  | 'failed'
  | 'cancelled';

export interface BeginInput {
  readonly job: RunJob;
  /** A dry run is written to the run ledger, but takes no lease. */
  readonly dryRun: boolean;
  /** Of a run that moves cases: the status that they go to; the column of its time has to be there. */
  readonly target?: number;
}

/** `acquired: false`: another run holds the lease; `holder` names it (workflow id and run id). */
export type Begun =
  | { readonly acquired: true; readonly heartbeatTimeoutMs: number }
  | { readonly acquired: false; readonly holder: string };

export interface DiscoverInput {
  /** At most this many of the due weeklies, the newest ones, and nothing else after a monthly; all when absent. */
  readonly weeks?: number;
  readonly dryRun: boolean;
  /** The newest monthly is due whatever NPI_BASELINE says. */
  readonly replace?: boolean;
  /** Only this zip of the worker's host is offered, as a `file:` address; the page is not read. */
  readonly file?: string;
}

/** A release that this run is to load. */
export interface DueRelease {
  readonly release: Release;
  readonly url: string;
}

export interface Discovery {
  /** In the order in which they are published: a monthly first, then the weeklies and the report after it, oldest first. */
  readonly due: readonly DueRelease[];
  readonly remarks: readonly string[];
}

/** A zip on this host's disk, whole and tested. Any host gets the same one again by its sha256. */
export interface LocalZip extends DueRelease {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly etag?: string;
  /** Where it came from: `archive` and `work` saved the download. */
  readonly source: 'download' | 'archive' | 'work';
}

/** What staging knows of the member `npidata_pfile_…`; rows = staged + refused. */
export interface Staged {
  /** True when this very file is published already: nothing is staged, publish and archive have nothing to do. */
  readonly isPublished: boolean;
  /** Why the days that the member names, against the zip's name, keep it from being loaded: nothing is staged. */
  readonly heldBack?: string;
  readonly member: string;
  readonly rows: number;
  readonly stagedRows: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Byte sequences that were not UTF-8 and became U+FFFD. */
  readonly badUtf8Count: number;
  readonly newColumns: readonly string[];
  /** The release with the period that the member's name gives. */
  readonly release: Release;
}

/** What a publish did: the report that the ledger keeps, and what only the activity knows. */
export interface Published extends Omit<PublishReport, 'typeRows'> {
  /** Deactivation report: how many providers are deactivated here and absent from the newest report. */
  readonly unreported?: number;
}

/** A monthly in its shadow tables; seconds of filling and indexing the letters' tables, by table. */
export interface BaselineLoaded extends Staged {
  readonly searchSeconds: Readonly<Record<string, number>>;
}

/** Seconds of the keys, in all and by table. */
export interface BaselineIndexed {
  readonly indexSeconds: number;
  readonly searchSeconds: Readonly<Record<string, number>>;
}

export interface BaselineChecked {
  /** One sentence for each count that is too small beside the last monthly's. */
  readonly shortfalls: readonly string[];
  /** Known providers that are not in the file and go. */
  readonly removed: number;
}

/** Wall seconds by phase; `index` is a part of `publish`. */
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
  /** For the last log line of the run. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** The first and the last step of every run. */
export interface RunActivities {
  begin(input: BeginInput): Promise<Begun>;
  /** Closes the run in the ledger, gives the lease back, drops the run's staging. */
  finish(input: FinishInput): Promise<void>;
}

/** All that the workflow `npiUpdate` knows of the world. */
export interface NpiActivities extends RunActivities {
  /** `dryRun`, here and below: without the lease. */
  discover(input: DiscoverInput): Promise<Discovery>;
  download(due: DueRelease & { readonly dryRun: boolean }): Promise<LocalZip>;
  /** `dryRun`: into staging of its own. */
  stage(zip: LocalZip & { readonly dryRun: boolean }): Promise<Staged>;
  /** `dryRun`: classified and counted, then rolled back. */
  publish(input: {
    readonly zip: LocalZip;
    readonly staged: Staged;
    readonly dryRun: boolean;
  }): Promise<Published>;
  archive(zip: LocalZip): Promise<void>;
  /** A monthly into shadow tables beside the live ones, with what of the live rows outlives it. */
  loadBaseline(zip: LocalZip): Promise<BaselineLoaded>;
  /** Secondary keys, and the search rows of providers that were carried over. */
  indexBaseline(input: { readonly release: Release }): Promise<BaselineIndexed>;
  /** Holds the shadow against the last monthly; what falls short keeps it from going live until a person approves. */
  checkBaseline(input: { readonly staged: Staged }): Promise<BaselineChecked>;
  /** The shadow in the place of the live tables. */
  swapBaseline(input: {
    readonly zip: LocalZip;
    readonly staged: Staged;
    readonly indexed: BaselineIndexed;
  }): Promise<Published>;
}

/** What `selectCases` freezes: every active case of a status. */
export interface CaseSelection {
  readonly job: CaseJob;
  readonly source: number;
  readonly target: number;
  readonly force: boolean;
  /** Counts only, and writes nothing. */
  readonly dryRun: boolean;
  /** ISO, UTC. What another job moved to `source` since then is left for next week. */
  readonly scheduledAt: string;
}

export interface CasesSelected {
  readonly found: number;
  /** Cases at the source status that wait for the next run of the job. */
  readonly leftForNextRun: number;
  /** `CASE_UPDATE_MAX` of the worker: a run that finds more waits for an approval. */
  readonly waitAbove?: number;
}

export interface CasesMoved {
  readonly updated: number;
  /** Cases that were left alone, counted by reason; which ones, the ledger knows. */
  readonly exceptions: Readonly<Record<string, number>>;
}

/** All that the workflows of cases know of the world. Ids of cases stay in the database. */
export interface CaseActivities extends RunActivities {
  selectCases(selection: CaseSelection): Promise<CasesSelected>;
  /** Selects what the run `undoes` moved. */
  selectUndo(input: { readonly undoes: string }): Promise<CasesSelected>;
  /** Moves what the run has selected, whatever of it is left. */
  moveCases(input: { readonly job: RunJob }): Promise<CasesMoved>;
}

/** What an activity's heartbeat carries; `total` where the end is known. */
export interface Heartbeat {
  readonly phase: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly totalBytes?: number;
  readonly cases?: number;
  /** What is happening now, in a few words: a rule or a table. */
  readonly step?: string;
}
