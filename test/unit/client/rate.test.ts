import { expect, it } from 'vitest';
import type { RunSnapshot } from '../../../client/follow.ts';
import { createRate } from '../../../client/rate.ts';

const at = (phase: string, heartbeat: object, more: object = { releasesDue: 1 }) =>
  ({
    progress: { phase, ...more },
    activity: { heartbeat: { phase, ...heartbeat } },
  }) as unknown as RunSnapshot;

it('says the bytes of a download in a second, and the time that is left', () => {
  const rate = createRate();
  expect(rate(at('download', { bytes: 1e8, totalBytes: 1e9 }), 0)).toEqual([]);
  expect(rate(at('download', { bytes: 1.1e8, totalBytes: 1e9 }), 1000)).toEqual([]);
  expect(rate(at('download', { bytes: 2e8, totalBytes: 1e9 }), 20_000)).toEqual([
    'about 3 min left',
    '5.0 MB/s',
  ]);
});

it('says the rows of a load in a second, from the first snapshot of the step', () => {
  const rate = createRate();
  rate(at('download', { bytes: 1e8, totalBytes: 1e9 }), 0);
  expect(rate(at('load', { rows: 10_000, bytes: 10, totalBytes: 100 }), 50_000)).toEqual([]);
  const loading = at('load', { rows: 30_000, bytes: 30, totalBytes: 100 });
  expect(rate(loading, 60_000)).toEqual(['under a minute left', '2,000 rows/s']);
});

it('says the cases in a second, and begins again when the count goes back', () => {
  const rate = createRate();
  const moved = (cases: number) => at('move', { cases }, { found: 10_000 });
  rate(moved(1000), 0);
  expect(rate(moved(5000), 2000)).toEqual(['under a minute left', '2,000 cases/s']);
  expect(rate(moved(0), 3000)).toEqual([]);
});
