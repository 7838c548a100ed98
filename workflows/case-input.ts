import { caseMoves, type CaseJob } from '../contract/schedules.ts';
import type { CaseUndoInput, CaseUpdateInput } from '../contract/workflows.ts';
import { decidedByFields } from './decided-by.ts';
import { flag, inputProblems, inputRefused, positiveCount } from './input.ts';

/** The input of a run, completed with the statuses of its job. */
export type CaseTask = Required<Omit<CaseUpdateInput, 'limit'>> & Pick<CaseUpdateInput, 'limit'>;

const status = {
  isFine: (found: unknown) => Number.isInteger(found) && Number(found) >= 0 && Number(found) <= 32_767,
  what: 'a status (a whole number from 0 to 32767)',
};

const updateFields = {
  source: status,
  target: status,
  force: flag,
  dryRun: flag,
  limit: positiveCount,
} as const satisfies Record<keyof CaseUpdateInput, unknown>;

/**
 * Checks the input of a case update.
 * @throws ApplicationFailure InputRefused, with every problem in one message
 */
export function caseTask(job: CaseJob, input: unknown): CaseTask {
  const problems = inputProblems(input, updateFields, '{"dryRun": true}');
  if (problems.length > 0) throw inputRefused(problems);
  const task: CaseTask = { ...caseMoves[job], force: false, dryRun: false, ...(input as CaseUpdateInput) };
  if (task.target === task.source) throw inputRefused(['source and target are the same status']);
  if (task.target < task.source && !task.force) {
    throw inputRefused([
      `target ${task.target} is below source ${task.source}; add "force": true to allow that`,
    ]);
  }
  return task;
}

const undoFields = {
  undoes: {
    isFine: (found: unknown) =>
      typeof found === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(found),
    what: 'a run id',
  },
  ...decidedByFields,
} as const satisfies Record<keyof CaseUndoInput, unknown>;
const undoExample = '{"undoes": "0197a5d0-1111-7222-8333-444455556666"}';

/**
 * The run to undo, and who undoes it.
 * @throws ApplicationFailure InputRefused, with every problem in one message
 */
export function undoTask(input: unknown): CaseUndoInput {
  const problems = inputProblems(input, undoFields, undoExample);
  if (problems.length > 0) throw inputRefused(problems);
  const task = input as CaseUndoInput;
  if ((task.undoes as string | undefined) === undefined)
    throw inputRefused([`undoes is required, such as ${undoExample}`]);
  return task;
}
