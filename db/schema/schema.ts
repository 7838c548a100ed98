import {
  bigint,
  boolean,
  char,
  customType,
  date,
  datetime,
  decimal,
  index,
  int,
  mysqlEnum,
  mysqlSchema,
  mysqlTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  tinyint,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/mysql-core';
import type {
  AdoptedCounts,
  LiveBaseline,
  PublishReport,
  RangeChecksum,
  RangeCounts,
  StagedSoFar,
} from './ledger-json.ts';

import { valueNames } from './npi-columns.ts';

/** JSON of a known type. MySQL returns it parsed, MariaDB as text. */
const json = customType<{ data: unknown }>({
  dataType: () => 'json',
  toDriver: (value) => JSON.stringify(value),
  fromDriver: (value) => (typeof value === 'string' ? JSON.parse(value) : value),
});

const moment = (name: string) => datetime(name, { fsp: 6, mode: 'string' });
const isoDate = (name: string) => date(name, { mode: 'string' });
const npi = () => bigint('npi', { mode: 'number' });

// This service's own tables, as db/schema/migrations creates them; test/integration/schema/schema.test.ts compares the two.
// They name no schema because they are in the scheduler schema, the default of every session.

export const leaseTable = mysqlTable('lease', {
  job: varchar('job', { length: 40 }).primaryKey(),
  epoch: bigint('epoch', { mode: 'number', unsigned: true }).notNull(),
  workflowId: varchar('workflow_id', { length: 255 }),
  runId: char('run_id', { length: 36 }),
  expiresAt: moment('expires_at'),
});

export const runTable = mysqlTable(
  'run',
  {
    runId: char('run_id', { length: 36 }).primaryKey(),
    workflowId: varchar('workflow_id', { length: 255 }).notNull(),
    job: varchar('job', { length: 40 }).notNull(),
    isDryRun: boolean('is_dry_run').notNull(),
    startedAt: moment('started_at').notNull(),
    finishedAt: moment('finished_at'),
    outcome: varchar('outcome', { length: 20 }),
    failureType: varchar('failure_type', { length: 60 }),
    failureMessage: varchar('failure_message', { length: 2000 }),
  },
  (table) => [index('by_job').on(table.job, table.startedAt)],
);

export const decisionTable = mysqlTable(
  'decision',
  {
    decisionId: bigint('decision_id', { mode: 'number', unsigned: true }).autoincrement().primaryKey(),
    /** Null for a schedule and for the end of an adoption. */
    runId: char('run_id', { length: 36 }),
    job: varchar('job', { length: 40 }),
    what: varchar('what', { length: 20 }).notNull(),
    by: varchar('decided_by', { length: 200 }).notNull(),
    reason: varchar('reason', { length: 1000 }),
    decidedAt: moment('decided_at').notNull(),
  },
  (table) => [uniqueIndex('by_run').on(table.runId, table.what, table.decidedAt)],
);

export const warningTable = mysqlTable(
  'warning',
  {
    warningId: bigint('warning_id', { mode: 'number', unsigned: true }).autoincrement().primaryKey(),
    job: varchar('job', { length: 40 }).notNull(),
    remark: varchar('remark', { length: 600 }).notNull(),
    isStanding: boolean('is_standing').notNull(),
    runId: char('run_id', { length: 36 }).notNull(),
    firstSeen: moment('first_seen').notNull(),
    lastSeen: moment('last_seen').notNull(),
    goneAt: moment('gone_at'),
    acknowledgedAt: moment('acknowledged_at'),
    acknowledgedBy: varchar('acknowledged_by', { length: 200 }),
    acknowledgedReason: varchar('acknowledged_reason', { length: 1000 }),
  },
  (table) => [uniqueIndex('by_remark').on(table.job, table.remark)],
);

const releaseColumns = () => ({
  releaseId: bigint('release_id', { mode: 'number' }).primaryKey(),
  fileName: varchar('file_name', { length: 120 }).notNull(),
  kind: varchar('kind', { length: 12 }).notNull(),
  layout: char('layout', { length: 2 }).notNull(),
  periodStart: isoDate('period_start').notNull(),
  periodEnd: isoDate('period_end').notNull(),
  member: varchar('member', { length: 120 }).notNull(),
  sha256: char('sha256', { length: 64 }).notNull(),
  etag: varchar('etag', { length: 200 }),
  sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
  runId: char('run_id', { length: 36 }).notNull(),
  publishedAt: moment('published_at').notNull(),
  published: json('published').$type<PublishReport>().notNull(),
});

export const releaseTable = mysqlTable('npi_release', releaseColumns(), (table) => [
  uniqueIndex('by_content').on(table.fileName, table.sha256),
]);

/** The entries of releases that were taken back. */
export const rollbackTable = mysqlTable('npi_rollback', {
  ...releaseColumns(),
  rolledBackAt: moment('rolled_back_at').notNull(),
  isFinal: boolean('is_final').notNull(),
});

export const checkpointTable = mysqlTable('npi_checkpoint', {
  stage: varchar('stage', { length: 40 }).primaryKey(),
  runId: char('run_id', { length: 36 }).notNull(),
  fileName: varchar('file_name', { length: 120 }).notNull(),
  isWhole: boolean('is_whole').notNull(),
  /** JSON's null until the first block. */
  staged: json('staged').$type<StagedSoFar | null>().notNull(),
  movedAt: moment('moved_at').notNull(),
});

/** What a release found and brought, by provider. SQL writes and reads it; see db/registry/versions.ts. */
const versionTable = mysqlTable(
  'npi_version',
  {
    npi: npi().notNull(),
    releaseId: bigint('release_id', { mode: 'number' }).notNull(),
    kind: mysqlEnum('kind', ['changed', 'same', 'stale']).notNull(),
    stubDate: varchar('stub_date', { length: 10 }),
    place: tinyint('place'),
    dataRelease: bigint('data_release', { mode: 'number' }),
    deactivationRelease: bigint('deactivation_release', { mode: 'number' }),
    ...Object.fromEntries(valueNames.map((name) => [name, text(name)])),
  },
  (table) => [primaryKey({ columns: [table.npi, table.releaseId] }), index('by_release').on(table.releaseId)],
);

/** The release with which the history begins; empty if with the first one. */
export const historyTable = mysqlTable('npi_history', {
  sinceRelease: bigint('since_release', { mode: 'number' }).primaryKey(),
});

const quarantineTable = mysqlTable(
  'npi_quarantine',
  {
    releaseId: bigint('release_id', { mode: 'number' }).notNull(),
    rowNumber: int('row_no', { unsigned: true }).notNull(),
    lineNumber: int('line_no', { unsigned: true }).notNull(),
    npi: npi(),
    reason: varchar('reason', { length: 60 }).notNull(),
    column: varchar('column_name', { length: 120 }),
    /** The release that brought a valid row; null while the entry is open. */
    clearedBy: bigint('cleared_by', { mode: 'number' }),
  },
  (table) => [primaryKey({ columns: [table.releaseId, table.rowNumber] }), index('by_npi').on(table.npi)],
);

const unreportedTable = mysqlTable('npi_unreported', { npi: npi().primaryKey() });

export const shadowTable = mysqlTable('npi_shadow', {
  runId: char('run_id', { length: 36 }).primaryKey(),
  fileName: varchar('file_name', { length: 120 }).notNull(),
  releaseId: bigint('release_id', { mode: 'number' }).notNull(),
  rangeCount: int('range_count', { unsigned: true }).notNull(),
  /** JSON's null until the whole file is split into its ranges. */
  staged: json('staged').$type<StagedSoFar | null>().notNull(),
  /** The search tables are complete. */
  isSearched: boolean('is_searched').notNull(),
});

export const shadowRangeTable = mysqlTable(
  'npi_shadow_range',
  {
    runId: char('run_id', { length: 36 }).notNull(),
    rangeNumber: int('range_no', { unsigned: true }).notNull(),
    counts: json('counts').$type<RangeCounts>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.rangeNumber] })],
);

