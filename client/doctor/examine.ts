import { isGrpcServiceError } from '@temporalio/client';
import { failures } from '../../contract/failures.ts';
import { DbError, StatementError } from '../../db/connection/errors.ts';
import { NppesError } from '../../nppes/errors.ts';
import { CommandError } from '../exit.ts';
import { wrong, type Check, type Finding, type Line } from './check.ts';

/** Makes the checks in order. One that needs a check with a fault, or one that was not made, is not made. */
export async function examine<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
  faulty: Map<string, string>,
): Promise<Line[]> {
  const lines: Line[] = [];
  for (const check of checks) {
    const needed = check.needs?.find((name) => faulty.has(name));
    if (needed !== undefined) {
      lines.push(notMade(check.name, needed, faulty));
      continue;
    }
    const findings = await check.look(subject).catch((error: unknown) => [faultOf(error)]);
    if (findings.some(({ state }) => state === 'wrong')) faulty.set(check.name, check.name);
    lines.push(...findings.map((finding) => ({ check: check.name, ...finding })));
  }
  return lines;
}

/** Reports none of the checks as made, because a connection or the configuration has a fault. */
export const notExamined = (
  checks: readonly Pick<Check<never>, 'name'>[],
  cause: string,
  faulty: Map<string, string>,
): Line[] => {
  faulty.set(cause, cause);
  return checks.map(({ name }) => notMade(name, cause, faulty));
};

/** Names the first fault, not the check between. */
function notMade(check: string, needed: string, faulty: Map<string, string>): Line {
  const cause = faulty.get(needed) ?? needed;
  faulty.set(check, cause);
  return { check, state: 'not checked', text: `because of the fault of \`${cause}\`` };
}

/** An expected error of a service as a finding. @throws any other error, which is a bug */
export function faultOf(error: unknown): Finding {
  if (error instanceof DbError || error instanceof NppesError)
    return wrong(sentence(error.message), failures[error.code].nextStep);
  if (error instanceof StatementError)
    return wrong(sentence(error.message), failures.StatementFailed.nextStep);
  if (error instanceof CommandError) return wrong(error.message, '');
  const cause = isGrpcServiceError(error) ? error : (error as Error | undefined)?.cause;
  if (!isGrpcServiceError(cause)) throw error;
  return wrong(
    `Temporal refused the request: ${sentence(cause.details)}`,
    'Check the permissions of TEMPORAL_API_KEY or of the certificate.',
  );
}

const sentence = (text: string) => (/[.?!]$/.test(text) ? text : `${text}.`);
