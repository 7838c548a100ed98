import { Argument, type Command } from 'commander';
import { caseMoves, jobs, type CaseJob, type RunJob } from '../contract/schedules.ts';
import {
  command,
  wholeNumber,
  withConfig,
  withProgress,
  withQuiet,
  type Json,
  type QuietOr,
} from './program-command.ts';
import type { UndoOptions } from './commands/undo.ts';
import { withPerson, type PersonOptions } from './decided-by.ts';

/** The commands `surgicase cases …`. */
export function addCases(cases: Command): void {
  command(cases, 'preview', 'Show which cases a run would move now; changes nothing', [
    'surgicase cases preview',
    'surgicase cases preview paid-update --limit 100',
  ])
    .addArgument(new Argument('[job]', 'Only this job').choices(Object.keys(caseMoves)))
    .option('--limit <ids>', 'Maximum number of case ids for each job', wholeNumber, 20)
    .action((job: CaseJob | undefined, { json, limit }: Json & { limit: number }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/cases.ts')).preview(config, terminal, job, { limit }),
      ),
    );
  command(cases, 'history', 'List the runs that moved cases, or what they did to one case', [
    'surgicase cases history',
    'surgicase cases history 4711',
  ])
    .argument('[case]', 'Case id')
    .option('--limit <runs>', 'Maximum number of runs', wholeNumber, 20)
    .action((id: string | undefined, { json, limit }: Json & { limit: number }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/cases.ts')).history(config, terminal, id, { limit }),
      ),
    );
  command(
    cases,
    'compare',
    'Show what became of the cases that a dry run would have moved; changes nothing',
    ['surgicase cases compare 0197a5d0-1111-7222-8333-444455556666'],
  )
    .argument('<run>', 'Run id of the dry run')
    .action((run: string, { json }: Json) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/compare.ts')).compare(config, terminal, run),
      ),
    );
  command(cases, 'exceptions', 'List every case that a run could not move, with the reason', [
    'surgicase cases exceptions 0197a5d0-1111-7222-8333-444455556666 --csv',
  ])
    .argument('<run>', 'Run id')
    .option('--csv', 'Print CSV')
    .action((run: string, { json, ...options }: Json & { csv?: boolean }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/cases.ts')).exceptions(config, terminal, run, options),
      ),
    );
  const undo = command(
    cases,
    'undo',
    'Show which cases of a run an undo brings back, ask, and bring them back',
    [
      'surgicase cases undo 0197a5d0-1111-7222-8333-444455556666',
      'surgicase cases undo 0197a5d0-1111-7222-8333-444455556666 --yes --reason "wrong week"',
    ],
  );
  withQuiet(withPerson(undo))
    .argument('<run>', 'Run id')
    .option('--yes', 'Do not ask; required without a terminal')
    .action((run: string, { json, quiet, ...options }: QuietOr & UndoOptions) =>
      withProgress({ json, quiet }, ['database', 'temporal'], async (config, terminal) =>
        (await import('./commands/undo.ts')).undo(config, terminal, run, options),
      ),
    );
}

/** The commands `surgicase runs …`. */
export function addRuns(runs: Command): void {
  command(runs, 'list', 'List the latest runs; the ledger keeps them longer than Temporal', [
    'surgicase runs list',
    'surgicase runs list npi-update --limit 5',
  ])
    .addArgument(new Argument('[job]', 'Only this job').choices([...jobs, 'case-undo']))
    .option('--limit <runs>', 'Maximum number of runs', wholeNumber, 20)
    .action((job: RunJob | undefined, { json, limit }: Json & { limit: number }) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/run-history.ts')).listRuns(config, terminal, job, { limit }),
      ),
    );
  command(runs, 'show', 'Show what one run did', ['surgicase runs show 0197a5d0-1111-7222-8333-444455556666'])
    .argument('<id>', 'Run id')
    .action((id: string, { json }: Json) =>
      withConfig(json, ['database'], async (config, terminal) =>
        (await import('./commands/run-history.ts')).showRun(config, terminal, id),
      ),
    );
  const cancel = command(runs, 'cancel', 'Ask an open run to end; what it has published stays published', [
    'surgicase runs cancel 0197a5d0-1111-7222-8333-444455556666',
  ]);
  withPerson(cancel)
    .argument('<id>', 'Run id or workflow id')
    .action((id: string, { json, ...person }: Json & PersonOptions) =>
      withConfig(json, ['temporal'], async (config, terminal) =>
        (await import('./commands/runs.ts')).cancel(config, terminal, id, person),
      ),
    );
  for (const [name, isApproved, summary] of [
    ['approve', true, 'Let a waiting run continue: its cases move, or its monthly goes live'],
    ['reject', false, 'End a waiting run; cases and registry stay as they are'],
  ] as const) {
    const run = '0197a5d0-1111-7222-8333-444455556666';
    const reason = isApproved ? 'checked with billing' : 'too many cases';
    const answer = command(runs, name, summary, [
      `surgicase runs ${name} ${run}`,
      `surgicase runs ${name} ${run} --reason "${reason}"`,
    ]);
    withPerson(answer)
      .argument('<id>', 'Run id or workflow id')
      .action((id: string, { json, ...person }: Json & PersonOptions) =>
        withConfig(json, ['temporal'], async (config, terminal) =>
          (await import('./commands/runs.ts')).decide(config, terminal, id, { isApproved, ...person }),
        ),
      );
  }
}
