import { hostname, userInfo } from 'node:os';
import process from 'node:process';
import { InvalidArgumentError, type Command } from 'commander';
import { longestBy, longestReason } from '../contract/decisions.ts';

/** Who makes a decision with a command, and why. */
export interface Person {
  readonly by: string;
  readonly reason?: string;
}

/** The options of a command that records a decision. */
export interface PersonOptions {
  readonly by?: string;
  readonly reason?: string;
}

/** Adds `--by` and `--reason` to a command. */
export function withPerson(command: Command): Command {
  return command
    .option('--by <who>', 'Who decides, for the ledger (default: user@host)', textUpTo(longestBy))
    .option('--reason <text>', 'Why, for the ledger', textUpTo(longestReason));
}

const textUpTo = (longest: number) => (text: string) => {
  if (text.trim() === '' || Array.from(text).length > longest)
    throw new InvalidArgumentError(`It must have 1 to ${longest} characters.`);
  return text;
};

/** The person of the options; without `--by`, the operating system's user and host. */
export function personOf({ by, reason }: PersonOptions): Person {
  return { by: by ?? `${userName()}@${hostname()}`, ...(reason !== undefined && { reason }) };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user that its /etc/passwd does not name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** `ana@desk: month end`, or without the reason when there is none. */
export function personLine({ by, reason }: { readonly by: string; readonly reason?: string | null }): string {
  return reason === undefined || reason === null ? by : `${by}: ${reason}`;
}
