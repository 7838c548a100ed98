import { npi } from '../generated/release-zip.ts';
import { caseId } from '../generated/cases.ts';
import type { AdoptionBed } from './adoption-bed.ts';

// What the Python scheduler does to a database, as its source of 2025-09 does it.

type OldDatabase = Pick<AdoptionBed, 'query' | 'schemas'>;

/** Moves the cases of Monday. A person has moved one of them after the job has read it: it is overwritten. */
export async function oldPendingPaymentUpdate(
  { query, schemas }: OldDatabase,
  { cases, overwritten }: { readonly cases: readonly number[]; readonly overwritten: number },
): Promise<void> {
  const table = `${schemas.application}.cases`;
  for (const number of cases) {
    if (number === overwritten)
      await query(
        `UPDATE ${table} SET case_status = 30, sent_to_biller_ts = NOW() WHERE case_id = '${caseId(number)}'`,
      );
    await query(
      `UPDATE ${table} SET case_status = 15, pending_payment_ts = CURRENT_TIMESTAMP WHERE case_id = '${caseId(number)}' AND active = 1`,
    );
  }
}

/**
 * Loads a week with a known provider, logs it as loaded whatever the inserts did, and builds a search table again.
 * @returns why the INSERT failed; undefined if it did not
 */
export async function oldNpiUpdate(
  { query, schemas }: OldDatabase,
  { member, known }: { readonly member: string; readonly known: number },
): Promise<string | undefined> {
  const { application, search } = schemas;
  const failure = await query(
    `INSERT INTO ${application}.npi_data_1 (npi, entity_type_code, provider_last_name) VALUES (${npi(known)}, '1', 'SMITH')`,
  ).then(
    () => undefined,
    ({ message }: Error) => message,
  );
  await query(
    `INSERT INTO ${application}.npi_update_log (execution_ts, filename_processed, total_rows, total_0_rows, total_1_rows, total_2_rows)
     VALUES (NOW(), '${member}', 1, 0, 1, 0)`,
  );
  await query(`DROP TABLE IF EXISTS ${search}.search_surgeon_s`);
  await query(
    `CREATE TABLE ${search}.search_surgeon_s SELECT npi, provider_first_name AS first_name, provider_last_name AS last_name
     FROM ${application}.npi_data_1 WHERE LEFT(provider_last_name, 1) = 'S'`,
  );
  return failure;
}
