import { insertRows } from '../connection/insert-rows.ts';
import type { Session } from '../connection/session.ts';
import { collationsOf } from '../connection/collation.ts';
import { allTimestampColumns } from './status.ts';

/** A generated case of no real person; `timestamps` by column. */
export interface SampleCase {
  readonly caseId: string;
  readonly userId: string;
  readonly caseDate: string;
  readonly patientFirst: string;
  readonly patientLast: string;
  readonly insurer: string;
  readonly status: number;
  readonly isActive: boolean;
  readonly payAmount: string;
  readonly timestamps: Readonly<Record<string, string>>;
}

/**
 * Creates `cases` like the application's, in a database that this service has created itself. Never call it on a configured
 * database, where the table belongs to the application.
 */
export async function createCases(session: Session, schema: string): Promise<void> {
  const { nearest } = await collationsOf(session);
  await session.query(`CREATE TABLE IF NOT EXISTS ${schema}.cases (
    case_id VARCHAR(100) NOT NULL PRIMARY KEY,
    user_id VARCHAR(100) NULL,
    case_date DATE NULL,
    patient_first VARCHAR(100) NULL,
    patient_last VARCHAR(100) NULL,
    ins_provider VARCHAR(100) NULL,
    case_create_ts TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
    case_updated_ts TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    case_status SMALLINT NULL DEFAULT 0,
    active TINYINT NULL DEFAULT 1,
    human_case_id BIGINT NOT NULL AUTO_INCREMENT,
    pay_amount DECIMAL(14,2) NULL,
    ${allTimestampColumns.map((name) => `${name} TIMESTAMP NULL`).join(',\n    ')},
    KEY user_id (user_id), KEY human_case_id (human_case_id), KEY active (active)
  ) DEFAULT CHARACTER SET utf8mb4 COLLATE ${nearest}`);
}

/**
 * Inserts generated cases in one transaction; existing ones stay as they are.
 * @returns how many were inserted
 */
export async function insertCases(
  session: Session,
  schema: string,
  cases: readonly SampleCase[],
): Promise<number> {
  return session.transaction(() =>
    insertRows(
      session,
      `INSERT IGNORE INTO ${schema}.cases (case_id, user_id, case_date, patient_first, patient_last, ins_provider,
         case_status, active, pay_amount, ${allTimestampColumns.join(', ')})`,
      cases.map(columnsOf),
    ),
  );
}

function columnsOf(one: SampleCase): (string | number | null)[] {
  const { caseId, userId, caseDate, patientFirst, patientLast, insurer, status, isActive, payAmount } = one;
  return [
    caseId,
    userId,
    caseDate,
    patientFirst,
    patientLast,
    insurer,
    status,
    isActive ? 1 : 0,
    payAmount,
    ...allTimestampColumns.map((name) => one.timestamps[name] ?? null),
  ];
}
