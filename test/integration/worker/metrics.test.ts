import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { freePort } from '../../bed/free-port.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { killWorkerProcesses, startWorkerProcess, type WorkerProcess } from '../../crash/bed.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';

// What a worker in its own process serves to Prometheus, and what the files of deploy/ and the docs expect there.
const root = fileURLToPath(new URL('../../..', import.meta.url));
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');
let pipeline: Pipeline;
let worker: WorkerProcess;
/** What the first worker served, and the second one after it. */
let served: string;
let afterRestart: string;

beforeAll(async () => {
  const port = await freePort();
  pipeline = await startPipeline('metrics', { METRICS_ADDRESS: String(port) }, { hasWorker: false });
  await writeCases(pipeline, casesOf(10, 3));
  await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([individual(1, 'SMITH', '09/15/2026')]));
  const first = await startWorkerProcess(pipeline.env);
  await pipeline.run();
  await pipeline.runCases('pending-payment-update');
  served = await scrape(port);
  first.child.kill('SIGTERM');
  await first.exit;
  worker = await startWorkerProcess(pipeline.env);
  afterRestart = await vi.waitUntil(async () => {
    const text = await scrape(port);
    return text.includes('npi_gap_days') && text;
  }, 30_000);
});
afterAll(async () => {
  worker.child.kill('SIGTERM');
  await worker.exit;
  killWorkerProcesses();
  await pipeline.stop();
});

const scrape = async (port: number) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
const seriesOf = (text: string, name: string) =>
  Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1]);

/** Our metrics that a text names; a histogram by its name without `_bucket`, `_sum` and `_count`. */
const named = (text: string) =>
  new Set(
    Array.from(
      text.matchAll(
        /\b((?:surgicase|npi|case|bulk)_[a-z_]+_(?:total|seconds|milliseconds|days|rows|warnings|up|connections|failed))(?:_bucket|_sum|_count)?\b/g,
      ),
      ([, name = '']) => name,
    ),
  );

it('serves every metric of the docs, and the docs name every metric that it serves', () => {
  // They exist once a load has paused: test/integration/registry/npi-busy.test.ts.
  const rare = ['npi_load_paused_total', 'npi_load_pause_seconds', 'case_update_partial_failure_total'];
  const inDocs = [...named(textOf('docs/metrics.md'))].filter((name) => !rare.includes(name));
  expect(inDocs.filter((name) => !named(served + afterRestart).has(name))).toEqual([]);
  expect([...named(served)].filter((name) => !inDocs.includes(name))).toEqual([]);
});

it.each(['deploy/prometheus-alerts.yaml', 'deploy/grafana-dashboard.json'])(
  '%s names only metrics of the docs',
  (file) => {
    const inDocs = named(textOf('docs/metrics.md'));
    const names = [...named(textOf(file))];
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !inDocs.has(name))).toEqual([]);
  },
);

it('tells the state of the database also after a restart', () => {
  const since = seriesOf(afterRestart, 'surgicase_job_last_success_timestamp_seconds');
  expect(Date.now() / 1000 - since).toBeLessThan(600);
  expect(seriesOf(afterRestart, 'surgicase_job_last_run_failed')).toBe(0);
  expect(seriesOf(afterRestart, 'npi_gap_days')).toBe(0);
  expect(seriesOf(afterRestart, 'npi_data_until_timestamp_seconds')).toBe(Date.parse('2026-09-21') / 1000);
  expect(seriesOf(afterRestart, 'surgicase_database_up')).toBe(1);
});
