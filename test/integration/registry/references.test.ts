import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { referenceTables } from '../../../db/schema/reference-tables.ts';
import { referenceCounts, referenceMembers, referenceRows, type ReferenceRow } from '../../bed/references.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  writeWeekly,
  type ReferenceMembers,
  type RowSpec,
} from '../../generated/release-zip.ts';

const name = 'npi_references';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_REFERENCE_FILES: 'on', NPI_BASELINE: 'never' });
});
afterEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const weeks = ['20260907-20260913', '20260914-20260920', '20260921-20260927'] as const;
const releaseIds = [20260913, 20260920, 20260927].map((day) => day * 10_000 + 1);

const offer = (week: 0 | 1 | 2, rows: readonly RowSpec[], references: ReferenceMembers) =>
  writeWeekly(pipeline.site, weeks[week], npidataCsv(rows), undefined, references);

const stored = (table: string) => referenceRows(pipeline, table);

const names = 'npi_other_name';

describe('weeklies', () => {
  it('a week fills the tables in the order of its file, with byte-identical rows once', async () => {
    const rows = referenceMembers({
      othername: [
        [1, 'SECOND', '3'],
        [2, 'ÉCOLE', '3', '01/02/2026'],
        [1, 'FIRST', '3'],
        [1, 'SECOND', '3'],
        [1, 'SECOND ', '3'],
        [1, 'second', '3'],
        [1, 'SECOND', '4'],
      ],
      pl: [[2, '1 "A" STREET', 'SUITE\t2']],
      endpoint: [[1, 'DIRECT', '', 'a@b.example', 'N', 'a\\b']],
    });
    await offer(0, [organization(1, 'ONE', '09/08/2026'), individual(2, 'TWO', '09/08/2026')], rows);
    const result = await pipeline.run();
    expect(await stored(names)).toEqual(
      [
        [npi(1), 'SECOND'],
        [npi(1), 'FIRST'],
        [npi(1), 'SECOND '],
        [npi(1), 'second'],
        [npi(1), 'SECOND'],
        [npi(2), 'ÉCOLE'],
      ].map((row) => [...row, releaseIds[0]]),
    );
    const [location] = await pipeline.query<Record<string, unknown>>(
      `SELECT * FROM ${name}_app.npi_practice_location`,
    );
    expect(Object.values(location ?? {}).slice(2, 5)).toEqual(['1 "A" STREET', 'SUITE\t2', '']);
    expect(
      await pipeline.query(
        `SELECT endpoint, affiliation, endpoint_description FROM ${name}_app.npi_endpoint`,
      ),
    ).toEqual([{ endpoint: 'a@b.example', affiliation: 'N', endpoint_description: 'a\\b' }]);
    expect(referenceCounts(result, names)).toEqual([
      { table: names, rows: 7, written: 6, duplicates: 1, stale: 0, refused: 0 },
    ]);
    expect(result.remarks).toEqual([]);
  });

  it('the next week replaces the rows of each provider that it names or updates', async () => {
    const first = [
      organization(1, 'REPLACED', '09/08/2026'),
      organization(2, 'LISTED NO MORE', '09/08/2026'),
      organization(3, 'NOT IN THE WEEK', '09/08/2026'),
      organization(4, 'UNCHANGED', '09/08/2026'),
      organization(5, 'DEACTIVATED', '09/08/2026'),
      organization(6, 'STALE', '09/10/2026'),
      organization(7, 'NAMED ALONE', '09/08/2026'),
    ];
    await offer(0, first, referenceMembers({ othername: first.map((_, i) => [i + 1, `OLD ${i + 1}`, '3']) }));
    await pipeline.run();
    await offer(
      1,
      [
        organization(1, 'REPLACED', '09/15/2026'),
        organization(2, 'LISTED NO MORE', '09/15/2026'),
        organization(4, 'UNCHANGED', '09/08/2026'),
        stub(5, '09/16/2026'),
        organization(6, 'STALE', '09/09/2026'),
      ],
      referenceMembers({
        othername: [
          [6, 'NEW 6', '3'],
          [7, 'NEW 7', '3'],
          [1, 'NEW 1', '3'],
          [4, 'NEW 4', '3'],
        ],
      }),
    );
    const result = await pipeline.run();
    expect(await stored(names)).toEqual([
      [npi(1), 'NEW 1', releaseIds[1]],
      [npi(3), 'OLD 3', releaseIds[0]],
      [npi(4), 'NEW 4', releaseIds[1]],
      [npi(5), 'OLD 5', releaseIds[0]],
      [npi(6), 'OLD 6', releaseIds[0]],
      [npi(7), 'NEW 7', releaseIds[1]],
    ]);
    expect(referenceCounts(result, names)).toEqual([
      { table: names, rows: 4, written: 3, duplicates: 0, stale: 1, refused: 0 },
    ]);
  });

  it('leave the same tables in any order of arrival', async () => {
    const zips = [
      () =>
        offer(
          0,
          [organization(1, 'A', '09/08/2026'), organization(2, 'B', '09/08/2026')],
          referenceMembers({
            othername: [
              [1, 'W1', '3'],
              [2, 'W1', '3'],
              [3, 'W1', '3'],
              [4, 'W1', '3'],
            ],
            pl: [[2, 'W1 STREET']],
          }),
        ),
      () =>
        offer(
          1,
          [organization(1, 'A', '09/15/2026'), organization(3, 'C', '09/15/2026')],
          referenceMembers({
            othername: [
              [1, 'W2', '3'],
              [4, 'W2', '3'],
            ],
            pl: [
              [1, 'W2 STREET'],
              [2, 'W2 STREET'],
            ],
          }),
        ),
      () => offer(2, [organization(2, 'B', '09/22/2026')], referenceMembers({ pl: [[2, 'W3 STREET']] })),
    ];
    const found = [];
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
      [2, 1, 0],
    ]) {
      for (const week of order) {
        await zips[week]?.();
        await pipeline.run();
      }
      found.push([await stored(names), await stored('npi_practice_location')]);
      await pipeline.reset();
    }
    expect(found[0]).toEqual([
      [
        [npi(1), 'W2', releaseIds[1]],
        [npi(4), 'W2', releaseIds[1]],
      ],
      [
        [npi(1), 'W2 STREET', releaseIds[1]],
        [npi(2), 'W3 STREET', releaseIds[2]],
      ],
    ]);
    for (const other of found) expect(other).toEqual(found[0]);
  });

  it('a zip without one of the files keeps that table, and says so until a monthly comes', async () => {
    const rows = [organization(1, 'ONE', '09/08/2026')];
    await offer(0, rows, referenceMembers({ othername: [[1, 'KEPT', '3']], pl: [[1, 'OLD STREET']] }));
    await pipeline.run();
    const { othername: _without, ...others } = referenceMembers({ pl: [[1, 'NEW STREET']] });
    await offer(1, [organization(1, 'ONE', '09/15/2026')], others);
    const { remarks } = await pipeline.run();
    expect(remarks).toEqual([
      'NPPES_Data_Dissemination_091426_092026_Weekly_V2 has no file othername_pfile_….csv; npi_other_name keeps the rows that it has.',
    ]);
    expect(await stored(names)).toEqual([[npi(1), 'KEPT', releaseIds[0]]]);
    expect(await stored('npi_practice_location')).toEqual([[npi(1), 'NEW STREET', releaseIds[1]]]);
    await pipeline.run();
    expect(
      await pipeline.query(`SELECT remark FROM ${name}_own.warning WHERE gone_at IS NULL AND is_standing`),
    ).toMatchObject([
      {
        remark:
          'Reference tables are incomplete (npi_other_name): NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip was loaded ' +
          'without them. The next monthly fills them; `surgicase npi replace` loads one now.',
      },
    ]);
  });

  it('bad rows are refused and counted; too many of them, a lost column and two files refuse the release', async () => {
    const rows = [organization(1, 'ONE', '09/08/2026')];
    const good: ReferenceRow[] = [
      [1, 'GOOD', '3'],
      [1, 'BETTER', '3'],
    ];
    await offer(0, rows, referenceMembers({ othername: [...good, [1, 'X'.repeat(101), '3']] }));
    const result = await pipeline.run();
    expect(referenceCounts(result, names)).toEqual([
      { table: names, rows: 3, written: 2, duplicates: 0, stale: 0, refused: 1 },
    ]);
    expect(result.remarks).toEqual([
      'NPPES_Data_Dissemination_090726_091326_Weekly_V2: 1 of 3 rows of othername_pfile_20260907-20260913.csv are refused ' +
        '(1 value longer than its column).',
    ]);
    const broken: [string, ReferenceMembers][] = [
      ['TooManyRefused', referenceMembers({ othername: [[1, 'X'.repeat(101), '3']] })],
      ['ColumnMissing', { ...referenceMembers({}), pl: '"NPI","Provider Street"\n' }],
      ['MemberAmbiguous', { ...referenceMembers({}), 'folder/pl': '"NPI"\n' }],
      ['FileDamaged', { ...referenceMembers({}), endpoint: '"NPI","Endpoint Type' }],
    ];
    for (const [failure, references] of broken) {
      await offer(1, rows, references);
      const cause = expect.objectContaining({ type: failure });
      await expect(pipeline.run()).rejects.toMatchObject({ cause });
      expect(await stored(names)).toHaveLength(2);
    }
  });

  it('a dry run counts and writes nothing; a published week is not read again', async () => {
    await offer(
      0,
      [organization(1, 'ONE', '09/08/2026')],
      referenceMembers({ othername: [[1, 'ONCE', '3']] }),
    );
    const wanted = [{ table: names, rows: 1, written: 1, duplicates: 0, stale: 0, refused: 0 }];
    expect(referenceCounts(await pipeline.run({ dryRun: true }), names)).toEqual(wanted);
    expect(await stored(names)).toEqual([]);
    expect(referenceCounts(await pipeline.run(), names)).toEqual(wanted);
    expect((await pipeline.run()).outcome).toBe('nothing due');
    expect(await stored(names)).toHaveLength(1);
  });
});

it('without the setting there are no tables, and the files are not read', async () => {
  const off = await startPipeline(`${name}_off`);
  const broken = { othername: 'no header', pl: 'no header' };
  await writeWeekly(
    off.site,
    weeks[0],
    npidataCsv([organization(1, 'ONE', '09/08/2026')]),
    undefined,
    broken,
  );
  const { releases, remarks } = await off.run();
  expect(releases).toMatchObject([{ counts: { inserted: 1 } }]);
  expect(releases[0]).not.toHaveProperty('references');
  expect(remarks).toEqual([]);
  const found = await off.query<{ table: string }>(
    `SELECT table_name AS 'table' FROM information_schema.tables WHERE table_schema = '${name}_off_app'`,
  );
  const tables = found.map(({ table }) => table);
  expect(tables).toContain('npi_data_1');
  for (const { name: table } of referenceTables) expect(tables).not.toContain(table);
  await off.stop();
});