export const liveTable = mysqlTable('npi_live', {
  releaseId: bigint('release_id', { mode: 'number' }).primaryKey(),
  baseline: json('baseline').$type<LiveBaseline>().notNull(),
});

export const supersededTable = mysqlTable('npi_superseded', {
  fileName: varchar('file_name', { length: 120 }).primaryKey(),
  periodEnd: isoDate('period_end').notNull(),
  supersededBy: bigint('superseded_by', { mode: 'number' }).notNull(),
  notedAt: moment('noted_at').notNull(),
});

export const searchLetterTable = mysqlTable('search_letter', {
  letter: char('letter', { length: 1 }).primaryKey(),
});

export const caseRunTable = mysqlTable(
  'case_run',
  {
    runId: char('run_id', { length: 36 }).primaryKey(),
    /** Null when the cases of the run can have different statuses. */
    sourceStatus: smallint('source_status'),
    targetStatus: smallint('target_status'),
    isForced: boolean('is_forced').notNull(),
    undoes: char('undoes', { length: 36 }),
    /** The timestamp column of `cases` that a move of this run sets. */
    timestampColumn: varchar('timestamp_column', { length: 64 }),
    selectedAt: moment('selected_at').notNull(),
    selectedCount: int('selected_count', { unsigned: true }).notNull(),
    leftCount: int('left_count', { unsigned: true }).notNull(),
    movedCount: int('moved_count', { unsigned: true }).notNull(),
    exceptionCount: int('exception_count', { unsigned: true }).notNull(),
  },
  (table) => [index('by_undone').on(table.undoes)],
);

