import { npiColumns } from './npi-columns.ts';
import type { Schemas } from './tables.ts';

/** The view with every state of every provider, in the schema of this service. */
export const historyView = 'npi_provider_history';

/**
 * The statement that creates the view: one row per provider and state, past ones from `npi_version`, the present one from
 * `npi_data_0/1/2` (`place` is the number of the table). A state is valid on a day if `valid_from` is not after it and
 * `valid_until` is. `valid_from` is NULL if the state is as old as the history, `valid_until` if it is the present one.
 */
export function historyViewDdl({ application, scheduler }: Schemas): string {
  const versions = `${scheduler}.npi_version`;
  const columns = (row: string) => npiColumns.map(({ name }) => `${row}.${name}`).join(', ');
  const from = (npi: string, isEarlier: string) =>
    `(SELECT MAX(b.release_id) FROM ${versions} b
      WHERE b.npi = ${npi} AND b.kind = 'changed' AND b.release_id > 0 ${isEarlier})`;
  const states = [
    `SELECT v.place AS place, ${from('v.npi', 'AND b.release_id < v.release_id')} AS from_release,
       v.release_id AS until_release, ${columns('v')}
     FROM ${versions} v WHERE v.kind = 'changed' AND v.place IS NOT NULL AND v.release_id > 0`,
    ...[0, 1, 2].map(
      (type) =>
        `SELECT ${type}, ${from('k.npi', '')}, NULL, ${columns('k')} FROM ${application}.npi_data_${type} k`,
    ),
  ];
  const day = (id: string) => `STR_TO_DATE(LEFT(s.${id}, 8), '%Y%m%d')`;
  // With the rights of its reader, so that it opens no table to somebody who may not read it.
  return `CREATE SQL SECURITY INVOKER VIEW ${scheduler}.${historyView} AS
    SELECT ${day('from_release')} AS valid_from, ${day('until_release')} AS valid_until, s.*
    FROM (${states.join(' UNION ALL ')}) s`;
}
