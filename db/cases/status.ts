/**
 * The timestamp column of `cases` that a move to a status sets, whatever status the case had before. The existing
 * application does the same. Other statuses have no column.
 */
const timestampColumns: Readonly<Record<number, string>> = {
  7: 'billable_flag_ts',
  8: 'docs_needed_ts',
  10: 'submitted_ts',
  15: 'pending_payment_ts',
  20: 'paid_to_provider_ts',
  30: 'sent_to_biller_ts',
  40: 'received_pmnt_ts',
  50: 'sent_to_negotiation_ts',
  60: 'settled_ts',
  70: 'sent_to_idr_ts',
  80: 'idr_decision_ts',
  400: 'rejected_ts',
  500: 'closed_ts',
};

/** The timestamp column of a status, if it has one. */
export function timestampColumn(status: number): string | undefined {
  return timestampColumns[status];
}

/** Every column of `cases` that a status sets. */
export const allTimestampColumns: readonly string[] = Object.values(timestampColumns);

/** Why a case was not moved. The texts are the existing application's, and its callers compare with them. */
export const exceptionReasons = {
  missing: 'Case not found or inactive',
  lower: 'Cannot update to lower status without force=true',
  equal: 'Case status already at target value',
  movedMeanwhile: 'Processing error: the case was moved by somebody else meanwhile',
  locked: 'Processing error: another session kept the case locked',
} as const;

const mysqlError = 'Processing error: MySQL error ';

/** The reason for a case whose update failed in MySQL, for example because of a trigger of the application. */
export function mysqlErrorReason(errno: number): string {
  return `${mysqlError}${errno}`;
}

/** Whether a case was not moved because its update failed in MySQL. */
export function isMysqlErrorReason(reason: string): boolean {
  return reason.startsWith(mysqlError);
}
