import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import type { Config } from '../../config/config.ts';
import { readCaseRun, type CaseRunLine } from '../../db/cases/report.ts';
import { previewUndo, type UndoneCases } from '../../db/cases/undo-preview.ts';
import { utcMinute } from '../../telemetry/times.ts';
import { withClient } from '../connection.ts';
import { withDatabase } from '../database.ts';
import { personOf, type PersonOptions } from '../decided-by.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import { directionOf, summaryLines } from '../summary.ts';
import type { Terminal } from '../terminal.ts';
import { startUndo } from '../trigger.ts';
import { exitCodeOf, followRunAlone } from './run.ts';

export interface UndoOptions extends PersonOptions {
  /** Do not ask. */
  readonly yes?: boolean;
}

/**
 * `surgicase cases undo <run>`: shows what an undo brings back, asks, and starts the workflow that moves back the cases that
 * have not changed since the run.
 */
export async function undo(
  config: Config,
  terminal: Terminal,
  runId: string,
  { yes, ...options }: UndoOptions,
): Promise<number> {
  if (config.isShadow) {
    throw new CommandError(
      exitCodes.usage,
      'SHADOW is true, and an undo has no dry run. Unset SHADOW to undo a run.',
    );
  }
  const { run, back } = await readUndo(config, runId);
  for (const line of previewLines(run, back)) terminal.say(line);
  if (!yes) await confirm(terminal, countText(back));
  return withClient(config, async (client) => {
    const handle = await startUndo(client, runId, personOf(options));
    const again = '`surgicase status` shows it.';
    const followed = await followRunAlone(client, config, terminal, { handle, again });
    const { workflowId, end } = followed;
    const lines = summaryLines('case-undo', end, directionOf(back));
    terminal.answer({ job: 'case-undo', workflowId, runId: followed.runId, ...end }, lines);
    return exitCodeOf(end);
  });
}

function readUndo(config: Config, runId: string) {
  return withDatabase(config, (database, schemas) =>
    database.session(new AbortController().signal, async (session) => ({
      back: await previewUndo(session, schemas, runId),
      run: await readCaseRun(session, runId),
    })),
  );
}

function previewLines(run: CaseRunLine | undefined, back: readonly UndoneCases[]): string[] {
  if (!run) return [];
  const changed = run.movedCount - countOf(back);
  return [
    `${run.job} of ${utcMinute(run.startedAt)} moved ${grouped(run.movedCount)} cases (run ${run.runId})`,
    `  an undo brings back ${countText(back)}`,
    ...(changed > 0 ? [`  ${grouped(changed)} cases have changed since and stay as they are`] : []),
  ];
}

const countOf = (back: readonly UndoneCases[]) => back.reduce((sum, { count }) => sum + count, 0);

/** `920 cases: 15 back to 10`. */
const countText = (back: readonly UndoneCases[]) =>
  [`${grouped(countOf(back))} cases`, ...(back.length > 0 ? [directionOf(back)] : [])].join(': ');

/** @throws CommandError when the person does not agree, or when there is nobody to ask */
async function confirm(terminal: Terminal, what: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CommandError(
      exitCodes.usage,
      'Nothing was changed: there is no terminal to ask on. Add --yes to undo without a question.',
    );
  }
  const output = terminal.isJson ? process.stderr : process.stdout;
  const asking = createInterface({ input: process.stdin, output });
  const answer = await asking.question(`Bring back ${what}? [y/N] `).finally(() => asking.close());
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError(exitCodes.failed, 'Nothing was changed.');
}
