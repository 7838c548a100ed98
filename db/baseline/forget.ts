import type { Session } from '../connection/session.ts';

/**
 * Forgets the other versions of a monthly and every later release: their entries, and the rows that were kept or refused
 * because of them. They count as not loaded from then on. Call it in the transaction that records the rebuilt monthly.
 */
export async function forgetReleases(session: Session, monthly: number): Promise<void> {
  const firstVersion = monthly - (monthly % 1000);
  for (const table of ['npi_release', 'npi_version', 'npi_quarantine'])
    await session.query(`DELETE FROM ${table} WHERE release_id >= ?`, [firstVersion]);
  await session.query('UPDATE npi_quarantine SET cleared_by = NULL WHERE cleared_by >= ?', [firstVersion]);
  await session.query('DELETE FROM npi_superseded WHERE superseded_by >= ?', [firstVersion]);
}
