import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startMysql } from '../../local/mysql.ts';
import { killOwned, unwatched, type LocalService } from '../../local/service.ts';
import { workflowCode } from '../../worker/bundle.ts';
import { onStop } from './on-stop.ts';
import { careless, startMariadb } from './own-mysql.ts';
import { startTemporal } from '../../local/temporal.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of the server without a schema. It is the tests' own server, even if DATABASE_URL is set. */
    readonly mysqlUrl: string;
    readonly temporalAddress: string;
    /** Temporal's command line. */
    readonly temporalCli: string;
    readonly bundlePath: string;
  }
}

let isOver = false;

/**
 * Ends the test run when a server that all its files share is gone. Each of the remaining tests would wait for it until
 * its time limit, which takes hours, and then fail for a reason that is not its own.
 */
function endWith(name: string, server: LocalService, stateDir: string, log: string): void {
  void server.ended?.then(() => {
    if (isOver) return;
    const { bavail, bsize } = statfsSync(stateDir);
    console.error(
      `${name} ended in the middle of the tests, so they end too. Free: ${mb(freemem())} MB of memory, ` +
        `${mb(bavail * bsize)} MB in ${tmpdir()}. The end of its log:`,
    );
    console.error(readFileSync(join(stateDir, log), 'utf8').slice(-3000));
    clean(stateDir);
    process.exit(1);
  });
}

/** Ends the servers at once, and deletes their folder. */
function clean(stateDir: string): void {
  killOwned();
  rmSync(stateDir, { recursive: true, force: true });
}

const mb = (bytes: number) => Math.round(bytes / 1024 ** 2);

/** Starts one MySQL and one Temporal for the whole test run. Their folder is deleted at the end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stateDir = mkdtempSync(join(tmpdir(), 'surgicase-test-'));
  onStop(() => clean(stateDir));
  const context = { ...unwatched(stateDir), onAttempt: (line: string) => console.warn(line) };
  const cliPath = process.env['TEMPORAL_CLI_PATH'];
  const bundlePath = join(stateDir, 'workflow-bundle.js');
  const [mysql, temporal] = await Promise.all([
    project.name === 'mariadb' ? startMariadb(stateDir) : startMysql({ ...context, settings: careless }),
    startTemporal({ ...context, ...(cliPath !== undefined && { cliPath }) }),
    workflowCode().then((code) => writeFile(bundlePath, code)),
  ]);
  console.warn(`MySQL: ${mysql.line}`);
  endWith('MySQL', mysql, stateDir, 'mysql/mysqld.log');
  endWith('Temporal', temporal, stateDir, 'temporal/temporal.log');
  project.provide('bundlePath', bundlePath);
  project.provide('mysqlUrl', mysql.url);
  project.provide('temporalAddress', temporal.address);
  project.provide('temporalCli', temporal.cliPath);
  return async () => {
    isOver = true;
    await Promise.all([mysql.stop(), temporal.stop()]);
    rmSync(stateDir, { recursive: true, force: true });
  };
}
