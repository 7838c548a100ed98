// What the JSON columns of the ledger and the checkpoint hold.

/** How far a file is staged: what the blocks so far held; `rows` is also the number of the last row. Kept as JSON. */
export interface StagedSoFar {
  readonly member: string;
  readonly rows: number;
  readonly stagedRows: number;
  readonly typeRows: readonly [number, number, number];
  readonly refused: Readonly<Record<string, number>>;
  readonly badUtf8Count: number;
  readonly newColumns: readonly string[];
}

/** What a publish did; kept in the ledger, so that a repeated attempt can say it again. */
export interface PublishReport {
  readonly counts: Counts;
  readonly refusedByReason: Readonly<Record<string, number>>;
  readonly search: { readonly written: number; readonly deleted: number; readonly tables: number };
  readonly indexSeconds: number;
}

/** inserted + updated + unchanged + stale + refused + duplicates = rows. */
export interface Counts {
  readonly rows: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly stale: number;
  readonly deactivated: number;
  readonly refused: number;
  readonly duplicates: number;
}
