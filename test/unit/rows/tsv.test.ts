import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tsvFields, tsvLine } from '../../../nppes/rows/tsv.ts';

it('reads every line that it writes', () => {
  const field = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', '\t', '\n', 'a', ' ') }),
    fc.constantFrom('', 'NULL', 'null', '"', '""'),
  );
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 6 }), (fields) => {
      expect(tsvFields(tsvLine(fields))).toEqual(fields);
    }),
  );
});
