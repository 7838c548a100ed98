import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { bulkUpdateCaseStatus } from '../../../host/index.ts';
import { cli, surgicase } from '../../bed/cli.ts';
import { freePort } from '../../bed/free-port.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { openCasesWith } from '../../generated/marked-cases.ts';

// Every column of `cases` holds a marker. Everything that leaves the process is searched for them.
const markers = { patient: 'zzpatient', id: 'zzcaseid' };
const hidden = new RegExp(`${markers.patient}|1913-05-07|91919191|7171717`);
const ids = new RegExp(markers.id);

let pipeline: Pipeline;
let worker: ChildProcess;
let webhook: Server;
let stderr = '';
const posted: string[] = [];
/** What commands other than `cases …` wrote. */
const shown: string[] = [];
let logFile = '';
let metrics = '';

const command = async (...args: string[]) => {
  const { code, out, err } = await surgicase(args, { ...pipeline.env, LOG_LEVEL: 'debug' });
  if (args[0] !== 'cases') shown.push(out, err);
  return { code, out };
};
const resultOf = (workflowId: string) => pipeline.client.workflow.getHandle(workflowId).result();

beforeAll(async () => {
  webhook = createServer((request, response) => {
    let body = request.url ?? '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      posted.push(body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`;
  const ports = [await freePort(), await freePort()];
  pipeline = await startPipeline(
    'privacy',
    {
      NOTIFY_WEBHOOK_URL: `${address}/hook`,
      NOTIFY_ON: 'failure,gap,waiting,overdue,success',
      HEARTBEAT_URL: `${address}/ping`,
      METRICS_ADDRESS: `127.0.0.1:${ports[0]}`,
      HEALTH_ADDRESS: `127.0.0.1:${ports[1]}`,
    },
    { hasWorker: false },
  );
  logFile = join(pipeline.archive, '..', 'privacy.log');
  const env = {
    PATH: process.env['PATH'],
    ...pipeline.env,
    LOG_LEVEL: 'debug',
    LOG_FORMAT: 'json',
    LOG_FILE: logFile,
  };
  worker = spawn(process.execPath, [cli, 'worker'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  worker.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  await vi.waitUntil(() => stderr.includes('worker is ready'), 30_000);
  await openCasesWith(pipeline, markers);
  await runEverything();
  const served = ports.map(async (port, index) =>
    (await fetch(`http://127.0.0.1:${port}/${['metrics', 'readyz'][index]}`)).text(),
  );
  metrics = (await Promise.all(served)).join('\n');
}, 120_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  worker.kill('SIGTERM');
  await exit;
  webhook.close();
  await pipeline.stop();
});

/** An approval with exceptions of three kinds, an undo, a run that a trigger refuses, and a host's list. */
async function runEverything(): Promise<void> {
  await command('schedules', 'apply');
  await command('run', 'pending-payment-update', '--limit', '1', '--no-wait', '--json');
  await vi.waitUntil(() => posted.join().includes('"event":"waiting"'), 20_000);
  await pipeline.query(`UPDATE privacy_app.cases SET case_status = 30 WHERE case_id = '${markers.id}-3'`);
  const [run] = await pipeline.query<{ run_id: string }>(
    "SELECT run_id FROM run WHERE job = 'pending-payment-update'",
  );
  const runId = run?.run_id ?? '';
  await command('runs', 'approve', runId, '--reason', 'checked');
  const moved = await resultOf('pending-payment-update-manual');
  expect(moved).toMatchObject({
    outcome: 'moved',
    updated: 3,
    exceptions: { 'Processing error: MySQL error 1644': 1 },
  });
  await pipeline.query(`UPDATE privacy_app.cases SET case_status = 40 WHERE case_id = '${markers.id}-2'`);
  expect((await command('cases', 'undo', '--yes', runId)).code).toBe(0);
  expect((await command('run', 'paid-update')).code).toBe(1);
  await hostUpdate();
  for (const args of [
    ['status'],
    ['status', '--check'],
    ['status', '--json'],
    ['runs', 'list', '--json'],
    ['runs', 'show', runId],
    ['npi', 'status'],
    ['db', 'check'],
    ['doctor'],
    ['schedules', 'list'],
  ])
    await command(...args);
  const exceptions = await command('cases', 'exceptions', runId);
  expect(exceptions.out).toMatch(ids);
  expect(exceptions.out).not.toMatch(hidden);
  shown.push((await surgicase(['run', 'npi-update'], pipeline.env)).err);
}

/** Its lines are like those of the worker. */
async function hostUpdate(): Promise<void> {
  for (const [name, value] of Object.entries({ ...pipeline.env, LOG_LEVEL: 'debug' }))
    vi.stubEnv(name, value);
  const take = (level: string) => (message: string, fields?: object) => {
    stderr += `${JSON.stringify({ level, message, ...fields })}\n`;
  };
  const log = { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') };
  const caseIds = [1, 4, 9].map((number) => `${markers.id}-${number}`);
  const result = await bulkUpdateCaseStatus({ caseIds, newStatus: 15 }, { log });
  expect(result).toMatchObject({ total_updated: 1, total_exceptions: 2 });
  vi.unstubAllEnvs();
}

/** Every text in a value of Temporal's API, with the contents of its payloads. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString()];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...textsIn(inner)]);
}

/** Histories, descriptions with memo and search attributes, queries, and schedules. */
async function everythingInTemporal(): Promise<string> {
  const texts: string[] = [];
  const { client } = pipeline;
  for await (const { workflowId, runId } of client.workflow.list()) {
    const handle = client.workflow.getHandle(workflowId, runId);
    texts.push(...textsIn(await handle.fetchHistory()), ...textsIn((await handle.describe()).raw));
    for (const query of ['progress', '__temporal_workflow_metadata'])
      texts.push(...textsIn(await handle.query(query)));
  }
  for await (const { scheduleId } of client.schedule.list())
    texts.push(...textsIn((await client.schedule.getHandle(scheduleId).describe()).raw));
  return texts.join('\n');
}

it('nothing of a case is in Temporal', async () => {
  const found = await everythingInTemporal();
  // The search reads payloads, details and failures.
  for (const known of ['leftForNextRun', 'Processing error: MySQL error 1644', 'CasesRefused', 'checked'])
    expect(found).toContain(known);
  expect(found).not.toMatch(hidden);
  expect(found).not.toMatch(ids);
});

it('nothing of a case is in notifications, metrics, probes, or the output of commands other than `cases`', () => {
  const known = [posted.join('\n'), metrics, shown.join('\n')];
  expect(known[0]).toContain('CasesRefused');
  expect(known[1]).toMatch(/case_update_partial_failure_total.*\nok/s);
  expect(known[2]).toContain('statement');
  for (const found of known) {
    expect(found).not.toMatch(hidden);
    expect(found).not.toMatch(ids);
  }
});

it('a log has the id of a case only in warnings, and nothing else of it', () => {
  const file = readFileSync(logFile, 'utf8');
  expect(`${stderr}${file}`).not.toMatch(hidden);
  const lines = `${stderr}${file}`
    .split('\n')
    .filter((line) => ids.test(line))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.length).toBeGreaterThan(4);
  for (const { time: _time, runId: _runId, job: _job, ...line } of lines)
    expect(line).toEqual({
      level: 'warn',
      message: 'case not moved',
      caseId: expect.stringMatching(ids),
      reason: expect.any(String),
    });
});
