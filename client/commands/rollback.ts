import type { Config } from '../../config/config.ts';
import { withClient } from '../connection.ts';
import { personOf, type PersonOptions } from '../decided-by.ts';
import type { Terminal } from '../terminal.ts';
import { startManually } from '../trigger.ts';
import { answerRun } from './run.ts';

export interface RollbackOptions extends PersonOptions {
  readonly wait: boolean;
  readonly forward?: boolean;
  readonly resume?: boolean;
}

/** `surgicase npi rollback`: takes the newest release back, brings it forward again, or gives it up. */
export function rollback(
  config: Config,
  terminal: Terminal,
  { wait, forward, resume, ...options }: RollbackOptions,
): Promise<number> {
  return withClient(config, async (client) => {
    const handle = await startManually(client, 'npi-update', {
      rollback: forward ? 'forward' : resume ? 'resume' : 'back',
      ...personOf(options),
    });
    return answerRun({ client, config, terminal, job: 'npi-update', handle, wait });
  });
}
