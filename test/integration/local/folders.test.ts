import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, describe, expect, it } from 'vitest';
import { surgicase } from '../../bed/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'surgicase-folders-'));
const mounts: string[] = [];
afterAll(() => {
  for (const mount of mounts) execFileSync('umount', [mount]);
  rmSync(root, { recursive: true, force: true });
});

/** A small disk of its own, mounted on an empty folder. Only root may mount. */
function smallDisk(name: string, options: string): string {
  const folder = join(root, name);
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'pipe' });
  mounts.push(folder);
  return folder;
}

function mayMount(): boolean {
  try {
    smallDisk('try', 'size=1m');
    return true;
  } catch {
    return false;
  }
}
const isMounting = process.platform === 'linux' && mayMount();
if (!isMounting) console.warn('SKIPPED: a start on a full or read-only disk needs the right to mount one');

const noDefect = (err: string) => {
  expect(err).not.toContain('This is a bug');
  expect(err).not.toMatch(/^ +at /m);
};

describe('a start', () => {
  it('names a file that is in the place of its folder, and exits with 2', async () => {
    const folder = join(root, 'taken');
    mkdirSync(folder);
    writeFileSync(join(folder, '.surgicase'), '');
    const { code, err } = await surgicase(['start'], {}, folder);
    expect(code).toBe(2);
    expect(err).toBe(
      `${join(folder, '.surgicase')} is a file, but must be a folder (EEXIST). Rename it, or start in another folder.\n`,
    );
  });

  it.runIf(isMounting)('names a read-only disk, and exits with 2', async () => {
    const folder = smallDisk('read-only', 'size=1m,ro');
    const { code, err } = await surgicase(['start'], {}, folder);
    expect(code).toBe(2);
    expect(err).toContain(`${join(folder, '.surgicase')} cannot be created: its disk is read-only`);
    noDefect(err);
  });

  it.runIf(isMounting)('names a disk on which MySQL does not fit, and exits with 2', async () => {
    const folder = smallDisk('small', 'size=2m');
    const { code, err } = await surgicase(['start', '--source', 'cms'], {}, folder);
    expect(code).toBe(2);
    expect(err).toMatch(
      /The disk of .*\.surgicase is full: \d MB are free\. Free some space and start again\./,
    );
    noDefect(err);
  });
});
