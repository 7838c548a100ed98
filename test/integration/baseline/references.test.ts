import type { NpiProgress, NpiUpdateResult } from '../../../contract/workflows.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { referenceCounts, referenceMembers, referenceRows, type ReferenceRow } from '../../bed/references.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import {
  npi,
  npidataCsv,
  organization,
  writeMonthly,
  writeWeekly,
  type ReferenceMembers,
  type RowSpec,
} from '../../generated/release-zip.ts';

const name = 'npi_ref_month';
const names = 'npi_other_name';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_REFERENCE_FILES: 'on', NPI_BASELINE: 'never' });
});
afterEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const weeks = ['20260907-20260913', '20260914-20260920'] as const;
const releaseIds = [20260913, 20260920].map((day) => day * 10_000 + 1);
const offer = (week: 0 | 1, rows: readonly RowSpec[], references: ReferenceMembers) =>
  writeWeekly(pipeline.site, weeks[week], npidataCsv(rows), undefined, references);
const stored = (table: string) => referenceRows(pipeline, table);

describe('a monthly', () => {
  const replace = () => pipeline.run({ replace: true });
  const monthly = (rows: readonly RowSpec[], references: ReferenceMembers) =>
    writeMonthly(pipeline.site, 'September_2026', '20260913', rows, undefined, references);
  const monthlyId = 20_260_913_1001;

  it('replaces the tables as a whole, with byte-identical rows once, and ends their incompleteness', async () => {
    await offer(
      0,
      [organization(1, 'ONE', '09/08/2026')],
      referenceMembers({ othername: [[1, 'WEEK', '3']], endpoint: [[9, 'FHIR']] }),
    );
    await pipeline.run();
    await monthly(
      [organization(1, 'ONE', '09/08/2026'), organization(2, 'TWO', '09/08/2026')],
      referenceMembers({
        othername: [
          [2, 'MONTH', '3'],
          [1, 'MONTH', '3'],
          [2, 'MONTH', '3'],
          [2, 'ANOTHER', '3'],
        ],
        pl: [[2, 'STREET']],
      }),
    );
    const result = await replace();
    expect(referenceCounts(result, names)).toEqual([
      { table: names, rows: 4, written: 3, duplicates: 1, stale: 0, refused: 0 },
    ]);
    expect(await stored(names)).toEqual([
      [npi(1), 'MONTH', monthlyId],
      [npi(2), 'MONTH', monthlyId],
      [npi(2), 'ANOTHER', monthlyId],
    ]);
    expect(await stored('npi_practice_location')).toEqual([[npi(2), 'STREET', monthlyId]]);
    expect(await stored('npi_endpoint')).toEqual([]);
    const keys = await pipeline.query<{ Key_name: string }>(`SHOW KEYS FROM ${name}_app.npi_other_name`);
    expect(new Set(keys.map((key) => key.Key_name))).toEqual(
      new Set(['PRIMARY', 'idx_other_organization_name']),
    );
  });

  it('keeps the rows of providers whom a later week updated, also when it left them none', async () => {
    await offer(
      1,
      [organization(1, 'ONE', '09/15/2026'), organization(2, 'TWO', '09/15/2026')],
      referenceMembers({ othername: [[1, 'WEEK', '3']], pl: [[5, 'WEEK STREET']] }),
    );
    await pipeline.run();
    const rows = [1, 2, 3].map((index) => organization(index, 'OLD', '09/08/2026'));
    const all: ReferenceRow[] = [1, 2, 3, 5].map((index) => [index, 'MONTH']);
    await monthly(rows, referenceMembers({ othername: all, pl: all }));
    const result = await replace();
    expect(await stored(names)).toEqual([
      [npi(1), 'WEEK', releaseIds[1]],
      [npi(3), 'MONTH', monthlyId],
      [npi(5), 'MONTH', monthlyId],
    ]);
    expect(await stored('npi_practice_location')).toEqual([
      [npi(3), 'MONTH', monthlyId],
      [npi(5), 'WEEK STREET', releaseIds[1]],
    ]);
    expect(referenceCounts(result, names)).toEqual([
      { table: names, rows: 4, written: 2, duplicates: 0, stale: 2, refused: 0 },
    ]);
  });

  it('replaces the rows of a later week whose provider it has with a newer date', async () => {
    const names1 = referenceMembers({ othername: [[1, 'WEEK', '3']], pl: [[1, 'WEEK STREET']] });
    await offer(1, [organization(1, 'ONE', '09/08/2026')], names1);
    await pipeline.run();
    await monthly(
      [organization(1, 'ONE', '09/12/2026')],
      referenceMembers({ othername: [[1, 'MONTH', '3']] }),
    );
    await replace();
    expect(await stored(names)).toEqual([[npi(1), 'MONTH', monthlyId]]);
    expect(await stored('npi_practice_location')).toEqual([]);
  });

  it('without one of the files keeps that table and replaces the others', async () => {
    await offer(
      0,
      [organization(1, 'ONE', '09/08/2026')],
      referenceMembers({ othername: [[1, 'WEEK', '3']], pl: [[1, 'WEEK STREET']] }),
    );
    await pipeline.run();
    const { pl: _without, ...others } = referenceMembers({ othername: [[1, 'MONTH', '3']] });
    await monthly([organization(1, 'ONE', '09/08/2026')], others);
    const { remarks } = await replace();
    expect(remarks).toContain(
      'NPPES_Data_Dissemination_September_2026_V2 has no file pl_pfile_….csv; npi_practice_location keeps the rows that it has.',
    );
    expect(await stored(names)).toEqual([[npi(1), 'MONTH', monthlyId]]);
    expect(await stored('npi_practice_location')).toEqual([[npi(1), 'WEEK STREET', releaseIds[0]]]);
  });

  it('with a reference file much smaller than the last one waits for an approval', async () => {
    const rows = [organization(1, 'ONE', '09/08/2026')];
    const many: ReferenceRow[] = Array.from({ length: 10 }, (_, i) => [1, `NAME ${i}`]);
    await writeMonthly(
      pipeline.site,
      'August_2026',
      '20260809',
      rows,
      undefined,
      referenceMembers({ othername: many }),
    );
    await replace();
    await monthly(rows, referenceMembers({ othername: many.slice(0, 9) }));
    const handle = await pipeline.start({ replace: true });
    const phase = async () => (await handle.query<NpiProgress>('progress')).phase;
    await vi.waitFor(async () => expect(await phase()).toBe('approval'), 60_000);
    await handle.executeUpdate('approve');
    const result = (await handle.result()) as NpiUpdateResult;
    expect(await stored(names)).toHaveLength(9);
    expect(result.remarks.join()).toContain(
      '9 rows for npi_other_name, 90.0 % of the 10 in the last monthly',
    );
  });
});
