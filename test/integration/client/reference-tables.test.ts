import { afterAll, beforeAll, expect, it } from 'vitest';
import { referenceTables } from '../../../db/schema/reference-tables.ts';
import { surgicase } from '../../bed/cli.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { referenceMembers, referenceRows } from '../../bed/references.ts';
import { killWorkerProcesses, startWorkerProcess } from '../../crash/bed.ts';
import { npi, npidataCsv, organization, writeMonthly, writeWeekly } from '../../generated/release-zip.ts';

const name = 'ref_turned_on';
let pipeline: Pipeline;
let on: NodeJS.ProcessEnv;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_BASELINE: 'never' }, { hasWorker: false });
  on = { ...pipeline.env, NPI_REFERENCE_FILES: 'on' };
});
afterAll(async () => {
  killWorkerProcesses();
  await pipeline.stop();
});

const places = referenceTables.map((table) => `${name}_app.${table.name}`);

it('turned on for a database with published releases, the tables are created, called incomplete, and filled', async () => {
  const rows = [organization(1, 'ONE', '09/08/2026')];
  const members = (text: string) => referenceMembers({ othername: [[1, text, '3']] });
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv(rows), undefined, members('WEEK'));
  const before = await pipeline.startWorker();
  await pipeline.run();
  await before.stop();

  const checked = await surgicase(['db', 'check'], on);
  expect(checked).toMatchObject({
    code: 1,
    out: expect.stringContaining(`missing tables: ${places.join(', ')}`),
  });
  const worker = await startWorkerProcess(on);
  await expect(pipeline.run()).rejects.toMatchObject({
    cause: { type: 'DatabaseNotReady', message: expect.stringContaining(places.join(', ')) },
  });
  const created = await surgicase(['db', 'migrate', '--json'], on);
  expect(JSON.parse(created.out)).toEqual({ created: places });

  const incomplete =
    'Reference tables are incomplete (npi_other_name, npi_practice_location, npi_endpoint): ' +
    'NPPES_Data_Dissemination_090726_091326_Weekly_V2.zip was loaded without them. ' +
    'The next monthly fills them; `surgicase npi replace` loads one now.';
  expect((await surgicase(['npi', 'status'], on)).out).toContain(`references   ${incomplete}`);
  expect((await surgicase(['npi', 'status'], pipeline.env)).out).not.toContain('references');
  expect((await surgicase(['doctor'], on)).out).toMatch(
    /^warning +registry-rows +Reference tables are incomplete/m,
  );
  await pipeline.run();
  expect((await surgicase(['status', '--check'], on)).out).toContain(
    `warning 1 of npi-update: ${incomplete}`,
  );

  await writeMonthly(pipeline.site, 'September_2026', '20260913', rows, undefined, members('MONTH'));
  const replaced = await surgicase(['npi', 'replace'], on);
  expect(replaced.out).toContain('    npi_other_name: 1 rows: 1 written, 0 duplicates, 0 stale, 0 refused\n');
  expect(await referenceRows(pipeline, 'npi_other_name')).toEqual([[npi(1), 'MONTH', 202609131001]]);
  expect((await surgicase(['npi', 'status'], on)).out).toContain('references   complete\n');
  const status = await surgicase(['npi', 'status', '--json'], on);
  expect(JSON.parse(status.out)).toMatchObject({ references: 'complete' });
  expect((await surgicase(['doctor'], on)).out).toMatch(/^ok +registry-rows/m);
  expect((await surgicase(['status', '--check'], on)).out).not.toContain('incomplete');
  worker.child.kill('SIGTERM');
  await worker.exit;
});
