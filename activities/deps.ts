import type { Dispatcher } from 'undici';
import type { Database } from '../db/connection/pool.ts';
import type { Schemas } from '../db/schema/tables.ts';
import type { Log } from '../telemetry/log.ts';
import type { Notify } from '../telemetry/notify.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** The job of all activities that load NPPES; they work under its lease. */
export const job = 'npi-update';

/** Everything that the activities use; they look up nothing themselves, so a test can replace each part. */
export interface ActivityDeps {
  readonly database: Database;
  readonly schemas: Schemas;
  readonly log: Log;
  readonly pageUrl: string;
  /** Sends requests to the page's server, through a proxy or not. */
  readonly dispatcher: Dispatcher;
  readonly archiveDir: string;
  readonly archiveKeepCount?: number;
  /** A run that publishes checks one of this many parts of the registry; absent: no run does. */
  readonly checkPartCount?: number;
  /** How long the history is kept, back from the newest release; absent: all of it. */
  readonly historyKeepMs?: number;
  readonly workDir: string;
  readonly maxRefusedFraction: number;
  /** `auto`: a monthly is loaded without a request when none was loaded yet or weeklies are missing for good. */
  readonly baselineRule: 'auto' | 'never';
  /** How many providers of a type a monthly needs to go live without an approval, as a fraction of the last monthly. */
  readonly minRowsFraction: number;
  /** While the server runs more statements than this, a load pauses before each step. */
  readonly maxThreadsRunning: number;
  /** `NPI_LOAD_CONNECTIONS`. MySQL does five times the work of this process, so two keep both cores of a small server busy. */
  readonly loadConnections: number;
  readonly heartbeatTimeoutMs: number;
  /** Rows per staging transaction. After a crash, at most this many rows are read again. */
  readonly rowsPerBlock: number;
  /** A run that finds more cases waits for an approval; absent: no run does. */
  readonly caseUpdateMax?: number;
  /** `SHADOW`: every run is a dry run, whatever its input says. */
  readonly isShadow: boolean;
  readonly metrics: Metrics;
  readonly notify: Notify;
  /** Whether the search attributes of runs are registered in the namespace. */
  hasSearchAttributes(): Promise<boolean>;
  /** Today's date, ISO, UTC. */
  today(): string;
}
