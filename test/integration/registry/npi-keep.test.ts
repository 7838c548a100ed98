import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { surplusHistory } from '../../../db/history/surplus.ts';
import { surgicase } from '../../bed/cli.ts';
import { providersAfter } from '../../bed/npi-tables.ts';
import { forever, startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { traces } from '../../crash/bed.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  stub,
  weeklyName,
  writeReport,
  writeWeekly,
  type RowSpec,
} from '../../generated/release-zip.ts';

// The same releases in two databases: one keeps 90 days of history, the other all of it.
const [short, long] = ['npi_keep', 'npi_keep_all'] as const;
let kept: Pipeline;
let whole: Pipeline;
beforeAll(async () => {
  kept = await startPipeline(short, { NPI_HISTORY_KEEP: '90d' });
  whole = await startPipeline(long);
});
afterAll(async () => {
  await kept.stop();
  await whole.stop();
});

const weeks: Readonly<Record<string, readonly RowSpec[]>> = {
  '20260601-20260607': [
    individual(1, 'FIRST', '06/02/2026'),
    individual(2, 'JONES', '06/02/2026'),
    individual(3, 'LISTED', '06/02/2026'),
  ],
  '20260608-20260614': [
    individual(1, 'SECOND', '06/09/2026'),
    stub(2, '06/10/2026'),
    stub(8, '06/10/2026'),
    organization(5, 'MERCY', '06/09/2026'),
  ],
  '20260803-20260809': [
    individual(1, 'THIRD', '08/04/2026'),
    stub(5, '08/05/2026'),
    individual(6, 'NEW', '08/04/2026'),
  ],
  '20260831-20260906': [
    individual(1, 'FOURTH', '09/01/2026'),
    individual(6, 'OLD', '08/01/2026'),
    organization(5, 'MERCY LLC', '09/01/2026'),
  ],
  '20260914-20260920': [individual(1, 'FIFTH', '09/15/2026'), individual(2, 'JONES', '09/15/2026')],
};
const [first, beginning, late, fourth, newest] = Object.keys(weeks) as [
  string,
  string,
  string,
  string,
  string,
];
const releaseOf = (period: string) => weeklyName(period).replace('.zip', '');
const idOf = (period: string) => Number(`${period.slice(9)}0001`);

async function load(pipeline: Pipeline, period: string): Promise<void> {
  await writeWeekly(pipeline.site, period, npidataCsv(weeks[period] ?? []));
  expect((await pipeline.run()).releases).toMatchObject([{ release: releaseOf(period) }]);
}

async function loadReport(pipeline: Pipeline): Promise<void> {
  await writeReport(pipeline.site, '061026', [
    { npi: npi(3), date: '06/09/2026' },
    { npi: npi(9), date: '01/02/2020' },
  ]);
  await pipeline.run();
}

/** Without the history, which differs, and without ledger and logs, which show the order of arrival. */
async function registryOf(name: string, pipeline: Pipeline): Promise<unknown> {
  const { tables } = (await traces(name, pipeline)) as { tables: { place: string }[] };
  return tables.filter(({ place }) => /npi_data|_search\.|npi_quarantine|npi_unreported/.test(place));
}

const run = (pipeline: Pipeline, ...args: string[]) => surgicase(args, pipeline.env);
const begins = `The history begins with ${releaseOf(beginning)} (2026-06-14)`;

async function expectSameRegistry(): Promise<void> {
  expect(await registryOf(short, kept)).toEqual(await registryOf(long, whole));
}

