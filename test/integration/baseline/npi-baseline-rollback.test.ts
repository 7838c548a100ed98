import { afterAll, beforeAll, expect, it } from 'vitest';
import { differences, linesOf } from '../../bed/npi-tables.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import type { Lines } from '../../models/npi-model.ts';
import {
  individual,
  npi,
  organization,
  stub,
  writeMonthly,
  type RowSpec,
} from '../../generated/release-zip.ts';

const name = 'npi_baseline_rollback';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MIN_ROWS: '0%' });
});
afterAll(() => pipeline.stop());

const monthly = (month: string, end: string, rows: readonly RowSpec[]) =>
  writeMonthly(pipeline.site, month, end, rows);

/** Without the log, and without the releases of rows, which a monthly only confirmed. */
const content = (lines: Lines): Lines =>
  new Map(
    [...lines]
      .filter(([place]) => !place.startsWith('npi_update_log'))
      .map(([place, line]) => [place, place.startsWith('npi_data') ? line.replace(/,\{[^{]*$/, '') : line]),
  );

it('a monthly is taken back and brought forward like a week, but not the first one', async () => {
  await monthly('September_2026', '20260913', [
    individual(1, 'SMITH', '09/01/2026'),
    individual(2, 'JONES', '09/01/2026'),
    organization(3, 'MERCY', '09/01/2026'),
    individual(4, 'SAME', '09/01/2026'),
    individual(5, 'ACTIVE', '09/01/2026'),
  ]);
  await pipeline.run();
  const before = await linesOf(name, pipeline);
  await expect(pipeline.run({ rollback: 'back' })).rejects.toThrow('Workflow execution failed');
  expect(differences(await linesOf(name, pipeline), before)).toEqual([]);

  await monthly('October_2026', '20261011', [
    individual(1, 'ADAMS', '10/01/2026'),
    organization(2, 'JONES LLC', '10/01/2026'),
    individual(4, 'SAME', '09/01/2026'),
    stub(5, '10/02/2026'),
    individual(6, 'NEWMAN', '10/01/2026'),
    { NPI: npi(7), 'Entity Type Code': '3' },
  ]);
  await pipeline.run({ replace: true });
  const after = await linesOf(name, pipeline);
  const { remarks } = await pipeline.run({ rollback: 'back' });
  expect(remarks[0]).toContain('October_2026_V2: rolled back, 5 providers');
  expect(differences(content(await linesOf(name, pipeline)), content(before))).toEqual([]);
  await pipeline.run();
  await pipeline.run({ rollback: 'forward' });
  expect(differences(await linesOf(name, pipeline), after)).toEqual([]);
  expect((await pipeline.run()).outcome).toBe('nothing due');
});
