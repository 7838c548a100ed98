import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { fence, releaseLease, renewLease, takeLease, type Lease, type LeaseHolder } from '../../db/lease.ts';
import { startPipeline, type Pipeline } from '../pipeline.ts';

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

it('is held by one run, and names it to the others', async () => {
  await take(one);
  expect(await take(other)).toEqual({ heldBy: `run-a (${'a'.repeat(36)})` });
});

it('fences out the earlier attempt of the same run', async () => {
  const first = (await take(one)) as Lease;
  const second = (await take(one)) as Lease;
  await write(second);
  await expect(write(first)).rejects.toMatchObject({ code: 'FencedOut' });
});

it('goes to another run when it has expired, and the first one writes no more', async () => {
  const first = (await take(one)) as Lease;
  await write(first);
  await expire();
  const second = (await take(other)) as Lease;
  expect(second.epoch).toBeGreaterThan(first.epoch);
  await expect(write(first)).rejects.toMatchObject({ code: 'FencedOut' });
});

it('does not expire while it is renewed', async () => {
  const lease = (await take(one)) as Lease;
  await expire();
  await pipeline.database.session(forever, (session) => renewLease(session, lease));
  expect(await take(other)).toHaveProperty('heldBy');
});

it('is free when it is given back, and nobody writes under it', async () => {
  const lease = (await take(one)) as Lease;
  await pipeline.database.session(forever, (session) => releaseLease(session, lease));
  await expect(write(lease)).rejects.toMatchObject({ code: 'FencedOut' });
  expect(await take(other)).toHaveProperty('epoch');
});

it('is told as held at once while its holder is in the middle of a transaction', async () => {
  const lease = (await take(one)) as Lease;
  await pipeline.database.session(forever, (session) =>
    session.transaction(async () => {
      await fence(session, lease);
      expect(await take(other)).toEqual({ heldBy: `run-a (${'a'.repeat(36)})` });
    }),
  );
}, 5000);

it('waits for the transaction of an earlier attempt of the same run', async () => {
  const first = (await take(one)) as Lease;
  let second: ReturnType<typeof take> | undefined;
  await pipeline.database.session(forever, (session) =>
    session.transaction(async () => {
      await fence(session, first);
      second = take(one);
      // The server refreshes this view only when nobody has read it for a tenth of a second.
      await vi.waitFor(
        async () =>
          expect(
            await pipeline.query("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"),
          ).toHaveLength(1),
        { interval: 300, timeout: 5000 },
      );
    }),
  );
  expect(await second).toMatchObject({ epoch: first.epoch + 1 });
});
