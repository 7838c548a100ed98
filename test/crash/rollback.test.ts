import { afterAll, expect, it } from 'vitest';
import { exhaustive } from '../bed/extent.ts';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import type { Verdict } from '../bed/sql-proxy.ts';
import { individual, npidataCsv, stub, writeWeekly } from '../generated/release-zip.ts';
import { endsUnseen, killWorkerProcesses, startDoomedWorker, traces } from './bed.ts';

// Workers that a failed test left behind would run forever.
afterAll(killWorkerProcesses);

const weeks = [
  ['20260907-20260913', [individual(1, 'SMITH', '09/08/2026'), individual(3, 'LEE', '09/08/2026')]],
  ['20260914-20260920', [individual(1, 'ADAMS', '09/15/2026'), stub(3, '09/16/2026')]],
  ['20260921-20260927', [individual(1, 'BAKER', '09/22/2026'), individual(4, 'NEWMAN', '09/22/2026')]],
] as const;
const moments = [
  ['while_it_restores', /^DELETE k FROM npi_version/, 'after'],
  ['before_the_commit', /^UPDATE npi_checkpoint SET is_whole/, 'after'],
  ['after_the_commit', /^COMMIT/, 'after'],
] as const;

/** The tables of the registry and its history, without logs. */
async function registryOf(name: string, pipeline: Pipeline): Promise<unknown> {
  const { tables } = (await traces(name, pipeline)) as { tables: { place: string }[] };
  return tables.filter(({ place }) => !place.includes('_log'));
}

it.concurrent.each(moments)(
  'a rollback whose worker is killed %s takes exactly one release back, and a forward brings it back',
  exhaustive,
  async (moment, pattern, verdict) => {
    const name = `rollback_${moment}`;
    const pipeline = await startPipeline(name, { ACTIVITY_HEARTBEAT_TIMEOUT: '1s' }, { hasWorker: false });
    let [isArmed, isHit, restores] = [false, false, 0];
    const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', (sql): Verdict => {
      if (!isArmed) return 'pass';
      if (sql.startsWith('DELETE k FROM npi_version')) restores += 1;
      // The first commit after the work has begun is that of the rollback.
      if (!pattern.test(sql) || restores === 0) return 'pass';
      isHit = true;
      return verdict;
    });
    const states: unknown[] = [];
    for (const [period, rows] of weeks) {
      await writeWeekly(pipeline.site, period, npidataCsv(rows));
      await pipeline.run();
      states.push(await registryOf(name, pipeline));
    }
    isArmed = true;
    const handle = await pipeline.start({ rollback: 'back' });
    await Promise.race([doomed.exit, endsUnseen(handle)]);
    expect(isHit).toBe(true);
    const worker = await pipeline.startWorker();
    expect(await handle.result()).toMatchObject({ outcome: 'rolled back' });
    expect(await pipeline.query('SELECT COUNT(*) AS releases FROM npi_release')).toEqual([{ releases: 2 }]);
    await pipeline.run({ rollback: 'forward' });
    expect(await registryOf(name, pipeline)).toEqual(states[2]);
    await worker.stop();
    await doomed.proxy.close();
    await pipeline.stop();
  },
);
