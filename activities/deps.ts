import type { Database } from '../db/connect.ts';
import type { Schemas } from '../db/tables.ts';
import type { Log } from '../log.ts';

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
  readonly heartbeatTimeoutMs: number;
  /** Rows of one transaction of staging: the most that a crash repeats. */
  readonly rowsPerBlock: number;
  /** The date of today, UTC, ISO. */
  today(): string;
}
