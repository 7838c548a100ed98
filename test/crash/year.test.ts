import { afterAll, expect, it } from 'vitest';
import type { NpiUpdateInput, NpiUpdateResult } from '../../contract/workflows.ts';
import { exhaustive, seedFrom } from '../bed/extent.ts';
import { comparable, expectHistory } from '../bed/npi-history.ts';
import { differences, linesOf } from '../bed/npi-tables.ts';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import { seeded } from '../generated/hostile-csv.ts';
import { idOf, Model } from '../models/npi-model.ts';
import { Cms, late, type Release } from '../models/npi-year-page.ts';
import { killWorkerProcesses, startDoomedWorker } from './bed.ts';

// YEAR_SEED repeats the releases and the moments.
const seed = seedFrom('YEAR_SEED');
const random = seeded(seed);
const name = 'crash_year';
// About as many as a run of a week sends.
const statements = 400;

// Workers that a failed test left behind would run forever.
afterAll(killWorkerProcesses);

/** Runs an update whose worker is killed at a random statement; another worker finishes the run. */
async function runKilled(pipeline: Pipeline, input?: NpiUpdateInput): Promise<NpiUpdateResult> {
  let left = 1 + random(statements);
  const verdict = random(2) === 0 ? 'before' : 'after';
  const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', () =>
    (left -= 1) === 0 ? verdict : 'pass',
  );
  const handle = await pipeline.start(input);
  const result = handle.result() as Promise<NpiUpdateResult>;
  await Promise.race([doomed.exit, result]);
  doomed.child.kill('SIGKILL');
  await doomed.exit;
  const worker = await pipeline.startWorker();
  try {
    return await result;
  } finally {
    await worker.stop();
    await doomed.proxy.close();
  }
}

async function expectTables(pipeline: Pipeline, loaded: readonly Release[], when: string): Promise<void> {
  const found = comparable(await linesOf(name, pipeline));
  expect(differences(found, comparable(new Model(loaded).lines())), when).toEqual([]);
}

it(
  `weeks, a late one, monthlies, reports and rollbacks whose workers are killed at random leave the model's tables and history (YEAR_SEED=${seed})`,
  { ...exhaustive, timeout: 900_000 },
  async () => {
    const pipeline = await startPipeline(
      name,
      { ACTIVITY_HEARTBEAT_TIMEOUT: '1s', NPI_MIN_ROWS: '0%', NPI_LOAD_CONNECTIONS: '1' },
      { hasWorker: false },
    );
    const cms = new Cms(pipeline, seed);
    const loaded: Release[] = [];
    for (let week = 0; week <= late.listedIn + 2; week++) {
      const { weeklies, month } = await cms.nextMonday(week);
      const [monthly, report] = month;
      // Begins with the monthly before the late week.
      if (loaded.length === 0 && (monthly === undefined || week < late.week - 5)) continue;
      const isFirst = loaded.length === 0;
      const due = isFirst ? month : [...weeklies, ...(report ? [report] : [])];
      const { releases } = await runKilled(pipeline);
      expect(releases.map(({ release }) => `${release}.zip`)).toEqual(due.map(({ zip }) => zip));
      loaded.push(...due);
      if (monthly && !isFirst) {
        await runKilled(pipeline, { replace: true });
        loaded.push(monthly);
      }
      await expectTables(pipeline, loaded, `week ${week}`);
      if (week % 3 === 0 && !isFirst) {
        const newest = loaded.toSorted((one, other) => idOf(one) - idOf(other)).at(-1);
        const before = loaded.filter((release) => release !== newest);
        expect((await runKilled(pipeline, { rollback: 'back' })).outcome).toBe('rolled back');
        await expectTables(pipeline, before, `${newest?.zip} taken back`);
        expect((await runKilled(pipeline, { rollback: 'forward' })).outcome).toBe('brought forward');
        await expectTables(pipeline, loaded, `${newest?.zip} forward again`);
      }
    }
    await expectHistory(name, pipeline, loaded);
    await pipeline.stop();
  },
);
