import type { Config } from '../../config/config.ts';
import { withClient } from '../connection.ts';
import { personOf, type PersonOptions } from '../decided-by.ts';
import type { Terminal } from '../terminal.ts';
import { startManually } from '../trigger.ts';
import { answerRun } from './run.ts';

export interface RebuildOptions extends PersonOptions {
  readonly wait: boolean;
  readonly dryRun?: boolean;
  /** The last release to load. */
  readonly until?: string;
}

/** `surgicase npi rebuild --from-archive`: loads the registry again from the zips in the worker's archive. */
export function rebuild(
  config: Config,
  terminal: Terminal,
  { wait, dryRun, until, ...options }: RebuildOptions,
): Promise<number> {
  return withClient(config, async (client) => {
    const handle = await startManually(client, 'npi-update', {
      rebuild: true,
      ...(until !== undefined && { until: until.replace(/\.zip$/i, '') }),
      ...personOf(options),
      ...((dryRun || config.isShadow) && { dryRun: true }),
    });
    return answerRun({ client, config, terminal, job: 'npi-update', handle, wait });
  });
}
