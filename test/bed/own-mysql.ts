import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMysql } from '../../local/mysql.ts';
import { killOwned, unwatched } from '../../local/service.ts';
import { onStop } from './on-stop.ts';

/** The data is deleted after the tests, so it need not survive a crash of the server. No test kills its server. */
export const careless = [
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-doublewrite=OFF',
  '--innodb-adaptive-hash-index=OFF',
  '--loose-innodb-use-native-aio=OFF',
];

/** A MySQL server for one test file, which may change the server's global settings. */
export interface OwnMysql {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startOwnMysql(): Promise<OwnMysql> {
  const stateDir = mkdtempSync(join(tmpdir(), 'surgicase-own-'));
  onStop(killOwned);
  const mysql = await startMysql({ ...unwatched(stateDir), settings: careless });
  return {
    url: mysql.url,
    async stop() {
      await mysql.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
