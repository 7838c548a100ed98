import type { Config } from '../../config/config.ts';
import { withClient } from '../connection.ts';
import { personOf, type PersonOptions } from '../decided-by.ts';
import type { Terminal } from '../terminal.ts';
import { startManually } from '../trigger.ts';
import { answerRun } from './run.ts';

/** `surgicase npi replace`: replaces the registry with the newest monthly, whatever NPI_BASELINE says. */
export function replace(
  config: Config,
  terminal: Terminal,
  { wait, ...options }: PersonOptions & { readonly wait: boolean },
): Promise<number> {
  return withClient(config, async (client) => {
    const handle = await startManually(client, 'npi-update', {
      replace: true,
      ...personOf(options),
      ...(config.isShadow && { dryRun: true }),
    });
    return answerRun({ client, config, terminal, job: 'npi-update', handle, wait });
  });
}
