import { createConnection } from 'mysql2/promise';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { takeLease } from '../../../db/ledger/lease.ts';
import { migrate } from '../../../db/schema/migrate.ts';
import { loadObstacles } from '../../../db/schema/ready.ts';
import { createBed, leftovers, place, startAdoption, type AdoptionBed } from '../../bed/adoption-bed.ts';
import { surgicase } from '../../bed/cli.ts';
import { openDatabase } from '../../bed/database.ts';
import { exhaustive } from '../../bed/extent.ts';
import type { ProductionRow } from '../../bed/production-database.ts';
import { productionRows } from '../../generated/production-rows.ts';
import { npi } from '../../generated/release-zip.ts';
import { adoptedModel, adoptedTables, digests } from '../../models/adoption-model.ts';

let bed: AdoptionBed;

async function expectModel(rows: readonly ProductionRow[]): Promise<void> {
  const found = await bed.session((session) => adoptedTables(session, bed.schemas));
  expect(digests(found)).toEqual(digests(adoptedModel(rows)));
}

describe('while the application and the old job keep writing', () => {
  const rows = productionRows(400, 3);
  const [first, second] = rows.filter(
    ({ table, npi: number }) => table === 1 && number !== null && number.length === 10,
  );
  const added: ProductionRow = {
    table: 1,
    npi: npi(5000),
    values: { entity_type_code: '1', provider_last_name: 'QUINN', last_update_date: '01/01/2026' },
  };

  afterEach(() => bed.drop());

  /** Inserts, deletes and changes one row, as the old job may do at any time. */
  async function change(): Promise<ProductionRow[]> {
    await bed.query(
      `INSERT INTO ${place(bed, 'live', 1)} (npi, entity_type_code, provider_last_name, last_update_date)
       VALUES (${added.npi}, '1', 'QUINN', '01/01/2026')`,
    );
    await bed.query(`DELETE FROM ${place(bed, 'live', 1)} WHERE npi = ${first?.npi}`);
    await bed.query(
      `UPDATE ${place(bed, 'live', 1)} SET last_update_date = '02/02/2026' WHERE npi = ${second?.npi}`,
    );
    return [
      ...rows
        .filter(({ table, npi: number }) => table !== 1 || number !== first?.npi)
        .map((row) =>
          row.table === 1 && row.npi === second?.npi
            ? { ...row, values: { ...row.values, last_update_date: '02/02/2026' } }
            : row,
        ),
      added,
    ];
  }

  /** Changes rows while the adoption waits at a statement, and adopts again after its refusal. */
  async function changeDuring(pattern: RegExp): Promise<unknown> {
    const adoption = await startAdoption(bed.env, once(pattern));
    await adoption.chosen;
    const changed = await change();
    adoption.proxy.release();
    const { code, err } = await adoption.ended;
    const live = await bed.query<{ n: number }>(`SELECT COUNT(*) AS n FROM ${place(bed, 'live', 1)}`);
    expect(live).toEqual([{ n: changed.filter(({ table }) => table === 1).length }]);
    expect(await bed.session((session) => loadObstacles(session, bed.schemas))).not.toEqual([]);
    expect(await leftovers(bed)).toEqual([]);
    const next = await bed.adopt();
    await expectModel(changed);
    return { code, err, next: next.code };
  }
  const refusedOnce = {
    code: 1,
    err: expect.stringMatching(
      /The tables of \S+ changed while they were copied\. .* stop the job that still loads them, then run `surgicase db adopt` again/,
    ) as string,
    next: 0,
  };

  it('refuses the swap when rows changed after they were copied', exhaustive, async () => {
    bed = await createBed('adopt_copied', rows);
    expect(await changeDuring(/^insert into `npi_adoption_range`/i)).toEqual(refusedOnce);
  });

  it('refuses the swap when rows changed after the comparison', async () => {
    bed = await createBed('adopt_compared', rows);
    expect(await changeDuring(/^LOCK TABLES/)).toEqual(refusedOnce);
  });

  it('refuses the swap when a column was added, and the next attempt has it', exhaustive, async () => {
    bed = await createBed('adopt_altered', rows);
    const adoption = await startAdoption(bed.env, once(/^TRUNCATE TABLE/));
    await adoption.chosen;
    await addColumn();
    adoption.proxy.release();
    expect(await adoption.ended).toMatchObject({
      code: 1,
      err: expect.stringContaining('changed while they were copied'),
    });
    expect((await bed.adopt()).code).toBe(0);
    await expectModel(rows);
    await expectColumn();
  });

  const addColumn = () =>
    bed.query(`ALTER TABLE ${place(bed, 'live', 1)} ADD COLUMN added_later INT DEFAULT 5`);
  const expectColumn = async () =>
    expect(await bed.query(`SELECT DISTINCT added_later AS added FROM ${place(bed, 'live', 1)}`)).toEqual([
      { added: 5 },
    ]);

  /** Kills an adoption that has copied its only range. */
  async function killCopied(): Promise<void> {
    let isCopied = false;
    const killed = await startAdoption(bed.env, (sql) => {
      if (isCopied && sql === 'COMMIT') return 'after';
      isCopied ||= /^insert into `npi_adoption_range`/i.test(sql);
      return 'pass';
    });
    expect(await killed.ended).toMatchObject({ code: null });
  }

  it('continues after a kill with what is copied, unless rows changed in between', exhaustive, async () => {
    bed = await createBed('adopt_continued', rows);
    await killCopied();
    let copiedCount = 0;
    const next = await startAdoption(bed.env, (sql) => {
      if (/^insert into `npi_adoption_range`/i.test(sql)) copiedCount += 1;
      return sql.startsWith('LOCK TABLES') ? 'before' : 'pass';
    });
    expect(await next.ended).toMatchObject({ code: null });
    expect(copiedCount).toBe(0);
    const changed = await change();
    expect(await bed.adopt()).toMatchObject({
      code: 1,
      value: { error: { message: expect.stringContaining('changed while they were copied') } },
    });
    expect((await bed.adopt()).code).toBe(0);
    await expectModel(changed);
  });

  it('copies everything again after a kill if a column was added in between', exhaustive, async () => {
    bed = await createBed('adopt_reshaped', rows);
    await killCopied();
    await addColumn();
    expect((await bed.adopt()).code).toBe(0);
    await expectModel(rows);
    await expectColumn();
  });

  it('pauses while the server is busy, says so, and finishes', exhaustive, async () => {
    bed = await createBed('adopt_paused', rows);
    const other = await createConnection(inject('mysqlUrl'));
    const statement = other.query('SELECT SLEEP(600)').catch(() => undefined);
    const busy = { ...bed.env, NPI_MAX_THREADS_RUNNING: '1' };
    const { code, err } = await surgicase(['db', 'adopt', '--json'], busy);
    other.destroy();
    await statement;
    expect({ code, err }).toMatchObject({
      code: 0,
      err: expect.stringContaining('pausing because the server is busy'),
    });
    await expectModel(rows);
  });

  it('exits 4 while a load is running', async () => {
    bed = await createBed('adopt_held', rows);
    const database = openDatabase(bed.schemas.scheduler);
    await migrate(database, bed.schemas, new AbortController().signal);
    await database.close();
    const load = { job: 'npi-update', workflowId: 'npi-update-2026', runId: 'a load' };
    await bed.session((session) => takeLease(session, load));
    const { code, value } = await bed.adopt();
    expect(code).toBe(4);
    expect(value).toMatchObject({ error: { message: expect.stringContaining('npi-update-2026') } });
    expect(await leftovers(bed)).toEqual([]);
  });
});

/** Holds back the first matching statement. */
function once(pattern: RegExp): (sql: string) => 'held' | 'pass' {
  let isPast = false;
  return (sql) => {
    if (isPast || !pattern.test(sql)) return 'pass';
    isPast = true;
    return 'held';
  };
}
