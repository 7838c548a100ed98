import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './bootstrap/host.js';
import { versionOf, type LocalMysql } from './mysql-login.ts';
import { keptPort, startOnFreePorts } from './ports.ts';
import { comesUp, LocalError, own, type StartContext } from './service.ts';

const image = 'mysql:8';
// The image may have to be pulled first.
const patienceMs = 300_000;

/** Starts MySQL in a container with its data in `folder`. Removes a container that an earlier start left behind. */
export async function startDockerMysql(
  docker: string,
  folder: string,
  search: StartContext,
): Promise<LocalMysql> {
  const started = await search.step(`Starting MySQL in Docker (${image})`, () =>
    startOnFreePorts('MySQL in Docker', search, () => launch(docker, folder, search.signal)),
  );
  if (started) return started;
  throw new LocalError(`MySQL in Docker (${image}) did not start; see ${join(folder, 'docker.log')}.`);
}

async function launch(docker: string, folder: string, signal: AbortSignal): Promise<LocalMysql | undefined> {
  const name = `surgicase-mysql-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
  const remove = () => run(docker, ['rm', '--force', name]).catch(() => undefined);
  await remove();
  const port = await keptPort(folder, 3306);
  const password = passwordIn(join(folder, 'docker.env'));
  const running = own(folder, 'docker', docker, containerArgs(name, folder, port));
  const url = `mysql://root:${password}@127.0.0.1:${port}/`;
  const stop = async () => {
    await run(docker, ['stop', name]).catch(() => undefined);
    await running.stop();
    await remove();
  };
  if (
    !(await comesUp(running, async () => (await versionOf(url)) !== undefined, {
      timeoutMs: patienceMs,
      signal,
    }))
  ) {
    await remove();
    return undefined;
  }
  return { url, line: `127.0.0.1:${port} (Docker, ${image})`, ended: running.ended, stop };
}

/** Runs in the foreground, so that this process sees it exit. The password is in a file, not on the command line. */
export function containerArgs(name: string, folder: string, port: number): string[] {
  const publish = `127.0.0.1:${port}:3306`;
  const volume = `${join(folder, 'docker-data')}:/var/lib/mysql`;
  const env = join(folder, 'docker.env');
  const container = ['run', '--rm', '--name', name, '--publish', publish, '--volume', volume];
  return [...container, '--env-file', env, image, '--local-infile=ON', '--disable-log-bin'];
}

/** Creates the password once, because the server keeps the one from its first start. */
function passwordIn(file: string): string {
  if (!existsSync(file)) {
    writeFileSync(file, `MYSQL_ROOT_PASSWORD=${randomBytes(18).toString('hex')}\n`, { mode: 0o600 });
  }
  return readFileSync(file, 'utf8').trim().split('=')[1] ?? '';
}
