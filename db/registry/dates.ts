// SQL expressions for the dates of providers.

/** Converts `MM/DD/YYYY` to a text that sorts by date. Anything else, such as an empty field, becomes '' and sorts first. */
export function dateKey(column: string): string {
  return `IF(${column} LIKE '__/__/____', CONCAT(RIGHT(${column}, 4), LEFT(${column}, 5)), '')`;
}

/** Whether a row is deactivated (contract, rule 5): a deactivation date, and no reactivation date on or after it. */
export function isDeactivated(row: string): string {
  const reactivation = dateKey(`${row}.npi_reactivation_date`);
  return `(COALESCE(${row}.npi_deactivation_date, '') <> '' AND
    (${reactivation} = '' OR ${reactivation} < ${dateKey(`${row}.npi_deactivation_date`)}))`;
}
