import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startMysql } from '../../local/mysql.ts';
import { killOwned, unwatched } from '../../local/service.ts';
import { workflowCode } from '../../worker/bundle.ts';
import { onStop } from './on-stop.ts';
import { careless } from './own-mysql.ts';
import { startTemporal } from '../../local/temporal.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of the server without a schema. It is the tests' own server, even if DATABASE_URL is set. */
    readonly mysqlUrl: string;
    readonly temporalAddress: string;
    readonly bundlePath: string;
  }
}

/** Starts one MySQL and one Temporal for the whole test run. Their folder is deleted at the end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stateDir = mkdtempSync(join(tmpdir(), 'surgicase-test-'));
  onStop(() => {
    killOwned();
    rmSync(stateDir, { recursive: true, force: true });
  });
  const context = { ...unwatched(stateDir), onAttempt: (line: string) => console.warn(line) };
  const cliPath = process.env['TEMPORAL_CLI_PATH'];
  const bundlePath = join(stateDir, 'workflow-bundle.js');
  const [mysql, temporal] = await Promise.all([
    startMysql({ ...context, settings: careless }),
    startTemporal({ ...context, ...(cliPath !== undefined && { cliPath }) }),
    workflowCode().then((code) => writeFile(bundlePath, code)),
  ]);
  project.provide('bundlePath', bundlePath);
  project.provide('mysqlUrl', mysql.url);
  project.provide('temporalAddress', temporal.address);
  return async () => {
    await Promise.all([mysql.stop(), temporal.stop()]);
    rmSync(stateDir, { recursive: true, force: true });
  };
}
