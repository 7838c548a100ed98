import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  stub,
  writeMonthly,
  writeReport,
  writeWeekly,
  type RowSpec,
} from '../../generated/release-zip.ts';
import { npidataHeader } from '../../../nppes/rows/header.ts';
import { exhaustive } from '../../bed/extent.ts';

const name = 'npi_quarantine';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MAX_REFUSED: '100%', NPI_MIN_ROWS: '0%' });
});
beforeEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const weeks = ['20260907-20260913', '20260914-20260920', '20260921-20260927'] as const;
const refused = (index: number): RowSpec => ({ NPI: npi(index), 'Entity Type Code': '3' });
const sound = (index: number) => individual(index, 'SMITH', '09/01/2026');
const nameless: RowSpec = { NPI: '12', 'Entity Type Code': '1' };

async function load(period: string, rows: readonly RowSpec[]): Promise<void> {
  await writeWeekly(pipeline.site, period, npidataCsv(rows));
  await pipeline.run();
}

const status = async () =>
  JSON.parse((await surgicase(['npi', 'status', '--json'], pipeline.env)).out) as never;
const open = (rows: readonly { reason: string; rowCount: number; file: string }[]) =>
  expect.objectContaining({
    refused: rows.map(({ file, ...row }) =>
      expect.objectContaining({ ...row, fileName: expect.stringContaining(file) }),
    ),
  });

it('a refused row is listed with reason, release and line until a valid row replaces it', async () => {
  await load(weeks[0], [sound(1), refused(2), nameless]);
  expect(
    await pipeline.query(
      'SELECT r.file_name AS file, q.row_no AS rowNumber, q.line_no AS line, q.npi, q.reason FROM npi_quarantine q JOIN npi_release r USING (release_id)',
    ),
  ).toEqual([
    expect.objectContaining({ rowNumber: 2, line: 3, npi: Number(npi(2)), reason: 'entity type is unknown' }),
    expect.objectContaining({ rowNumber: 3, line: 4, npi: null, reason: 'NPI is not ten digits' }),
  ]);
  const both = ['entity type is unknown', 'NPI is not ten digits'].map((reason) => ({
    reason,
    rowCount: 1,
    file: '090726_091326',
  }));
  expect(await status()).toEqual(open(both));
  expect((await surgicase(['npi', 'status'], pipeline.env)).out).toMatch(/quarantine +2 refused rows/);
  await load(weeks[1], [sound(2)]);
  expect(await status()).toEqual(open(both.slice(1)));
});

it(
  'a late week clears no rows that later weeks refused, and lists no row that they replaced',
  exhaustive,
  async () => {
    await load(weeks[0], [sound(9)]);
    await load(weeks[2], [sound(1), refused(2)]);
    await load(weeks[1], [refused(1), sound(2)]);
    expect(await status()).toEqual(
      open([{ reason: 'entity type is unknown', rowCount: 1, file: '092126_092726' }]),
    );
  },
);

it(
  'a later row that was stale clears what a week or a monthly that arrives late refuses',
  exhaustive,
  async () => {
    await load(weeks[0], [
      individual(1, 'SMITH', '09/25/2026'),
      individual(2, 'SMITH', '09/01/2026', {
        'NPI Deactivation Date': '08/01/2026',
        'NPI Reactivation Date': '09/01/2026',
      }),
    ]);
    await load(weeks[2], [individual(1, 'SMITH', '01/02/2007'), stub(2, '08/15/2026')]);
    await load(weeks[1], [refused(1), refused(2), refused(3)]);
    const reason = 'entity type is unknown';
    expect(await status()).toEqual(open([{ reason, rowCount: 1, file: '091426_092026' }]));
    await writeReport(pipeline.site, '101226', [{ npi: npi(2), date: '08/15/2026' }]);
    await pipeline.run();
    await writeMonthly(pipeline.site, 'October_2026', '20261011', [sound(9), refused(2), refused(3)]);
    await pipeline.run({ replace: true });
    expect(await status()).toEqual(open([{ reason, rowCount: 1, file: 'October_2026' }]));
  },
);

it(
  'a monthly clears older refused rows, and its own refused rows stay listed until a later valid row',
  exhaustive,
  async () => {
    await load(weeks[0], [refused(1), refused(2), nameless]);
    await load(weeks[1], [refused(3), sound(4)]);
    await writeMonthly(pipeline.site, 'September_2026', '20260913', [sound(1), refused(2), refused(4)]);
    await pipeline.run();
    const reason = 'entity type is unknown';
    expect(await status()).toEqual(
      open([
        { reason, rowCount: 1, file: '091426_092026' },
        { reason, rowCount: 1, file: 'September_2026' },
      ]),
    );
  },
);

it('reports new columns of a header as a remark of the release', async () => {
  const header = [...npidataHeader, 'Provider Favourite Colour'];
  await writeWeekly(pipeline.site, weeks[0], npidataCsv([sound(1)], header));
  const { remarks } = await pipeline.run();
  expect(remarks.filter((remark) => remark.includes('Provider Favourite Colour'))).toHaveLength(1);
  // A run that says no more of it leaves the warning open, until somebody acknowledges it.
  expect((await pipeline.run()).remarks.join()).not.toContain('Favourite');
  expect(
    await pipeline.query('SELECT remark, gone_at AS goneAt, acknowledged_at AS doneAt FROM warning'),
  ).toEqual([{ remark: expect.stringContaining('Provider Favourite Colour'), goneAt: null, doneAt: null }]);
});
