import type { ApplicationFailure } from '@temporalio/workflow';
import { adviceFor } from '../contract/failures.ts';
import { failureOf } from './failure.ts';

/** What a field of an input accepts, as a test and in words. */
interface Field {
  readonly isFine: (found: unknown) => boolean;
  readonly what: string;
}

export const flag: Field = { isFine: (found) => typeof found === 'boolean', what: 'true or false' };
export const positiveCount: Field = {
  isFine: (found) => Number.isSafeInteger(found) && Number(found) > 0,
  what: 'a whole number, 1 or more',
};

/**
 * Every problem of an input that a person may have typed in the Web UI; empty when it is valid. A field that the workflow
 * does not know is a problem too: with `dryrun` ignored, a run that was meant to change nothing would change everything.
 */
export function inputProblems(
  input: unknown,
  fields: Readonly<Record<string, Field>>,
  example: string,
): string[] {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return [`the input must be a JSON object, such as ${example}`];
  return Object.entries(input).flatMap(([name, found]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) return [`${name} is not an input field; the fields are ${Object.keys(fields).join(', ')}`];
    return field.isFine(found) ? [] : [`${name} is ${shown(found)}; it must be ${field.what}`];
  });
}

const shown = (found: unknown) => JSON.stringify(found).slice(0, 100);

/** The failure of a run with an invalid input, which names all `problems`. */
export function inputRefused(problems: readonly string[]): ApplicationFailure {
  return failureOf(
    'InputRefused',
    `The input is not valid: ${problems.join('; ')}. ${adviceFor('InputRefused')}`,
  );
}
