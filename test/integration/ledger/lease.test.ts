import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  fence,
  releaseLease,
  renewLease,
  takeLease,
  whileFenced,
  type Lease,
  type LeaseHolder,
} from '../../../db/ledger/lease.ts';
import { acknowledgeWarning, readWarnings, replaceStandingWarnings } from '../../../db/ledger/warnings.ts';
import { publishRelease } from '../../../db/registry/publish.ts';
import type { Session } from '../../../db/connection/session.ts';
import type { StagedSoFar } from '../../../db/schema/ledger-json.ts';
import { openStaging, readStaging, stageBlock } from '../../../db/registry/staging.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('lease', {}, { hasWorker: false });
});
beforeEach(() => pipeline.reset());
afterAll(() => pipeline.stop());

const [one, other]: LeaseHolder[] = ['a', 'b'].map((name) => ({
  job: 'npi-update',
  workflowId: `run-${name}`,
  runId: name.repeat(36),
}));
const forever = new AbortController().signal;
const take = (holder: LeaseHolder | undefined) =>
  pipeline.database.session(forever, (session) => takeLease(session, holder as LeaseHolder));
const write = (lease: Lease) =>
  pipeline.database.session(forever, (session) => session.transaction(() => fence(session, lease)));
const expire = () => pipeline.query('UPDATE lease SET expires_at = NOW(6) - INTERVAL 1 SECOND');

it('a warning stays until it is gone or acknowledged, and starts anew when it comes back', async () => {
  const lease = (await take(one)) as Lease;
  const say = (...remarks: string[]) =>
    pipeline.database.session(forever, (session) =>
      replaceStandingWarnings(session, lease, { job: 'npi-update', runId: 'a'.repeat(36), remarks }),
    );
  const shown = async () =>
    (await pipeline.database.session(forever, readWarnings)).map(({ remark, acknowledgedBy }) => [
      remark,
      acknowledgedBy,
    ]);
  const acknowledge = async () => {
    const [warning] = await pipeline.database.session(forever, readWarnings);
    return pipeline.database.session(forever, (session) =>
      acknowledgeWarning(session, warning?.warningId ?? 0, { by: 'ana', reason: 'known' }),
    );
  };
  await say('first', 'second');
  await say('first');
  expect(await shown()).toEqual([['first', null]]);
  expect([await acknowledge(), await acknowledge()]).toEqual([true, false]);
  await say('first');
  expect(await shown()).toEqual([['first', 'ana']]);
  await say();
  expect(await shown()).toEqual([]);
  await say('first');
  expect(await shown()).toEqual([['first', null]]);
});

it('is held by one run, and tells the others which one', async () => {
  await take(one);
  expect(await take(other)).toEqual({ heldBy: `run-a (${'a'.repeat(36)})` });
});

it('fences out the earlier attempt of the same run', async () => {
  const first = (await take(one)) as Lease;
  const second = (await take(one)) as Lease;
  await write(second);
  await expect(write(first)).rejects.toMatchObject({ code: 'FencedOut' });
});

it('goes to another run after it expired, and the first run can write no more', async () => {
  const first = (await take(one)) as Lease;
  await write(first);
  await expire();
  const second = (await take(other)) as Lease;
  expect(second.epoch).toBeGreaterThan(first.epoch);
  await expect(write(first)).rejects.toMatchObject({ code: 'FencedOut' });
});

it('does not expire while its holder renews it', async () => {
  const lease = (await take(one)) as Lease;
  await expire();
  await pipeline.database.session(forever, (session) => renewLease(session, lease));
  expect(await take(other)).toHaveProperty('heldBy');
});

it('is free after its release, and its old holder can write no more', async () => {
  const lease = (await take(one)) as Lease;
  await pipeline.database.session(forever, (session) => releaseLease(session, lease));
  await expect(write(lease)).rejects.toMatchObject({ code: 'FencedOut' });
  expect(await take(other)).toHaveProperty('epoch');
});

it('is reported as held at once while its holder is in a transaction', async () => {
  const lease = (await take(one)) as Lease;
  await pipeline.database.session(forever, (session) =>
    session.transaction(async () => {
      await fence(session, lease);
      expect(await take(other)).toEqual({ heldBy: `run-a (${'a'.repeat(36)})` });
    }),
  );
}, 5000);

