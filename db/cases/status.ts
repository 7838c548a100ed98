/**
 * The column of `cases` that takes the time when a case moves to a status, whatever it came from, as the existing
 * application does it; the statuses that are not here have none.
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

/** The timestamp column of a status, or nothing where it has none. */
export function timestampColumn(status: number): string | undefined {
  return timestampColumns[status];
}

/** Every column of `cases` that a status sets. */
export const allTimestampColumns: readonly string[] = Object.values(timestampColumns);

/** Why a case was not moved: the existing application's words, which its callers compare with. */
export const exceptionReasons = {
  missing: 'Case not found or inactive',
  lower: 'Cannot update to lower status without force=true',
  equal: 'Case status already at target value',
  movedMeanwhile: 'Processing error: the case was moved by somebody else meanwhile',
  locked: 'Processing error: another session kept the case locked',
} as const;

/** The reason of a case whose update MySQL refused, as a trigger of the application may. */
export function refusedByServer(errno: number): string {
  return `Processing error: MySQL error ${errno}`;
}
