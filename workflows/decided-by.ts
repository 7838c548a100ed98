import {
  longestBy,
  longestReason,
  unknownPerson,
  type DecidedBy,
  type Decision,
  type DecisionKind,
} from '../contract/decisions.ts';
import { inputProblems } from './input.ts';

const text = (longest: number) => ({
  isFine: (found: unknown) =>
    typeof found === 'string' && found.trim() !== '' && Array.from(found).length <= longest,
  what: `a text of 1 to ${longest} characters`,
});

/** The fields of an input that say who decides and why. */
export const decidedByFields = {
  by: text(longestBy),
  reason: text(longestReason),
} as const satisfies Record<keyof DecidedBy, unknown>;

/** Every problem of the input of an update that answers a run; no input is fine. */
export function decidedByProblems(input: unknown): string[] {
  if (input === undefined || input === null) return [];
  return inputProblems(input, decidedByFields, '{"by": "your name", "reason": "why"}');
}

/** The decision that a person makes with this input now. */
export function decisionBy(what: DecisionKind, { by = unknownPerson, reason }: DecidedBy): Decision {
  return { what, by, ...(reason !== undefined && { reason }), at: new Date().toISOString() };
}
