import type { Config } from '../../config/config.ts';
import { caseMoves, type CaseJob } from '../../contract/schedules.ts';
import {
  readAll,
  readCaseHistory,
  readCaseRun,
  readCaseRuns,
  readCasesWithStatus,
  readExceptions,
  type CaseException,
  type CaseRunLine,
  type CaseStep,
} from '../../db/cases/report.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import { csvLine } from '../csv.ts';
import type { Terminal } from '../terminal.ts';
import { utcMinute } from '../../telemetry/times.ts';

const signal = new AbortController().signal;
const jobsOfCases = Object.keys(caseMoves) as CaseJob[];

/** `surgicase cases preview [job]`: shows which cases a run would move now; writes nothing. */
export function preview(
  config: Config,
  terminal: Terminal,
  job: CaseJob | undefined,
  { limit }: { readonly limit: number },
): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const found = await database.session(signal, async (session) => {
      const previews = [];
      for (const name of job === undefined ? jobsOfCases : [job]) {
        const ids = await readCasesWithStatus(session, schemas, caseMoves[name].source);
        previews.push({ job: name, ...caseMoves[name], count: ids.length, caseIds: ids.slice(0, limit) });
      }
      return previews;
    });
    terminal.answer(
      found,
      found.flatMap(({ job: name, source, target, count, caseIds }) => [
        `${name}: ${grouped(count)} cases would move ${source} -> ${target}`,
        ...caseIds.map((id) => `  ${id}`),
        ...(count > caseIds.length ? [`  and ${grouped(count - caseIds.length)} more (--limit)`] : []),
      ]),
    );
    return exitCodes.done;
  });
}

/** `surgicase cases history [case]`: lists the runs that moved cases, or what every run did to one case. */
export function history(
  config: Config,
  terminal: Terminal,
  caseId: string | undefined,
  { limit }: { readonly limit: number },
): Promise<number> {
  return withDatabase(config, (database) =>
    database.session(signal, async (session) => {
      if (caseId === undefined) {
        const runs = await readCaseRuns(session, limit);
        terminal.answer(runs, runs.length > 0 ? runs.map(runLine) : ['No run has moved cases yet.']);
      } else {
        const steps = await readCaseHistory(session, caseId);
        terminal.answer(
          steps,
          steps.length > 0 ? steps.map(stepLine) : [`No run has selected the case ${caseId}.`],
        );
      }
      return exitCodes.done;
    }),
  );
}

function runLine(run: CaseRunLine): string {
  const { runId, job, startedAt, outcome, sourceStatus, targetStatus, undoes } = run;
  const move = undoes === null ? `${sourceStatus ?? 'any'} -> ${targetStatus}` : `undoes ${undoes}`;
  const counts = `${grouped(run.movedCount)} of ${grouped(run.selectedCount)} moved, ${grouped(run.exceptionCount)} exceptions`;
  return `${utcMinute(startedAt)}  ${runId}  ${job}  ${move}  ${counts}  ${outcome ?? 'not finished'}`;
}

function stepLine({ stateAt, runId, job, state, fromStatus, toStatus, reason }: CaseStep): string {
  return `${utcMinute(stateAt)}  ${runId}  ${job}  ${fromStatus} -> ${toStatus}  ${reason ?? state}`;
}

/** `surgicase cases exceptions <run>`: lists all exceptions, including those that the log only counts. */
export function exceptions(
  config: Config,
  terminal: Terminal,
  run: string,
  { csv: isCsv }: { readonly csv?: boolean },
): Promise<number> {
  return withDatabase(config, (database) =>
    database.session(signal, async (session) => {
      if (!(await readCaseRun(session, run))) {
        throw new CommandError(
          exitCodes.usage,
          `No case update has the run id ${run}. \`surgicase cases history\` lists the run ids.`,
        );
      }
      const found = await readAll((page) => readExceptions(session, run, page));
      const lines = found.map(({ caseId, reason, status }) => `${caseId}  ${status ?? '-'}  ${reason}`);
      terminal.answer(found, isCsv ? csvLines(found) : lines.length > 0 ? lines : ['No exceptions.']);
      return exitCodes.done;
    }),
  );
}

function csvLines(found: readonly CaseException[]): string[] {
  return [
    'case_id,reason,current_status,attempted_status',
    ...found.map(({ caseId, reason, status, attemptedStatus }) =>
      csvLine([caseId, reason, status, attemptedStatus]),
    ),
  ];
}
