import { afterAll, expect, it } from 'vitest';
import { surgicase } from '../bed/cli.ts';
import { exhaustive } from '../bed/extent.ts';
import { startPipeline } from '../bed/pipeline.ts';
import type { Verdict } from '../bed/sql-proxy.ts';
import { individual, npi, npidataCsv, writeWeekly, type RowSpec } from '../generated/release-zip.ts';
import { endsUnseen, killWorkerProcesses, startDoomedWorker } from './bed.ts';

// Workers that a failed test left behind would run forever.
afterAll(killWorkerProcesses);

// More than one batch of old versions.
const crowd = Array.from({ length: 1500 }, (_, i) => individual(i, 'FIRST', '06/02/2026'));
const weeks: readonly (readonly [string, readonly RowSpec[]])[] = [
  ['20260601-20260607', crowd],
  ['20260608-20260614', [individual(1, 'SECOND', '06/09/2026')]],
  ['20260914-20260920', [individual(1, 'THIRD', '09/15/2026')]],
];

it(
  'a worker that is killed between two batches leaves a correct history, and the next one deletes the rest',
  exhaustive,
  async () => {
    const name = 'history_killed';
    const more = { NPI_HISTORY_KEEP: '90d', ACTIVITY_HEARTBEAT_TIMEOUT: '1s' };
    const pipeline = await startPipeline(name, more, { hasWorker: false });
    let batches = 0;
    const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', (sql): Verdict => {
      if (sql.startsWith('DELETE FROM npi_version WHERE release_id > 0')) batches += 1;
      return batches === 2 ? 'before' : 'pass';
    });
    const [newest, ...earlier] = weeks.toReversed();
    for (const [period, rows] of earlier.toReversed()) {
      await writeWeekly(pipeline.site, period, npidataCsv(rows));
      await pipeline.run();
    }
    if (newest) await writeWeekly(pipeline.site, newest[0], npidataCsv(newest[1]));
    const handle = await pipeline.start();
    await Promise.race([doomed.exit, endsUnseen(handle)]);

    const old = async () =>
      (await pipeline.query('SELECT 1 FROM npi_version WHERE release_id < 202609200000')).length;
    const expectHistory = async () => {
      const asOf = (day: string) => surgicase(['npi', 'lookup', npi(1), '--as-of', day], pipeline.env);
      expect((await asOf('2026-06-13')).err).toContain('The history begins with');
      expect((await asOf('2026-06-14')).out).toContain('SECOND');
      const { out } = await surgicase(['npi', 'history', npi(1)], pipeline.env);
      expect(out).not.toContain('FIRST');
    };
    expect(await old()).toBe(501);
    await expectHistory();

    const worker = await pipeline.startWorker();
    expect(await handle.result()).toMatchObject({ outcome: 'published' });
    expect(await old()).toBe(0);
    await expectHistory();
    await worker.stop();
    await doomed.proxy.close();
    await pipeline.stop();
  },
);
