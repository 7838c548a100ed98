import { createConnection } from 'mysql2/promise';
import { afterAll, expect, inject, it } from 'vitest';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline } from '../../bed/pipeline.ts';
import { killWorkerProcesses, startWorkerProcess } from '../../crash/bed.ts';
import { individual, npidataCsv, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';

afterAll(killWorkerProcesses);

it(
  'a load pauses before its steps while the server is busy, says so, and publishes',
  exhaustive,
  async () => {
    const busy = { NPI_MAX_THREADS_RUNNING: '1' };
    const pipeline = await startPipeline('npi_busy', busy, { hasWorker: false });
    await writeMonthly(pipeline.site, 'September_2026', '20260913', [individual(1, 'SMITH', '09/01/2026')]);
    await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv([individual(2, 'MOORE', '09/15/2026')]));
    const other = await createConnection(inject('mysqlUrl'));
    const statement = other.query('SELECT SLEEP(600)').catch(() => undefined);
    const worker = await startWorkerProcess(pipeline.env);
    const { outcome, releases } = await pipeline.run();
    expect({ outcome, releases: releases.length }).toEqual({ outcome: 'published', releases: 2 });
    const lines = worker
      .lines()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find(({ message }) => message === 'letters loaded')?.['pausedSeconds']).toBeGreaterThan(2);
    // One line for each of load, index and stage, not one for each step.
    const paused = lines.filter(({ message }) => String(message).startsWith('the load pauses'));
    expect(paused.map(({ maxThreadsRunning }) => maxThreadsRunning)).toEqual([1, 1, 1]);
    worker.child.kill('SIGTERM');
    await worker.exit;
    other.destroy();
    await statement;
    await pipeline.stop();
  },
);
