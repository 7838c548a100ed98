import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NpiUpdateResult } from '../../../contract/workflows.ts';
import { surgicase } from '../../bed/cli.ts';
import { startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import { freePort } from '../../bed/free-port.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npidataCsv, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

// A week that the page no longer lists, as an operator sees it: worker and commands run in their own processes.
const name = 'npi_gaps';
const notices: { event: string; text: string }[] = [];
let pipeline: Pipeline;
let webhook: Server;
let worker: WorkerProcess;
let metricsUrl: string;

beforeAll(async () => {
  webhook = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (body: string) => notices.push(JSON.parse(body) as never));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const metricsPort = await freePort();
  metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
  pipeline = await startPipeline(
    name,
    {
      NOTIFY_WEBHOOK_URL: `http://127.0.0.1:${portOf(webhook)}/a-token`,
      METRICS_ADDRESS: String(metricsPort),
    },
    { hasWorker: false },
  );
  worker = await startWorkerProcess(pipeline.env);
});
afterAll(async () => {
  worker.child.kill('SIGTERM');
  await worker.exit;
  await pipeline.stop();
  webhook.close();
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;

const week = (period: string, index: number) =>
  writeWeekly(pipeline.site, period, npidataCsv([individual(index, 'SMITH', '09/01/2026')]));

const gapDays = async () =>
  /^npi_gap_days(?:\{.*\})? (\d+)$/m.exec(await (await fetch(metricsUrl)).text())?.[1] ?? 'no gauge';

/** The worker reads the gauges every 15 seconds. */
const gauge = { timeout: 40_000, interval: 500 };

const run = async (): Promise<NpiUpdateResult> => (await pipeline.start()).result() as never;

it('a gap is reported as a remark, warning, gauge, notification and status line until a monthly closes it', async () => {
  await week('20260907-20260913', 1);
  await run();
  expect(notices).toEqual([]);

  await week('20260921-20260927', 2);
  await week('20260928-20261004', 3);
  const { outcome, releases, remarks } = await run();
  expect([outcome, releases.length]).toEqual(['published', 2]);
  expect(remarks.join()).toContain('No weekly covers the days from 2026-09-14 to 2026-09-20');
  expect(worker.lines()).toContain('"message":"no weekly covers these days","runId"');
  await expect.poll(gapDays, gauge).toBe('7');
  expect(notices).toEqual([
    expect.objectContaining({ event: 'gap', text: expect.stringContaining('2026-09-14 to 2026-09-20') }),
  ]);
  expect((await surgicase(['npi', 'status'], pipeline.env)).out).toMatch(/gaps +2026-09-14 to 2026-09-20/);

  const problems = async () => {
    const { out } = await surgicase(['status', '--check', '--json'], pipeline.env);
    return (JSON.parse(out) as { problems: string[] }).problems.filter((text) => text.includes('2026-09-14'));
  };
  const [warning = '', ...others] = await problems();
  expect([warning, others]).toEqual([
    expect.stringMatching(/^warning \d+ of npi-update: No weekly covers the days from 2026-09-14/),
    [],
  ]);
  const number = /\d+/.exec(warning)?.[0] ?? '';
  const acknowledge = ['status', '--acknowledge', number, '--by', 'ana', '--reason', 'CMS lost it'];
  expect((await surgicase([...acknowledge, '--json'], pipeline.env)).code).toBe(0);
  expect(await problems()).toEqual([]);
  expect((await surgicase(['status'], pipeline.env)).out).toMatch(
    /warning \d+ +npi-update: No weekly covers .*\n +since .*; acknowledged by ana: CMS lost it\n/,
  );
  expect(await surgicase(acknowledge, pipeline.env)).toMatchObject({
    code: 2,
    err: expect.stringContaining(`There is no open warning ${number}.`),
  });

  await writeMonthly(pipeline.site, 'October_2026', '20261011', [individual(4, 'JONES', '10/01/2026')]);
  expect((await run()).releases).toMatchObject([{ kind: 'monthly' }]);
  await expect.poll(gapDays, gauge).toBe('0');
  expect(notices).toHaveLength(1);
  expect((await surgicase(['npi', 'status'], pipeline.env)).out).toMatch(/gaps +none/);
  expect((await surgicase(['status'], pipeline.env)).out).not.toContain('No weekly covers');
});

it('a week that appears late closes its gap, and keeps the rows of later weeks', exhaustive, async () => {
  await pipeline.reset();
  await week('20260907-20260913', 1);
  await run();
  await writeWeekly(pipeline.site, '20260921-20260927', npidataCsv([individual(1, 'LATER', '09/22/2026')]));
  await run();
  await writeWeekly(
    pipeline.site,
    '20260914-20260920',
    npidataCsv([individual(1, 'EARLIER', '09/15/2026'), individual(2, 'EARLIER', '09/15/2026')]),
  );
  // In its place in the order, before the later week, the known row of the first provider is older.
  expect(await run()).toMatchObject({ releases: [{ counts: { updated: 1, inserted: 1, stale: 0 } }] });
  expect(
    await pipeline.query(`SELECT provider_last_name AS name FROM ${name}_app.npi_data_1 ORDER BY npi`),
  ).toEqual([{ name: 'LATER' }, { name: 'EARLIER' }]);
  expect((await surgicase(['npi', 'status'], pipeline.env)).out).toMatch(/gaps +none/);
});