it('keeps 90 days: what is older is refused, the rest answers as before, also after a late week', async () => {
  for (const period of [first, 'report', beginning, fourth, newest, late])
    await (period === 'report' ? loadReport(kept) : load(kept, period));
  for (const period of [first, 'report', beginning, late, fourth, newest])
    await (period === 'report' ? loadReport(whole) : load(whole, period));
  await expectSameRegistry();
  expect(
    await kept.query('SELECT DISTINCT release_id DIV 1000 AS release_no FROM npi_version ORDER BY 1'),
  ).toEqual(
    // The report keeps its versions, because nothing else tells which providers it names.
    [202606102, 202608090, 202609060, 202609200].map((release_no) => ({ release_no })),
  );
  for (const period of [beginning, late, fourth, newest]) {
    const expected = await providersAfter(long, idOf(period), whole);
    expect(await providersAfter(short, idOf(period), kept)).toEqual(expected);
  }

  const asOf = (day: string) => run(kept, 'npi', 'lookup', npi(1), '--as-of', day);
  expect(await asOf('2026-06-13')).toMatchObject({ code: 1, err: expect.stringContaining(begins) });
  expect((await asOf('2026-06-14')).out).toContain('SECOND');
  expect((await asOf('2026-08-09')).out).toContain('THIRD');
  const { out } = await run(kept, 'npi', 'history', npi(1));
  expect(out).toContain(`${begins}.`);
  expect(out).toMatch(/At the beginning: in npi_data_1[^]*SECOND -> THIRD/);
  expect((await run(kept, 'npi', 'releases')).out).toContain(begins);
});

it('refuses the changes of a release that the history no longer has, and lists the others as before', async () => {
  for (const period of [first, beginning]) {
    const { code, out, err } = await run(kept, 'npi', 'changes', releaseOf(period), '--csv');
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: expect.stringContaining(`${begins}; what ${releaseOf(period)} changed was not kept.`),
    });
  }
  for (const period of [late, fourth, newest]) {
    const csv = ['npi', 'changes', releaseOf(period), '--csv'];
    expect((await run(kept, ...csv)).out).toBe((await run(whole, ...csv)).out);
  }
});

it('takes releases back down to the beginning and forward again, and keeps the history meanwhile', async () => {
  const surplus = () => kept.database.session(forever, (session) => surplusHistory(session, 1));
  expect(await surplus()).toMatchObject({ beginning: idOf(fourth) });
  for (const period of [newest, fourth, late]) {
    for (const pipeline of [kept, whole]) {
      const { remarks } = await pipeline.run({ rollback: 'back' });
      expect(remarks[0]).toContain(`${releaseOf(period)}: rolled back`);
    }
    await expectSameRegistry();
    expect(await surplus()).toBeUndefined();
  }
  const refused = await run(kept, 'npi', 'rollback', '--reason', 'one too many');
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.out + refused.err).toContain(`The history begins with ${weeklyName(beginning)}, so what it`);
  for (let i = 0; i < 3; i += 1)
    for (const pipeline of [kept, whole]) await pipeline.run({ rollback: 'forward' });
  await expectSameRegistry();
});

it('a week older than the beginning activates nobody who was deactivated after it', async () => {
  const period = '20260525-20260531';
  for (const pipeline of [kept, whole]) {
    await writeWeekly(
      pipeline.archive,
      period,
      npidataCsv([
        individual(1, 'ZEROTH', '05/26/2026'),
        individual(7, 'UNKNOWN', '05/26/2026'),
        individual(8, 'DEACTIVATED', '05/26/2026'),
      ]),
    );
    const file = pathToFileURL(join(pipeline.archive, weeklyName(period))).href;
    expect((await pipeline.run({ file })).outcome).toBe('published');
  }
  await expectSameRegistry();
  expect((await run(kept, 'npi', 'lookup', npi(8))).out).toContain('DEACTIVATED on 06/10/2026');
});

it('a dry run says what the next run deletes', async () => {
  expect((await kept.run({ dryRun: true })).remarks.join()).not.toContain('NPI_HISTORY_KEEP');
  // As a run leaves it that was stopped.
  await kept.query(
    `INSERT INTO npi_version (npi, release_id, kind) VALUES (${npi(1)}, ${idOf(beginning)}, 'same')`,
  );
  expect((await kept.run({ dryRun: true })).remarks.join()).toContain(
    `NPI_HISTORY_KEEP: the next run that loads a release deletes the history up to ${releaseOf(beginning)} (1 version)`,
  );
});
