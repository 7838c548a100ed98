import type { Config } from '../../config/config.ts';
import { compareCases, type CaseComparison } from '../../db/cases/comparison.ts';
import { readCaseRun, type CaseRunLine } from '../../db/cases/report.ts';
import { timestampColumn } from '../../db/cases/status.ts';
import type { Session } from '../../db/connection/session.ts';
import { readRun } from '../../db/ledger/runs.ts';
import { utcMinute } from '../../telemetry/times.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import type { Terminal } from '../terminal.ts';

const signal = new AbortController().signal;

/** `surgicase cases compare <run>`: what became of the cases that a dry run found, for a week beside another scheduler. */
export function compare(config: Config, terminal: Terminal, runId: string): Promise<number> {
  return withDatabase(config, (database, schemas) =>
    database.session(signal, async (session) => {
      const cases = await readDryRun(session, runId);
      const { job, startedAt: at, sourceStatus: source, targetStatus: target, selectedCount: found } = cases;
      if (source === null || target === null || timestampColumn(target) === undefined) {
        throw new CommandError(
          exitCodes.usage,
          `Status ${target} has no timestamp that says when a case got it.`,
        );
      }
      const run = { runId, job, at, source, target, found };
      const became = await compareCases(session, schemas, run);
      terminal.answer({ ...run, ...became }, comparisonLines(run, became));
      return exitCodes.done;
    }),
  );
}

/** @throws CommandError when the ledger has no dry run of cases with this id */
async function readDryRun(session: Session, runId: string): Promise<CaseRunLine> {
  const run = await readRun(session, runId);
  const cases = await readCaseRun(session, runId);
  if (run?.isDryRun === true && cases) return cases;
  throw new CommandError(
    exitCodes.usage,
    cases && run
      ? `Run ${runId} was not a dry run. \`surgicase runs show ${runId}\` shows what it moved.`
      : `The ledger has no dry run of cases with the id ${runId}. \`surgicase runs list\` shows the run ids.`,
  );
}

interface Compared {
  readonly job: string;
  readonly at: string;
  readonly source: number;
  readonly target: number;
  readonly found: number;
}

function comparisonLines({ job, at, source, target, found }: Compared, became: CaseComparison): string[] {
  const { moved, overChange, unmoved, changed, others } = became;
  return [
    `${job} of ${utcMinute(at)} would have moved ${grouped(found)} cases ${source} -> ${target}. Since then`,
    `  ${grouped(moved)} of them moved to ${target}, ${grouped(overChange.length)} over a change that somebody made meanwhile`,
    ...overChange.map((id) => `    ${id}`),
    `  ${grouped(unmoved)} still have the status ${source}`,
    `  ${grouped(changed)} got another status or became inactive`,
    `  ${grouped(others)} other cases moved to ${target}`,
  ];
}
