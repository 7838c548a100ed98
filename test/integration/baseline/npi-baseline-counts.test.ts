import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { DbError } from '../../../db/connection/errors.ts';
import type { loadLines } from '../../../db/registry/bulk-load.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, organization, stub, writeMonthly } from '../../generated/release-zip.ts';
import { exhaustive, sampleOf } from '../../bed/extent.ts';

// A line that is lost on its way to the tables of a monthly. Contract, rule 9: every row of the file is counted.
const fault = vi.hoisted(() => ({ table: '', isReported: true, isRenameRefused: false }));

vi.mock('../../../db/registry/bulk-load.ts', async (original) => {
  const real = await original<{ loadLines: typeof loadLines }>();
  const losing: typeof loadLines = async (session, target, blocks, isLocal) => {
    if (!fault.table || !target.table.endsWith(fault.table))
      return real.loadLines(session, target, blocks, isLocal);
    const whole: Buffer[] = [];
    for await (const block of blocks) whole.push(block);
    const tsv = Buffer.concat(whole);
    const shorter = tsv.subarray(0, tsv.lastIndexOf('\n', tsv.length - 2) + 1);
    const written = shorter.length === 0 ? 0 : await real.loadLines(session, target, [shorter], isLocal);
    return written + (fault.isReported ? 0 : 1);
  };
  return { ...real, loadLines: losing };
});

vi.mock('../../../db/baseline/rename.ts', async (original) => {
  const real = await original<{
    renameTables: (session: unknown, pairs: readonly string[][]) => Promise<void>;
  }>();
  return {
    ...real,
    renameTables: (session: unknown, pairs: readonly string[][]) => {
      if (fault.isRenameRefused && pairs.flat().some((table) => table.endsWith('.npi_live')))
        throw new DbError('CountsDiffer', 'The test refuses the swap.');
      return real.renameTables(session, pairs);
    },
  };
});

const name = 'npi_counts';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name, { NPI_MIN_ROWS: '0%', NPI_MAX_REFUSED: '50%' });
});
afterEach(async () => {
  Object.assign(fault, { table: '', isReported: true, isRenameRefused: false });
  await pipeline.reset();
});
afterAll(() => pipeline.stop());

const offer = () =>
  writeMonthly(pipeline.site, 'September_2026', '20260913', [
    individual(1, 'SMITH', '09/01/2026'),
    individual(2, 'SNOW', '09/01/2026'),
    organization(3, 'MERCY', '09/01/2026'),
    stub(4, '01/02/2020'),
    stub(5, '01/02/2020'),
    { NPI: '1234567890', 'Entity Type Code': '1' },
  ]);
const countOf = async (table: string) => (await pipeline.query(`SELECT 1 FROM ${table}`)).length;
const failure = async () => {
  const handle = await pipeline.start();
  return handle.result().then(
    () => expect.fail('the run did not fail'),
    (error: unknown) => (error as { cause: { type: string; message: string } }).cause,
  );
};

const losses = [
  ['a provider, and the server reports it', 'npi_data_1', true],
  ['a provider, and nobody reports it', 'npi_data_1', false],
  ['a stub, and nobody reports it', 'npi_data_0', false],
  ['a search row, and the server reports it', 'search_surgeon_all', true],
  ['a search row, and nobody reports it', 'search_surgeon_all', false],
  ['a row of a letter, and the server reports it', 'search_surgeon_s', true],
  ['a row of a letter, and nobody reports it', 'search_surgeon_s', false],
] as const;
it.each(sampleOf(losses, 1))('a monthly that loses %s does not go live', async (_, table, isReported) => {
  await offer();
  Object.assign(fault, { table, isReported });
  const { type, message } = await failure();
  expect(type).toBe('CountsDiffer');
  expect(message).toContain('NPPES_Data_Dissemination_September_2026_V2 is not loaded: ');
  expect(await countOf(`${name}_app.npi_data_1`)).toBe(0);
  expect(await countOf('npi_release')).toBe(0);
  fault.table = '';
  expect((await pipeline.run()).outcome).toBe('published');
});

it('a monthly that cannot go live leaves nothing in the quarantine', exhaustive, async () => {
  await offer();
  fault.isRenameRefused = true;
  expect((await failure()).message).toContain('The test refuses the swap.');
  expect(await countOf('npi_quarantine')).toBe(0);
  fault.isRenameRefused = false;
  await pipeline.run();
  expect(await countOf('npi_quarantine')).toBe(1);
});
