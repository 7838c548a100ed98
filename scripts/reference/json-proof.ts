import { z } from 'zod';
import { count, flag, nullableNumber, nullableText, oneOf, text, texts } from './json-fields.ts';

/** The output of `surgicase npi prove`. */
export const proof = z
  .object({
    npi: count('NPI'),
    table: text('Table of the row'),
    outcome: oneOf(
      ['equal', 'differs', 'not proven'],
      '`not proven`: nothing differs, but a part of the row has no zip on this host. Exit code 1 unless `equal`',
    ),
    sources: z
      .array(
        z.object({
          part: oneOf(
            ['row', 'deactivation date'],
            'What the release set: the row, or later only its deactivation date',
          ),
          release: nullableText('File name of the zip; null when no release of the ledger set this part'),
          sha256: nullableText('sha256 of the zip; null when this service never had it'),
          publishedAt: nullableText('When the release was published, UTC'),
          member: nullableText('File in the zip that has the row; null when the row was not found'),
          row: nullableNumber('Number of the row in that file, counted from 1 without the header'),
          fault: text('Why there is no file to compare with').optional(),
        }),
      )
      .describe('The releases that set the row: one or two'),
    cells: z
      .array(
        z.object({
          column: text('Name of the column'),
          database: text('Value in the table; empty for NULL'),
          file: nullableText('Value in the file, as a load stores it; null when there is no file'),
          isEqual: z.boolean().nullable().describe('Whether the two are equal; null when there is no file'),
        }),
      )
      .describe('The columns that have a value in the table or in the file'),
  })
  .nullable();

/** The output of `surgicase npi check`. */
export const registryCheck = z.object({
  subset: z
    .object({ part: count('Which part of the rows, counted from 1'), parts: count('Number of parts') })
    .describe('The rows that were compared with zips; part 1 of 1 is every row'),
  checks: z
    .array(
      z.object({
        check: text('`archived zips`, `rows`, `surgeon search`, `facility search` or `ledger`'),
        compared: count('How many zips, rows, search rows or releases were compared'),
        differences: count('How many of them are wrong. Exit code 1 unless it is 0 for each check'),
        first: texts('The first differences'),
      }),
    )
    .describe('One entry for each check'),
  unchecked: z
    .array(
      z.object({
        release: nullableText('File name of the zip; null for rows that an adoption found'),
        rows: count('Rows of this release'),
        reason: text('Why there is no zip to compare with'),
      }),
    )
    .describe('Rows that were not compared with a zip'),
  isChanged: flag('A load changed the tables during the check, so a difference may come from it'),
});
