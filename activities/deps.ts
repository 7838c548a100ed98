import type { Database } from '../db/connection/pool.ts';
import type { Schemas } from '../db/schema/tables.ts';
import type { Log } from '../telemetry/log.ts';
import type { Notify } from '../telemetry/notify.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** The job of the activities that load NPPES; each of them works under its lease. */
export const job = 'npi-update';

/** What the activities are given; nothing here is found by themselves. */
export interface ActivityDeps {
  readonly database: Database;
  readonly schemas: Schemas;
  readonly log: Log;
  readonly pageUrl: string;
  readonly archiveDir: string;
  readonly archiveKeepCount?: number;
  readonly workDir: string;
  readonly maxRefusedFraction: number;
  /** When a monthly is loaded that nobody asked for. */
  readonly baselineRule: 'auto' | 'never';
  /** Records of a type that a monthly needs beside the last one to go live without an approval. */
  readonly minRowsFraction: number;
  readonly heartbeatTimeoutMs: number;
  /** Rows of one transaction of staging: the most that a crash repeats. */
  readonly rowsPerBlock: number;
  /** Cases of one transaction. */
  readonly casesPerBatch: number;
  /** A run that finds more cases waits for an approval; none does when absent. */
  readonly caseUpdateMax?: number;
  readonly metrics: Metrics;
  readonly notify: Notify;
  /** The date of today, UTC, ISO. */
  today(): string;
}
