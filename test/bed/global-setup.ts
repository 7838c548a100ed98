import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startMysql } from '../../local/mysql.ts';
import { startTemporal } from '../../local/temporal.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Without a schema; a server of our own, whatever DATABASE_URL says. */
    readonly mysqlUrl: string;
    readonly temporalAddress: string;
  }
}

/** One MySQL and one Temporal a test run, their state in a folder that goes with it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stateDir = mkdtempSync(join(tmpdir(), 'surgicase-test-'));
  const onAttempt = (line: string) => console.warn(line);
  const cliPath = process.env['TEMPORAL_CLI_PATH'];
  const [mysql, temporal] = await Promise.all([
    startMysql({ stateDir, onAttempt }),
    startTemporal({
      stateDir,
      onAttempt,
      onBuild: () => undefined,
      ...(cliPath !== undefined && { cliPath }),
    }),
  ]);
  project.provide('mysqlUrl', mysql.url);
  project.provide('temporalAddress', temporal.address);
  return async () => {
    await Promise.all([mysql.stop(), temporal.stop()]);
    rmSync(stateDir, { recursive: true, force: true });
  };
}