describe('tables that a run creates or drops', () => {
  it('stay as they are when its lease is lost', async () => {
    const first = (await take(one)) as Lease;
    await expire();
    await take(other);
    const work = vi.fn<() => Promise<void>>();
    const late = whileFenced(pipeline.database, forever, first, work);
    await expect(late).rejects.toMatchObject({ code: 'FencedOut' });
    expect(work).not.toHaveBeenCalled();
  });

  it('change while nobody else can take the lease, even after a statement that commits', async () => {
    const lease = (await take(one)) as Lease;
    let taken: unknown;
    await whileFenced(pipeline.database, forever, lease, async () => {
      await pipeline.query('CREATE TABLE lease_own.made_here (id INT PRIMARY KEY)');
      await pipeline.query('DROP TABLE lease_own.made_here');
      taken = await take(other);
    });
    expect(taken).toHaveProperty('heldBy');
  });
});

it('waits for the transaction of an earlier attempt of the same run', async () => {
  const first = (await take(one)) as Lease;
  let second: ReturnType<typeof take> | undefined;
  await pipeline.database.session(forever, (session) =>
    session.transaction(async () => {
      await fence(session, first);
      second = take(one);
      // The server refreshes this view only if nobody read it for 0.1 seconds.
      await vi.waitFor(
        async () =>
          expect(
            await pipeline.query(
              `SELECT 1 FROM information_schema.innodb_trx
               JOIN information_schema.processlist ON id = trx_mysql_thread_id
               WHERE db = DATABASE() AND trx_state = 'LOCK WAIT'`,
            ),
          ).toHaveLength(1),
        { interval: 300, timeout: 5000 },
      );
    }),
  );
  expect(await second).toMatchObject({ epoch: first.epoch + 1 });
});

describe('an attempt that lost its lease to its successor', () => {
  const soFar: StagedSoFar = {
    member: 'npidata_pfile_20260907-20260913.csv',
    rows: 1,
    stagedRows: 0,
    typeRows: [0, 0, 0],
    refused: { 'NPI check digit is wrong': 1 },
    badUtf8Count: 0,
    newColumns: [],
  };
  const refusals = [{ rowNumber: 1, lineNumber: 2, reason: 'NPI check digit is wrong' }];
  const fileName = 'NPPES_Data_Dissemination_090726_091326_Weekly_V2.zip';

  /** Does the same work with the lease of an attempt and of its successor. `written` gives what each wrote. */
  async function tryBoth(
    work: (session: Session, lease: Lease) => Promise<unknown>,
    written: (session: Session) => Promise<unknown>,
  ): Promise<{ readonly zombie: unknown; readonly successor: unknown }> {
    const earlier = (await take(one)) as Lease;
    const later = (await take(one)) as Lease;
    return pipeline.database.session(forever, async (session) => {
      await expect(work(session, earlier)).rejects.toMatchObject({ code: 'FencedOut' });
      const zombie = await written(session);
      await work(session, later);
      return { zombie, successor: await written(session) };
    });
  }

  it('stages no block', async () => {
    const staging = await pipeline.database.session(forever, (session) =>
      openStaging(session, 'a'.repeat(36), fileName),
    );
    const found = await tryBoth(
      (session, lease) =>
        stageBlock(session, staging, { tsv: Buffer.alloc(0), refusals, soFar }, { lease, isLocal: true }),
      async (session) => [
        (await readStaging(session, staging.name)).soFar?.rows,
        (await session.query(`SELECT 1 FROM ${staging.name}_refused`)).length,
      ],
    );
    expect(found).toEqual({ zombie: [undefined, 0], successor: [1, 1] });
  });

  it('publishes nothing', async () => {
    const schemas = { application: 'lease_app', search: 'lease_search', scheduler: 'lease_own' };
    const file = {
      fileName,
      kind: 'weekly',
      layout: 'V2',
      periodStart: '2026-09-07',
      periodEnd: '2026-09-13',
      sha256: '0'.repeat(64),
      sizeBytes: 1,
    };
    const staging = await pipeline.database.session(forever, async (session) => {
      const opened = await openStaging(session, 'a'.repeat(36), `second-${fileName}`);
      await stageBlock(
        session,
        opened,
        { tsv: Buffer.alloc(0), refusals, soFar },
        { lease: undefined, isLocal: true },
      );
      return { ...opened, soFar };
    });
    const found = await tryBoth(
      (session, lease) =>
        publishRelease(session, schemas, { staging, file, runId: 'a'.repeat(36), lease }, () => undefined),
      async (session) => (await session.query('SELECT 1 FROM npi_release')).length,
    );
    expect(found).toEqual({ zombie: 0, successor: 1 });
  });
});
