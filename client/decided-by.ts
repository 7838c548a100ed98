import { hostname, userInfo } from 'node:os';
import process from 'node:process';
import { InvalidArgumentError, type Command } from 'commander';
import { longestBy, longestReason } from '../contract/decisions.ts';
import { CommandError, exitCodes } from './exit.ts';

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

/** Adds `--by` and `--reason` to a command. `only` is the option that they belong to, where a command decides only with it. */
export function withPerson(command: Command, only?: string): Command {
  const [who, why] = only === undefined ? ['Who', 'Why'] : [`With ${only}: who`, `With ${only}: why`];
  return command
    .option('--by <who>', `${who} decides, for the ledger (default: user@host)`, textUpTo(longestBy))
    .option('--reason <text>', `${why}, for the ledger`, textUpTo(longestReason));
}

/** @throws CommandError if the options name a person or a reason although nothing is decided without the option `only` */
export function refusePerson({ by, reason }: PersonOptions, only: string): void {
  if (by !== undefined || reason !== undefined)
    throw new CommandError(exitCodes.usage, `--by and --reason need ${only}: nothing else is decided here.`);
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
