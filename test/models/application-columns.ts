import { readFileSync } from 'node:fs';

/** A column of `npi_data_*` in the existing application. */
export interface ApplicationColumn {
  readonly name: string;
  /** Its name in CMS's files; empty for a column that the database computes. */
  readonly header: string;
  readonly type: string;
  /** Characters that CMS's layout V2 (2026) allows. */
  readonly v2Width: string;
}

export const applicationColumnsPath = new URL('application-columns.csv', import.meta.url);

/** The columns that a load fills, in the order of the application's tables. */
export const applicationColumns: readonly ApplicationColumn[] = readFileSync(applicationColumnsPath, 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(','))
  .map(([name = '', header = '', type = '', v2Width = '']) => ({ name, header, type, v2Width }))
  .filter(({ header }) => header !== '');
