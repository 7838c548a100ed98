// The files of this folder are plain JavaScript, and import nothing but Node: `npm start` fetches MySQL and Temporal with
// them beside `npm ci`, when there is neither a package nor a build yet.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/**
 * Runs a program to its end, and ends it when `signal` fires.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').ExecFileOptions} [options]
 * @returns {Promise<{ stdout: string }>}
 * @throws {Error} with the output of a program that fails, when the program has exited
 */
export async function run(command, args, options = {}) {
  const running = execute(command, args, { ...options, encoding: 'utf8' });
  try {
    return await running;
  } catch (error) {
    // A stopped program may still write to the folder that its caller is about to delete.
    const { pid, exitCode, signalCode } = running.child;
    if (pid !== undefined && exitCode === null && signalCode === null) await once(running.child, 'exit');
    throw error;
  }
}

/** Where downloads and builds are kept between checkouts. */
export function cacheDir() {
  const base = platform() === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
  return join(process.env['XDG_CACHE_HOME'] ?? base, 'surgicase');
}

/**
 * The path of a program on PATH.
 * @param {string} name
 */
export function onPath(name) {
  return (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** The path of `docker`; undefined when there is none or its daemon does not answer. */
export async function findDocker() {
  const docker = onPath('docker');
  if (docker === undefined) return undefined;
  try {
    await run(docker, ['version', '--format', '{{.Server.Version}}'], { timeout: 5000 });
    return docker;
  } catch {
    return undefined;
  }
}
