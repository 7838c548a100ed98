import { afterAll, describe, expect, it } from 'vitest';
import { referenceTables } from '../../db/schema/reference-tables.ts';
import type { NpiUpdateInput } from '../../contract/workflows.ts';
import { exhaustive } from '../bed/extent.ts';
import { startPipeline, type Pipeline } from '../bed/pipeline.ts';
import { referenceMembers, referenceRows, type ReferenceRow } from '../bed/references.ts';
import type { Verdict } from '../bed/sql-proxy.ts';
import { npidataCsv, organization, writeMonthly, writeWeekly } from '../generated/release-zip.ts';
import { endsUnseen, finish, killWorkerProcesses, startDoomedWorker } from './bed.ts';

const providers = Array.from({ length: 50 }, (_, i) => organization(i, 'SAMPLE', '09/08/2026'));

/** Practice locations in two blocks, with rows that are there twice. */
const locations = (street: string): ReferenceRow[] =>
  Array.from({ length: 7000 }, (_, i) => [i % 50, `${i % 6900} ${street}`]);

/** Starts a page with a week, a database that has an earlier week, and no worker. */
async function openCase(name: string): Promise<Pipeline> {
  const more = { NPI_REFERENCE_FILES: 'on', NPI_BASELINE: 'never', ACTIVITY_HEARTBEAT_TIMEOUT: '1s' };
  const pipeline = await startPipeline(name, more, { hasWorker: false });
  const members = referenceMembers({ pl: locations('FIRST ST'), othername: [[1, 'FIRST', '3']] });
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv(providers), undefined, members);
  await finish(name, pipeline, await pipeline.start());
  return pipeline;
}

const writeWeek = async ({ site }: Pipeline) => {
  const updated = providers.slice(10).map((row) => ({ ...row, 'Last Update Date': '09/15/2026' }));
  const members = referenceMembers({ pl: locations('SECOND ST').filter(([index]) => index % 5 !== 0) });
  await writeWeekly(site, '20260914-20260920', npidataCsv(updated), undefined, members);
};
const writeMonth = async ({ site }: Pipeline) => {
  const members = referenceMembers({ pl: locations('MONTH ST'), endpoint: [[2, 'FHIR']] });
  await writeMonthly(site, 'September_2026', '20260920', providers, undefined, members);
};

/** Everything that a run leaves in the tables, the reference tables among it. */
async function left(
  name: string,
  pipeline: Pipeline,
  handle: Parameters<typeof finish>[2],
): Promise<unknown> {
  const others = await finish(name, pipeline, handle);
  const references = await Promise.all(referenceTables.map((table) => referenceRows(pipeline, table.name)));
  const reports = await pipeline.query<{ report: unknown }>(
    `SELECT JSON_EXTRACT(published, '$.references') AS report FROM npi_release ORDER BY release_id`,
  );
  return { others, references, reports };
}

type Judge = (sql: string) => Verdict;

const nth = (pattern: RegExp, count: number, verdict: Verdict): Judge => {
  let seen = 0;
  return (sql) => (pattern.test(sql) && (seen += 1) === count ? verdict : 'pass');
};
const following = (earlier: RegExp, pattern: RegExp): Judge => {
  let isNear = false;
  return (sql) => {
    isNear ||= earlier.test(sql);
    return isNear && pattern.test(sql) ? 'after' : 'pass';
  };
};

const loads = {
  week: { write: writeWeek, input: {} },
  month: { write: writeMonth, input: { replace: true } },
} as const satisfies Record<string, { write: (pipeline: Pipeline) => Promise<void>; input: NpiUpdateInput }>;

/** Loads a release with one worker after the other: each is killed at its statement, and the last one is not. */
async function loadWith(name: string, load: keyof typeof loads, judges: readonly Judge[]): Promise<unknown> {
  const pipeline = await openCase(name);
  const { write, input } = loads[load];
  await write(pipeline);
  const handle = await pipeline.start(input);
  for (const judge of judges) {
    const doomed = await startDoomedWorker(pipeline.env, 'SIGKILL', judge);
    await Promise.race([doomed.exit, endsUnseen(handle)]);
    await doomed.proxy.close();
  }
  const found = await left(name, pipeline, handle);
  await pipeline.stop();
  return found;
}

// Workers that a failed test left behind would run forever.
afterAll(killWorkerProcesses);

describe.concurrent('a worker that loads reference files and is killed', () => {
  it('again and again in a week leaves the same tables as an undisturbed run', async () => {
    const wanted = await loadWith('ref_crash_none', 'week', []);
    const found = await loadWith('ref_crash_week', 'week', [
      nth(/INTO TABLE npi_stage_\w+_pl /, 2, 'before'),
      following(/INTO TABLE npi_stage_\w+_pl /, /^COMMIT/),
      nth(/^DELETE k FROM npi_stage_\w+_pl_plan/, 1, 'after'),
      nth(/^INSERT INTO \w+\.npi_practice_location/, 1, 'after'),
    ]);
    expect(found).toEqual(wanted);
  });

  it('again and again in a monthly leaves the same tables as an undisturbed run', exhaustive, async () => {
    const wanted = await loadWith('ref_crash_calm', 'month', []);
    const found = await loadWith('ref_crash_month', 'month', [
      nth(/INTO TABLE \S+_npi_practice_location /, 2, 'before'),
      following(/INTO TABLE \S+_npi_practice_location /, /^COMMIT/),
      nth(/^DELETE r FROM[^]*_npi_practice_location/, 1, 'after'),
      following(/^DELETE r FROM[^]*_npi_practice_location/, /^COMMIT/),
      nth(/^RENAME TABLE \w+_app\.npi_data_0 TO .* TO \w+_app\.npi_practice_location/, 1, 'after'),
    ]);
    expect(found).toEqual(wanted);
  });
});
