/** Quarantine reasons. A load uses the same ones, because it checks its rows by the same rules. */
export interface RefusalWords {
  readonly npiForm: string;
  readonly npiCheckDigit: string;
  readonly entityType: string;
}

/**
 * SQL for the reason why an existing row is refused (contract, rule 6); NULL for a valid row. A header line that an earlier
 * loader stored as a provider has the NPI 0. A NULL entity type counts as empty.
 */
export function refusalOf(row: string, words: RefusalWords): string {
  return `CASE WHEN NOT COALESCE(${hasTenDigits(row)}, FALSE) THEN '${words.npiForm}'
    WHEN ${luhnSum(`${row}.npi`)} MOD 10 <> 0 THEN '${words.npiCheckDigit}'
    WHEN COALESCE(${row}.entity_type_code, '') NOT IN ('', '1', '2') THEN '${words.entityType}' END`;
}

/** SQL for whether a row's NPI has ten digits. */
export const hasTenDigits = (row: string): string => `${row}.npi BETWEEN 1000000000 AND 9999999999`;

/** The Luhn sum of the prefix 80840, which contributes 24, and the ten digits of an NPI. */
function luhnSum(npi: string): string {
  const digits = Array.from({ length: 10 }, (_, at) => {
    const digit = `(${npi} DIV ${10 ** (9 - at)}) MOD 10`;
    return at % 2 === 0 ? `(2 * (${digit})) DIV 10 + (2 * (${digit})) MOD 10` : digit;
  });
  return `(24 + ${digits.join(' + ')})`;
}