export const caseMoveTable = mysqlTable(
  'case_move',
  {
    runId: char('run_id', { length: 36 }).notNull(),
    caseId: varchar('case_id', { length: 255 }).notNull(),
    state: mysqlEnum('state', ['selected', 'moved', 'exception']).notNull(),
    /** The status before the move, or the status when the case could not be moved. */
    fromStatus: smallint('from_status'),
    toStatus: smallint('to_status'),
    previousTs: moment('previous_ts'),
    stateAt: datetime('state_at', { mode: 'string' }).notNull(),
    reason: varchar('reason', { length: 120 }),
  },
  (table) => [primaryKey({ columns: [table.runId, table.caseId] })],
);

export const adoptionTable = mysqlTable('npi_adoption', {
  runId: char('run_id', { length: 36 }).primaryKey(),
  shape: char('shape', { length: 64 }).notNull(),
  startedAt: moment('started_at').notNull(),
});

export const adoptionRangeTable = mysqlTable('npi_adoption_range', {
  rangeNumber: int('range_no', { unsigned: true }).primaryKey(),
  // The first and the last range reach the ends of BIGINT, which a JavaScript number cannot represent.
  fromNpi: bigint('from_npi', { mode: 'bigint' }).notNull(),
  toNpi: bigint('to_npi', { mode: 'bigint' }).notNull(),
  checksums: json('checksums').$type<readonly RangeChecksum[]>().notNull(),
  counts: json('counts').$type<AdoptedCounts>().notNull(),
});

/** All of this service's own tables except `migration`, which migrate.ts creates itself. */
export const ownTables = [
  leaseTable,
  runTable,
  decisionTable,
  warningTable,
  releaseTable,
  checkpointTable,
  versionTable,
  historyTable,
  rollbackTable,
  quarantineTable,
  unreportedTable,
  shadowTable,
  shadowRangeTable,
  liveTable,
  supersededTable,
  searchLetterTable,
  caseRunTable,
  caseMoveTable,
  adoptionTable,
  adoptionRangeTable,
] as const;

const place = () => ({
  address: varchar('address', { length: 55 }),
  city: varchar('city', { length: 40 }),
  state: varchar('state', { length: 40 }),
  zip: varchar('zip', { length: 20 }),
});

/** `search_surgeon_<suffix>` of the application; `suffix` is a letter or `all`. */
export function surgeonTable(searchSchema: string, suffix: string) {
  return mysqlSchema(searchSchema).table(`search_surgeon_${suffix}`, {
    npi: npi().primaryKey(),
    first_name: varchar('first_name', { length: 50 }),
    last_name: varchar('last_name', { length: 50 }),
    ...place(),
  });
}

/** `search_facility_<suffix>` of the application; `suffix` is a letter or `all`. */
export function facilityTable(searchSchema: string, suffix: string) {
  return mysqlSchema(searchSchema).table(`search_facility_${suffix}`, {
    npi: npi().primaryKey(),
    facility_name: varchar('facility_name', { length: 100 }),
    ...place(),
  });
}

/** `npi_update_log` of the application: one row per file. */
export function updateLogTable(applicationSchema: string) {
  return mysqlSchema(applicationSchema).table('npi_update_log', {
    executionTs: datetime('execution_ts', { mode: 'string' }),
    filenameProcessed: varchar('filename_processed', { length: 255 }),
    totalRows: int('total_rows'),
    total0Rows: int('total_0_rows'),
    total1Rows: int('total_1_rows'),
    total2Rows: int('total_2_rows'),
    createdTs: timestamp('created_ts', { mode: 'string' }).defaultNow(),
  });
}

/** `npi_search_table_log` of the application: one row per search table that a publish touched. */
export function searchLogTable(applicationSchema: string) {
  return mysqlSchema(applicationSchema).table('npi_search_table_log', {
    id: bigint('id', { mode: 'number' }).autoincrement().primaryKey(),
    executionTs: datetime('execution_ts', { mode: 'string' }),
    tableType: mysqlEnum('table_type', ['surgeon', 'facility']),
    tableName: varchar('table_name', { length: 64 }),
    recordsInserted: int('records_inserted'),
    executionTimeSeconds: decimal('execution_time_seconds', { precision: 10, scale: 3 }),
    status: mysqlEnum('status', ['success', 'error']),
    errorMessage: text('error_message'),
  });
}
