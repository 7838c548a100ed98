import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMysql } from '../../local/mysql.ts';
import type { LocalMysql } from '../../local/mysql-login.ts';
import { killOwned, unwatched } from '../../local/service.ts';
import { mariadbPrograms } from './mariadb.ts';
import { onStop } from './on-stop.ts';

/** The data is deleted after the tests, so it need not survive a crash of the server. No test kills its server. */
export const careless = [
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-doublewrite=OFF',
  '--innodb-adaptive-hash-index=OFF',
  '--loose-innodb-use-native-aio=OFF',
];

/** Starts MariaDB 10.11 with its data in `stateDir`. @throws on a host that is not Debian */
export async function startMariadb(stateDir: string): Promise<LocalMysql> {
  const path = process.env['PATH'];
  process.env['PATH'] = `${await mariadbPrograms()}:${path}`;
  try {
    return await startMysql({ ...unwatched(stateDir), settings: careless });
  } finally {
    process.env['PATH'] = path;
  }
}

/** A MySQL server for one test file, which may change the server's global settings. */
export interface OwnMysql {
  readonly url: string;
  stop(): Promise<void>;
}

/** `settings` are more options of the server. */
export async function startOwnMysql(settings: readonly string[] = []): Promise<OwnMysql> {
  const stateDir = mkdtempSync(join(tmpdir(), 'surgicase-own-'));
  onStop(killOwned);
  const mysql = await startMysql({ ...unwatched(stateDir), settings: [...careless, ...settings] });
  return {
    url: mysql.url,
    async stop() {
      await mysql.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
