import { expect, it } from 'vitest';
import type { Database } from '../../../db/connection/pool.ts';
import { reportGauges } from '../../../worker/gauges.ts';

it('touches no metrics once the worker stops, because their runtime may have ended', async () => {
  const stopping = new AbortController();
  const session = () => {
    stopping.abort();
    return Promise.reject(new Error('aborted'));
  };
  const database = { session } as unknown as Database;
  const gone = () => {
    throw new Error('Runtime already closed');
  };
  const metrics = { count: gone, recordTiming: gone, recordSeconds: gone, setGauge: gone };
  await expect(reportGauges({ database, metrics }, stopping.signal)).resolves.toBeUndefined();
});
