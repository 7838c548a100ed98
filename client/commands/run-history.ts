import type { Config } from '../../config/config.ts';
import type { RunJob } from '../../contract/schedules.ts';
import { countExceptions, readCaseRun } from '../../db/cases/report.ts';
import type { Session } from '../../db/connection/session.ts';
import { decisionsAbout, type RecordedDecision } from '../../db/ledger/decisions.ts';
import { publishedBy } from '../../db/ledger/releases.ts';
import { readRun, readRuns, type RecordedRun } from '../../db/ledger/runs.ts';
import { utcMinute } from '../../telemetry/times.ts';
import { withDatabase } from '../database.ts';
import { personLine } from '../decided-by.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { runLink } from '../links.ts';
import { grouped, seconds } from '../numbers.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;

/** `surgicase runs list [job]`: the latest runs of the ledger, which keeps them longer than Temporal. */
export function listRuns(
  config: Config,
  terminal: Terminal,
  job: RunJob | undefined,
  { limit }: { readonly limit: number },
): Promise<number> {
  return withDatabase(config, (database) =>
    database.session(signal, async (session) => {
      const runs = await readRuns(session, { job, limit });
      terminal.answer(runs, runs.length > 0 ? runs.map(runLine) : ['The ledger has no run yet.']);
      return exitCodes.done;
    }),
  );
}

function runLine(run: RecordedRun): string {
  return `${utcMinute(run.startedAt)}  ${run.runId}  ${run.job}  ${outcomeOf(run)}${durationOf(run)}`;
}

function outcomeOf({ outcome, failureType, isDryRun }: RecordedRun): string {
  const ended = failureType === null ? outcome : `${outcome}: ${failureType}`;
  return `${ended ?? 'not finished'}${isDryRun && outcome !== 'dry run' ? ' (dry run)' : ''}`;
}

function durationOf({ startedAt, finishedAt }: RecordedRun): string {
  if (finishedAt === null) return '';
  return `  ${seconds((Date.parse(`${finishedAt}Z`) - Date.parse(`${startedAt}Z`)) / 1000)}`;
}

/** `surgicase runs show <id>`: what the ledger knows of one run. */
export function showRun(config: Config, terminal: Terminal, runId: string): Promise<number> {
  return withDatabase(config, (database) =>
    database.session(signal, async (session) => {
      const run = await readRun(session, runId);
      if (!run) {
        throw new CommandError(
          exitCodes.usage,
          `The ledger has no run ${runId}. \`surgicase runs list\` shows the run ids.`,
        );
      }
      const found = {
        ...run,
        decisions: await decisionsAbout(session, runId),
        releases: await publishedBy(session, runId),
        cases: await casesOf(session, runId),
      };
      terminal.answer(found, detailLines(config, found));
      return exitCodes.done;
    }),
  );
}

/** What the run did to cases, or would have done as a dry run; null for a run of the registry. */
async function casesOf(session: Session, runId: string) {
  const run = await readCaseRun(session, runId);
  if (!run) return null;
  const { sourceStatus, targetStatus, selectedCount, leftCount, movedCount, undoes } = run;
  const counts = { sourceStatus, targetStatus, selectedCount, leftCount, movedCount, undoes };
  return { ...counts, exceptions: await countExceptions(session, runId) };
}

type Details = RecordedRun & {
  readonly decisions: readonly RecordedDecision[];
  readonly releases: Awaited<ReturnType<typeof publishedBy>>;
  readonly cases: Awaited<ReturnType<typeof casesOf>>;
};

function detailLines(config: Config, run: Details): string[] {
  const { job, workflowId, runId, startedAt, finishedAt, decisions, releases, cases } = run;
  return [
    `${job}: ${outcomeOf(run)}`,
    `  started   ${utcMinute(startedAt)}`,
    `  finished  ${finishedAt === null ? 'not yet; `surgicase status` shows what it does now' : utcMinute(finishedAt)}${durationOf(run)}`,
    ...(run.failureMessage === null ? [] : [`  message   ${run.failureMessage}`]),
    ...releases.map(({ fileName }) => `  published ${fileName}`),
    ...(cases ? caseLines(run, cases) : []),
    ...(cases?.undoes ? [`  undoes    ${cases.undoes}`] : []),
    ...Object.entries(cases?.exceptions ?? {}).map(
      ([reason, count]) => `  not moved ${grouped(count)}: ${reason}`,
    ),
    ...decisions.map((decision) => decisionLine(decision, runId)),
    `  page      ${runLink(config, { workflowId, runId })}`,
  ];
}

type Cases = NonNullable<Details['cases']>;

function caseLines({ isDryRun, runId }: RecordedRun, cases: Cases): string[] {
  const { selectedCount, movedCount, leftCount, sourceStatus, targetStatus } = cases;
  const left = leftCount > 0 ? `; ${grouped(leftCount)} wait for the next run` : '';
  if (!isDryRun) return [`  cases     ${grouped(movedCount)} of ${grouped(selectedCount)} moved${left}`];
  return [
    `  cases     ${grouped(selectedCount)} would have moved ${sourceStatus} -> ${targetStatus}${left}`,
    `            what became of them: \`surgicase cases compare ${runId}\``,
  ];
}

/** `  approve   2026-11-23 08:10 UTC by ana@desk: checked`. An undo belongs to another run, which the line names. */
function decisionLine({ what, at, runId, ...person }: RecordedDecision, shown: string): string {
  const other = runId === shown ? '' : ` (run ${runId})`;
  return `  ${what.padEnd(9)} ${utcMinute(at)} by ${personLine(person)}${other}`;
}
