import type { NpiTables } from '../schema/tables.ts';

/** What the statements of one publish need: tables and the release. */
export interface PublishScope {
  readonly tables: NpiTables;
  /** The staging table; `<stage>_plan`, `<stage>_search` and `<stage>_refused` belong to it. */
  readonly stage: string;
  readonly releaseId: number;
  /** The release is a deactivation report: it has stubs only, and lists every deactivated provider each time. */
  readonly isReport?: boolean;
}
