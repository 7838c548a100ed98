import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { StartContext } from './service.ts';

const attempts = 3;

/**
 * Starts a server that chooses its ports with `keptPort`. A port that was free when it was chosen can be taken before the
 * server listens on it, so a launch that returns undefined is repeated, and chooses again.
 * @returns undefined when the last attempt failed too; `onAttempt` receives each failure
 * @throws the reason of `signal` when it has fired
 */
export async function startOnFreePorts<Started>(
  name: string,
  { onAttempt, signal }: Pick<StartContext, 'onAttempt' | 'signal'>,
  launch: () => Promise<Started | undefined>,
): Promise<Started | undefined> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const started = await launch();
    if (started) return started;
    signal.throwIfAborted();
    onAttempt(`${name}: start ${attempt} of ${attempts} ended or did not answer`);
  }
  return undefined;
}

/**
 * The port that the service in this folder used last time, so that addresses stay valid; otherwise the usual port, or
 * any free port when that one is taken.
 */
export async function keptPort(folder: string, usual: number, name = 'port'): Promise<number> {
  const file = join(folder, name);
  const port = await freePort(existsSync(file) ? Number(readFileSync(file, 'utf8')) : usual);
  writeFileSync(file, String(port));
  return port;
}

/** The wanted port when it is free, otherwise any free port. */
async function freePort(wanted: number): Promise<number> {
  return (await tryPort(wanted)) ?? (await tryPort(0)) ?? wanted;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}
