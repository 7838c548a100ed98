import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { caseId, casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { cli } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

// Runs examples/python/scheduler.py with Temporal's Python client, if it is installed.
const hasClient = spawnSync('python3', ['-c', 'import temporalio']).status === 0;
if (!hasClient) console.warn('SKIPPED: examples/python/scheduler.py needs the Python package temporalio');
const example = fileURLToPath(new URL('../../../examples/python/scheduler.py', import.meta.url));
let pipeline: Pipeline;
const bin = mkdtempSync(join(tmpdir(), 'surgicase-python-'));

beforeAll(async () => {
  if (!hasClient) return;
  pipeline = await startPipeline('python');
  writeFileSync(join(bin, 'surgicase'), `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`);
  chmodSync(join(bin, 'surgicase'), 0o755);
});
afterAll(async () => {
  await pipeline?.stop();
  rmSync(bin, { recursive: true, force: true });
});

/** Asynchronous, because the worker runs in this process. */
async function python(...args: string[]): Promise<unknown> {
  const PATH = [bin, process.env['PATH']].join(delimiter);
  const { stdout } = await promisify(execFile)('python3', [example, ...args], {
    env: { ...pipeline.env, PATH },
  });
  return JSON.parse(stdout.split('\n').at(-2) ?? '');
}

it.skipIf(!hasClient)('runs the jobs for callers that use the old names', async () => {
  await writeCases(pipeline, [...casesOf(15, 3), ...casesOf(10, 4, 10)]);
  expect(await python('get_cases_with_status', '15')).toEqual([1, 2, 3].map(caseId));
  await python('setup_weekly_scheduler');
  expect(await python('weekly_paid_update')).toMatchObject({ outcome: 'moved', updated: 3 });
  expect(await python('run_update_now')).toMatchObject({ outcome: 'moved', updated: 4 });
  expect(await countByStatus(pipeline)).toEqual({ 15: 4, 20: 3 });
});
