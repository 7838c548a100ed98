import type { NpiTables } from '../schema/tables.ts';

/** The names that the statements of one publish need. */
export interface PublishScope {
  readonly tables: NpiTables;
  /** Staging table; `<stage>_plan`, `<stage>_search` and `<stage>_refused` stand beside it. */
  readonly stage: string;
  readonly releaseId: number;
  /** The full list of deactivated providers, most of which are known as such. */
  readonly isReport?: boolean;
}
