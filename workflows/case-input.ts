import { ApplicationFailure } from '@temporalio/workflow';
import { caseMoves, type CaseJob } from '../contract/schedules.ts';
import type { CaseUndoInput, CaseUpdateInput } from '../contract/workflows.ts';
import { failures } from '../contract/failures.ts';

/** The input of a run, completed with the statuses of its job. */
export type CaseTask = Required<Omit<CaseUpdateInput, 'limit'>> & Pick<CaseUpdateInput, 'limit'>;

const isStatus = (found: unknown) => Number.isInteger(found) && Number(found) >= 0 && Number(found) <= 32_767;
const isFlag = (found: unknown) => typeof found === 'boolean';

const accepted = {
  source: { isFine: isStatus, what: 'a status (a whole number from 0 to 32767)' },
  target: { isFine: isStatus, what: 'a status (a whole number from 0 to 32767)' },
  force: { isFine: isFlag, what: 'true or false' },
  dryRun: { isFine: isFlag, what: 'true or false' },
  limit: {
    isFine: (found: unknown) => Number.isInteger(found) && Number(found) > 0,
    what: 'a whole number, 1 or more',
  },
} as const satisfies Record<keyof CaseUpdateInput, unknown>;

/**
 * Checks the input of a run, which a person may have typed in the Web UI.
 * @throws ApplicationFailure InputRefused, with every problem in one message
 */
export function caseTask(job: CaseJob, input: unknown): CaseTask {
  const given =
    typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input } : undefined;
  if (!given) throw refused(['the input must be a JSON object, such as {"dryRun": true}']);
  const problems = Object.entries(given).flatMap(([name, found]) => {
    if (!Object.hasOwn(accepted, name)) {
      return [`${name} is not an input field; the fields are ${Object.keys(accepted).join(', ')}`];
    }
    const { isFine, what } = accepted[name as keyof typeof accepted];
    return isFine(found) ? [] : [`${name} is ${JSON.stringify(found)}; it must be ${what}`];
  });
  const task: CaseTask = { ...caseMoves[job], force: false, dryRun: false, ...given };
  if (problems.length === 0 && task.target === task.source)
    problems.push('source and target are the same status');
  if (problems.length === 0 && task.target < task.source && !task.force) {
    problems.push(`target ${task.target} is below source ${task.source}; add "force": true to allow that`);
  }
  if (problems.length > 0) throw refused(problems);
  return task;
}

function refused(problems: readonly string[]): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InputRefused',
    message: `The input is not valid: ${problems.join('; ')}. ${failures.InputRefused.nextStep}`,
    nonRetryable: true,
  });
}

/**
 * The id of the run to undo.
 * @throws ApplicationFailure InputRefused
 */
export function undoTask(input: unknown): string {
  const undoes = (input as CaseUndoInput | undefined)?.undoes;
  if (typeof undoes === 'string' && /^[\da-f-]{36}$/i.test(undoes)) return undoes;
  throw refused(['undoes must be a run id, such as {"undoes": "0197a5d0-1111-7222-8333-444455556666"}']);
}
