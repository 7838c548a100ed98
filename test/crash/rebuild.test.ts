import { afterAll, expect, it } from 'vitest';
import { exhaustive } from '../bed/extent.ts';
import { differences, linesOfAnyVersion } from '../bed/npi-tables.ts';
import { startPipeline } from '../bed/pipeline.ts';
import type { Verdict } from '../bed/sql-proxy.ts';
import {
  individual,
  npidataCsv,
  organization,
  stub,
  writeMonthly,
  writeWeekly,
} from '../generated/release-zip.ts';
import { endsUnseen, killWorkerProcesses, startDoomedWorker } from './bed.ts';

// Workers that a failed test left behind would run forever.
afterAll(killWorkerProcesses);

const monthly = [
  individual(1, 'SMITH', '09/01/2026'),
  organization(2, 'MERCY', '09/01/2026'),
  individual(3, 'LEE', '09/01/2026'),
];
const week = [
  individual(1, 'ADAMS', '09/15/2026'),
  stub(3, '09/16/2026'),
  individual(4, 'NEWMAN', '09/16/2026'),
];
const moments = [
  ['after_the_swap', /^RENAME TABLE \w+_app\.npi_data_0 TO/],
  ['while_it_forgets', /^DELETE FROM npi_version/],
  ['before_the_week', /^LOAD DATA LOCAL .*npi_stage/],
] as const;

it.concurrent.each(moments)(
  'a rebuild whose worker is killed %s brings the same tables back',
  exhaustive,
  async (moment, pattern) => {
    const name = `rebuild_${moment}`;
    const more = { ACTIVITY_HEARTBEAT_TIMEOUT: '1s' };
    const pipeline = await startPipeline(name, more, { hasWorker: false });
    await writeMonthly(pipeline.site, 'September_2026', '20260913', monthly);
    await writeWeekly(pipeline.site, '20260914-20260920', npidataCsv(week));
    let [isArmed, isHit] = [false, false];
    const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', (sql): Verdict => {
      if (!isArmed || !pattern.test(sql)) return 'pass';
      isHit = true;
      return 'after';
    });
    await pipeline.run();
    const before = await linesOfAnyVersion(name, pipeline);
    await pipeline.query(`DELETE FROM ${name}_app.npi_data_1`);
    isArmed = true;
    const handle = await pipeline.start({ rebuild: true });
    await Promise.race([doomed.exit, endsUnseen(handle)]);
    expect(isHit).toBe(true);
    const worker = await pipeline.startWorker();
    expect(await handle.result()).toMatchObject({ outcome: 'published' });
    expect(differences(await linesOfAnyVersion(name, pipeline), before)).toEqual([]);
    expect((await pipeline.run()).outcome).toBe('nothing due');
    await worker.stop();
    await doomed.proxy.close();
    await pipeline.stop();
  },
);
