import type { NpiTables } from '../schema/tables.ts';

/** What the statements of one publish need: tables and the release. */
export interface PublishScope {
  readonly tables: NpiTables;
  /** The table of versions that belongs to `tables`: `npi_version`, or that of a shadow. */
  readonly versions: string;
  /** The staging table; `<stage>_plan`, `<stage>_search`, `<stage>_refused` and `<stage>_later` belong to it. */
  readonly stage: string;
  readonly releaseId: number;
  /** The release is a deactivation report: it has stubs only, and lists every deactivated provider each time. */
  readonly isReport?: boolean;
}
