// SQL expressions for the dates of providers.

/** Converts `MM/DD/YYYY` to a text that sorts by date. Anything else, such as an empty field, becomes '' and sorts first. */
export function dateKey(column: string): string {
  return `IF(${column} LIKE '__/__/____', CONCAT(RIGHT(${column}, 4), LEFT(${column}, 5)), '')`;
}

/** The last day of a release, from its ID, in the form of `dateKey`. */
export function dayKey(releaseId: number): string {
  const day = String(releaseId);
  return `${day.slice(0, 6)}/${day.slice(6, 8)}`;
}

/** Whether a row is deactivated (contract, rule 5): a deactivation date, and no reactivation date on or after it. */
export function isDeactivated(row: string): string {
  const reactivation = dateKey(`${row}.npi_reactivation_date`);
  return `(COALESCE(${row}.npi_deactivation_date, '') <> '' AND
    (${reactivation} = '' OR ${reactivation} < ${dateKey(`${row}.npi_deactivation_date`)}))`;
}
