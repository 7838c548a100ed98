import type { NpiUpdateInput } from '../contract/workflows.ts';
import { parseReleaseName } from '../nppes/page/release.ts';
import { decidedByFields } from './decided-by.ts';
import { flag, inputProblems, inputRefused, positiveCount } from './input.ts';

const fields = {
  dryRun: flag,
  weeks: positiveCount,
  replace: flag,
  rebuild: flag,
  until: {
    isFine: (found: unknown) => typeof found === 'string' && parseReleaseName(`${found}.zip`) !== undefined,
    what: "CMS's file name without .zip",
  },
  rollback: {
    isFine: (found: unknown) => found === 'back' || found === 'forward' || found === 'resume',
    what: '"back", "forward" or "resume"',
  },
  // The worker's host knows whether the file exists, so `discover` checks the address.
  file: {
    isFine: (found: unknown) => typeof found === 'string',
    what: 'an address such as file:///path/of/a.zip',
  },
  ...decidedByFields,
} as const satisfies Record<keyof NpiUpdateInput, unknown>;

/**
 * Checks the input of `npiUpdate`.
 * @throws ApplicationFailure InputRefused, with every problem in one message
 */
export function npiTask(input: unknown): NpiUpdateInput {
  const problems = inputProblems(input, fields, '{"dryRun": true}');
  const task = input as NpiUpdateInput;
  if (
    problems.length === 0 &&
    task.file !== undefined &&
    (task.replace || task.rebuild || task.weeks !== undefined)
  )
    problems.push('file loads only that zip; leave out replace, rebuild and weeks');
  if (problems.length === 0 && task.rebuild && (task.replace || task.weeks !== undefined))
    problems.push('rebuild loads what the archive has; leave out replace and weeks');
  if (problems.length === 0 && task.until !== undefined && !task.rebuild)
    problems.push('until says where a rebuild ends; add "rebuild": true or leave it out');
  if (problems.length === 0 && task.rollback && isMore(task))
    problems.push('rollback loads nothing; leave out dryRun, weeks, replace, rebuild and file');
  if (
    problems.length === 0 &&
    !task.replace &&
    !task.rebuild &&
    !task.rollback &&
    (task.by !== undefined || task.reason !== undefined)
  )
    problems.push(
      'by and reason say who wants a replacement, a rebuild or a rollback, and why; leave them out',
    );
  if (problems.length > 0) throw inputRefused(problems);
  return task;
}

/** Whether an input asks for something else than a rollback. */
function isMore({ dryRun, weeks, replace, rebuild, file }: NpiUpdateInput): boolean {
  return dryRun === true || replace === true || rebuild === true || weeks !== undefined || file !== undefined;
}
