import type { Config } from '../../config/config.ts';
import { acknowledgeWarning } from '../../db/ledger/warnings.ts';
import { withDatabase } from '../database.ts';
import { personLine, personOf, type PersonOptions } from '../decided-by.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

/** `surgicase status --acknowledge <n>`: takes a warning off the page, and records who did it and why. */
export function acknowledge(
  config: Config,
  terminal: Terminal,
  warningId: number,
  options: PersonOptions,
): Promise<number> {
  return withDatabase(config, (database) =>
    database.session(new AbortController().signal, async (session) => {
      const person = personOf(options);
      if (!(await acknowledgeWarning(session, warningId, person))) {
        throw new CommandError(
          exitCodes.usage,
          `There is no open warning ${warningId}. \`surgicase status\` lists the open warnings with their numbers.`,
        );
      }
      terminal.answer({ acknowledged: warningId, ...person }, [
        `Warning ${warningId} is acknowledged by ${personLine(person)}.`,
      ]);
      return exitCodes.done;
    }),
  );
}
