import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { createConnection, type Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import type { NpiUpdateResult } from '../../../contract/workflows.ts';
import { surgicase } from '../../bed/cli.ts';
import { exhaustive } from '../../bed/extent.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  individual,
  npi,
  npidataCsv,
  organization,
  weeklyName,
  writeMonthly,
  writeWeekly,
} from '../../generated/release-zip.ts';

const name = 'npi_check';
const weeks = [
  '20260914-20260920',
  '20260921-20260927',
  '20260928-20261004',
  '20261005-20261011',
  '20261012-20261018',
] as const;
const notices: { event: string; runId: string; text: string }[] = [];
let webhook: Server;
let pipeline: Pipeline;
let monthly: string;
/** The result of the load of the monthly. */
let first: NpiUpdateResult;

beforeAll(async () => {
  webhook = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      notices.push(JSON.parse(body) as never);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(webhook, 'listening');
  pipeline = await startPipeline(name, {
    // Every generated NPI is in the first part.
    NPI_CHECK_PARTS: '3',
    NPI_BASELINE: 'never',
    NOTIFY_WEBHOOK_URL: `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`,
    NOTIFY_ON: 'failure',
  });
});
afterAll(async () => {
  await pipeline.stop();
  webhook.close();
});

const writeWeek = (week: string, index: number) =>
  writeWeekly(pipeline.site, week, npidataCsv([individual(index, 'YOUNG', '09/15/2026')]));

async function loadWeek(week: string, index: number): Promise<NpiUpdateResult> {
  await writeWeek(week, index);
  const result = await pipeline.run();
  expect(result).toMatchObject({
    outcome: 'published',
    releases: [{ release: weeklyName(week).slice(0, -4) }],
  });
  return result;
}

/** What the check says to a monitor and on the status page. */
async function problems(): Promise<string[]> {
  const { out } = await surgicase(['status'], pipeline.env);
  const shown = out.split('\n').flatMap((line) => /warning \d+ of (npi-check.*)/.exec(line)?.[1] ?? []);
  const { code, out: line } = await surgicase(['status', '--check'], pipeline.env);
  expect([code, shown.every((text) => line.includes(text))]).toEqual([1, true]);
  return shown;
}

/** The remarks about rows, which depend on the part. */
const ofRows = ({ remarks }: NpiUpdateResult) =>
  remarks.filter((remark) => /\brows? /.test(remark) && !/search/.test(remark));
const setCredential = (index: number, text: string) =>
  pipeline.query(
    `UPDATE ${name}_app.npi_data_1 SET provider_credential_text = '${text}' WHERE npi = ${npi(index)}`,
  );
const ledger = async () =>
  (
    await pipeline.query<{ outcome: string }>(
      `SELECT outcome FROM ${name}_own.run ORDER BY started_at DESC LIMIT 1`,
    )
  )[0]?.outcome;

beforeEach(async () => {
  await pipeline.reset();
  notices.length = 0;
  monthly = await writeMonthly(pipeline.site, 'September_2026', '20260913', [
    individual(1, 'SMITH', '09/01/2026'),
    individual(2, 'ECLAIR', '09/01/2026', { 'Provider Credential Text': 'MD' }),
    organization(3, 'MERCY', '09/01/2026'),
  ]);
  first = await pipeline.run({ replace: true });
});

