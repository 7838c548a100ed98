import { expect, it } from 'vitest';
import { columnLines } from '../../../client/columns.ts';

it('aligns the cells below their header, without spaces at the end of a line', () => {
  expect(
    columnLines(
      ['NPI', 'NAME', 'ZIP'],
      [
        ['1234567893', 'SMITH', '10001'],
        ['1', 'A', ''],
      ],
    ),
  ).toEqual(['NPI         NAME   ZIP', '1234567893  SMITH  10001', '1           A']);
});
