// Dates of providers, as statements compare them.

/** `MM/DD/YYYY` as text that sorts; anything else, the empty field too, sorts first. */
export function dateKey(column: string): string {
  return `IF(${column} LIKE '__/__/____', CONCAT(RIGHT(${column}, 4), LEFT(${column}, 5)), '')`;
}

/** Contract, rule 5: a deactivation date and no reactivation date on or after it. */
export function isDeactivated(row: string): string {
  const reactivation = dateKey(`${row}.npi_reactivation_date`);
  return `(COALESCE(${row}.npi_deactivation_date, '') <> '' AND
    (${reactivation} = '' OR ${reactivation} < ${dateKey(`${row}.npi_deactivation_date`)}))`;
}