describe('a difference is a problem, and the run is published', () => {
  it('in a search table: from the check that finds it until the check that no longer does', async () => {
    expect(first.outcome).toBe('published');
    expect(first.remarks.slice(-2)).toEqual([
      'Checked 1 archived zip, 4 surgeon search rows, 2 facility search rows, 1 release: no difference.',
      'Checked 3 rows of part 1/3: no difference.',
    ]);
    const table = `${name}_search.search_surgeon_e`;
    await pipeline.query(`CREATE TABLE ${name}_own.kept AS SELECT * FROM ${table}`);
    await pipeline.query(`DELETE FROM ${table}`);
    const found =
      "1 surgeon search row differs from the providers. `surgicase npi check` on the worker's host shows the first differences.";
    await writeWeek(weeks[0], 11);
    // A dry run publishes nothing, so it checks nothing.
    expect((await pipeline.run({ dryRun: true })).remarks).not.toContainEqual(
      expect.stringContaining('Checked'),
    );
    const { remarks } = await loadWeek(weeks[0], 11);
    expect(remarks.slice(-3)).toEqual([
      'Checked 2 archived zips, 6 surgeon search rows, 2 facility search rows, 2 releases: differences found.',
      found,
      'Checked 0 rows of part 2/3: no difference.',
    ]);
    expect(await problems()).toEqual([`npi-check: ${found}`]);
    const [run] = await pipeline.query<{ runId: string; outcome: string }>(
      `SELECT run_id AS runId, r.outcome FROM ${name}_own.warning w JOIN ${name}_own.run r USING (run_id)`,
    );
    expect(run?.outcome).toBe('published');
    await expect
      .poll(() => notices)
      .toEqual([
        { event: 'failure', job: 'npi-update', runId: run?.runId, text: expect.stringContaining(found) },
      ]);

    // Neither does a run that finds nothing due.
    expect((await pipeline.run()).outcome).toBe('nothing due');
    expect(await problems()).toEqual([`npi-check: ${found}`]);

    await pipeline.query(`INSERT INTO ${table} SELECT * FROM ${name}_own.kept`);
    await pipeline.query(`DROP TABLE ${name}_own.kept`);
    await loadWeek(weeks[1], 12);
    expect(await problems()).toEqual([]);
    expect(notices).toHaveLength(1);
  });

  it('in a row: found when the turn of its part comes, and checked each time until it is repaired', async () => {
    await setCredential(2, 'DAMAGED');
    expect(ofRows(await loadWeek(weeks[0], 11))).toEqual(['Checked 0 rows of part 2/3: no difference.']);
    expect(ofRows(await loadWeek(weeks[1], 12))).toEqual(['Checked 0 rows of part 3/3: no difference.']);
    const found =
      "1 row of part 1/3 differs from the archived zips. `surgicase npi check --subset 1/3` on the worker's host shows the first differences.";
    expect(ofRows(await loadWeek(weeks[2], 13))).toEqual([
      'Checked 6 rows of part 1/3: differences found.',
      found,
    ]);
    expect(await problems()).toEqual([`npi-check 1/3: ${found}`]);
    expect(await surgicase(['npi', 'check', '--subset', '1/3'], pipeline.env)).toMatchObject({
      code: 1,
      out: expect.stringContaining(`${npi(2)} differs from ${monthly}`),
    });
    expect(ofRows(await loadWeek(weeks[3], 14))).toEqual([
      'Checked 0 rows of part 2/3: no difference.',
      'Checked 7 rows of part 1/3: differences found.',
      found,
    ]);
    expect(await problems()).toEqual([`npi-check 1/3: ${found}`]);
    await setCredential(2, 'MD');
    expect(ofRows(await loadWeek(weeks[4], 15))).toEqual([
      'Checked 0 rows of part 3/3: no difference.',
      'Checked 8 rows of part 1/3: no difference.',
    ]);
    expect(await problems()).toEqual([]);
  });

  it(
    'in the archive: a zip that is missing is named, and its rows do not count as different',
    exhaustive,
    async () => {
      const [there, away] = [join(pipeline.archive, monthly), join(pipeline.archive, 'away')];
      renameSync(there, away);
      await loadWeek(weeks[0], 11);
      await loadWeek(weeks[1], 12);
      const { remarks } = await loadWeek(weeks[2], 13);
      const found = `1 zip of the archive is missing or changed: ${monthly}. \`surgicase npi check\` on the worker's host shows the first differences.`;
      expect(remarks.slice(-4)).toEqual([
        'Checked 4 archived zips, 10 surgeon search rows, 2 facility search rows, 4 releases: differences found.',
        found,
        'Checked 6 rows of part 1/3: no difference.',
        '3 rows of part 1/3 were not compared: this host has no zip for them.',
      ]);
      expect(await problems()).toEqual([`npi-check: ${found}`]);
      renameSync(away, there);
      await loadWeek(weeks[3], 14);
      expect(await problems()).toEqual([]);
    },
  );
});

it('a check that cannot be done leaves a warning, and the run is published', exhaustive, async () => {
  const bytes = Buffer.from('no zip');
  await writeFile(join(pipeline.archive, monthly), bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await pipeline.query(`UPDATE ${name}_own.npi_release SET sha256 = '${sha256}'`);
  await loadWeek(weeks[0], 11);
  await loadWeek(weeks[1], 12);
  const { remarks } = await loadWeek(weeks[2], 13);
  expect(remarks.at(-1)).toMatch(/^The check after the load did not finish \(\w+\)\. `surgicase npi check`/);
  expect(await pipeline.query(`SELECT job, remark FROM ${name}_own.warning WHERE gone_at IS NULL`)).toEqual([
    { job: 'npi-update', remark: remarks.at(-1) },
  ]);
});

describe('while the check waits for a table', () => {
  let other: Connection;
  beforeAll(async () => {
    other = await createConnection(inject('mysqlUrl'));
  });
  afterAll(() => other.end());

  const waiting = () =>
    pipeline.query<{ id: number }>(
      `SELECT id FROM information_schema.processlist WHERE info LIKE '%${name}_search.search_facility_q o%' AND info NOT LIKE '%processlist%'`,
    );

  /** Starts a run of the next week, whose check waits for a lock of `other`. */
  async function startBlocked(): Promise<{ handle: WorkflowHandle; id: number }> {
    await writeWeek(weeks[0], 11);
    await other.query(`LOCK TABLES ${name}_search.search_facility_q WRITE`);
    const handle = await pipeline.start();
    await vi.waitFor(async () => expect(await waiting()).toHaveLength(1), 20_000);
    expect(await handle.query('progress')).toMatchObject({ phase: 'registry check', releasesDone: 1 });
    return { handle, id: (await waiting())[0]?.id ?? 0 };
  }

  it('a cancellation ends it, and the release stays published', async () => {
    const { handle } = await startBlocked();
    await handle.cancel();
    // The other session still holds its lock, so only a kill can end the statement.
    await vi.waitFor(async () => expect(await waiting()).toEqual([]), 5000);
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    await other.query('UNLOCK TABLES');
    expect(await ledger()).toBe('cancelled');
    expect(
      await pipeline.query(`SELECT npi FROM ${name}_app.npi_data_1 WHERE npi = ${npi(11)}`),
    ).toHaveLength(1);
    expect((await pipeline.run()).outcome).toBe('nothing due');
  });

  it('a lost connection repeats it, with the same part', exhaustive, async () => {
    const { handle, id } = await startBlocked();
    await other.query(`KILL ${id}`);
    await vi.waitFor(async () => expect(await waiting()).not.toEqual([{ id }]), 20_000);
    await other.query('UNLOCK TABLES');
    const result = (await handle.result()) as NpiUpdateResult;
    expect(result.outcome).toBe('published');
    expect(ofRows(result)).toEqual(['Checked 0 rows of part 2/3: no difference.']);
  });
});
