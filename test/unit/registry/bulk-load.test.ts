import { describe, expect, it } from 'vitest';
import { decodeBlock } from '../../../db/registry/bulk-load.ts';

describe('the lines of a block for a server that forbids LOAD DATA LOCAL', () => {
  it.each([
    ['1\ta\tb\n', [['1', 'a', 'b']]],
    [
      '1\t\t\n2\tx\t\n',
      [
        ['1', '', ''],
        ['2', 'x', ''],
      ],
    ],
    ['1\t"a\tb"\t"c\nd"\n', [['1', 'a\tb', 'c\nd']]],
    ['1\t"say ""hi"""\t"NULL"\n', [['1', 'say "hi"', 'NULL']]],
    ['1\ta\\tb\t\\N\n', [['1', 'a\\tb', '\\N']]],
  ])('%j', (tsv, lines) => {
    expect(decodeBlock(tsv)).toEqual(lines);
  });
});
