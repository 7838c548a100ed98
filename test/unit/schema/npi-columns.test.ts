import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { npiColumns } from '../../../db/schema/npi-columns.ts';

const dump = new URL('../../../../shared/surgicase/existing_npi_columns.csv', import.meta.url);
if (!existsSync(dump)) console.warn('SKIPPED: the production dump is in the folder ../shared');

describe.skipIf(!existsSync(dump))('the columns of npi_data_*', () => {
  const existing = existsSync(dump)
    ? readFileSync(dump, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(','))
        .filter(([, header]) => header !== '')
    : [];

  it('have the names, order and headers of the application', () => {
    expect(npiColumns.map((column) => [column.name, column.header])).toEqual(
      existing.map(([name, header]) => [name, header]),
    );
  });

  it('are texts where the application has texts, and at least as wide as the V2 layout and the application', () => {
    for (const [index, [name, , type, v2]] of existing.entries()) {
      const width = npiColumns[index]?.maxLength;
      if (type === 'text') expect(width, name).toBeUndefined();
      else
        expect(width, name).toBeGreaterThanOrEqual(
          Math.max(Number(v2), Number(/\d+/.exec(type ?? '')?.[0] ?? 0)),
        );
    }
  });
});
