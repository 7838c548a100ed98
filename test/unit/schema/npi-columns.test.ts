import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { npiColumns } from '../../../db/schema/npi-columns.ts';
import { applicationColumns, applicationColumnsPath } from '../../models/application-columns.ts';

const dump = new URL('../../../../shared/surgicase/existing_npi_columns.csv', import.meta.url);
if (!existsSync(dump)) console.warn('SKIPPED: the production dump is in the folder ../shared');

it('the columns of npi_data_* have the names, order and headers of the application', () => {
  expect(npiColumns.map(({ name, header }) => [name, header])).toEqual(
    applicationColumns.map(({ name, header }) => [name, header]),
  );
});

it('they are texts where the application has texts, and at least as wide as the V2 layout and the application', () => {
  for (const [index, { name, type, v2Width }] of applicationColumns.entries()) {
    const width = npiColumns[index]?.maxLength;
    const widest = Math.max(Number(v2Width), Number(/\d+/.exec(type)?.[0] ?? 0));
    if (type === 'text') expect(width, name).toBeUndefined();
    else expect(width, name).toBeGreaterThanOrEqual(widest);
  }
});

it.skipIf(!existsSync(dump))('the columns that these tests know are those of the dump', () => {
  expect(readFileSync(applicationColumnsPath, 'utf8')).toBe(readFileSync(dump, 'utf8'));
});
