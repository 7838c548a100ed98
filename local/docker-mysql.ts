import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answers, type LocalMysql } from './mysql-login.ts';
import { keptPort, startOnFreePorts } from './ports.ts';
import { LocalError, onPath, own, until } from './service.ts';

const run = promisify(execFile);
const image = 'mysql:8';
// The image may have to be pulled first.
const patienceMs = 300_000;

/** The path of `docker`; undefined when there is none or its daemon does not answer. */
export async function findDocker(): Promise<string | undefined> {
  const docker = onPath('docker');
  if (docker === undefined) return undefined;
  try {
    await run(docker, ['version', '--format', '{{.Server.Version}}'], { timeout: 5000 });
    return docker;
  } catch {
    return undefined;
  }
}

/** Starts MySQL in a container with its data in `folder`. Removes a container that an earlier start left behind. */
export async function startDockerMysql(
  docker: string,
  folder: string,
  onAttempt: (line: string) => void,
): Promise<LocalMysql> {
  const started = await startOnFreePorts('MySQL in Docker', onAttempt, () => launch(docker, folder));
  if (started) return started;
  throw new LocalError(`MySQL in Docker (${image}) did not start; see ${join(folder, 'docker.log')}.`);
}

async function launch(docker: string, folder: string): Promise<LocalMysql | undefined> {
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
  const isUp = await Promise.race([until(() => answers(url), patienceMs), running.ended.then(() => false)]);
  if (!isUp) {
    await stop();
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
