import { expect, it } from 'vitest';
import { createLog } from '../../telemetry/log.ts';
import { installRuntime } from '../../worker/runtime.ts';
import { keptHistories, replay } from '../bed/histories.ts';

// Otherwise each worker of a replay logs its states.
installRuntime(createLog({ level: 'error', format: 'json' }));

const kept = keptHistories();

it('the current workflows replay every kept history', async () => {
  expect(kept.length).toBeGreaterThan(0);
  await replay(kept.map(({ name, json }) => ({ name, history: JSON.parse(json) })));
});

it('refuses the history of a workflow that calls another activity', async () => {
  const published = kept.find(({ name }) => name.endsWith('published.json'));
  const other = published?.json.replaceAll('"name": "stage"', '"name": "load"');
  expect(other).not.toBe(published?.json);
  await expect(replay([{ name: 'other', history: JSON.parse(other ?? '{}') }])).rejects.toThrow('TMPRL1100');
});
