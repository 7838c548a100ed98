import type { Config } from '../../config/config.ts';
import { loadObstacles } from '../../db/schema/ready.ts';
import {
  finishedRuns,
  lastDryRuns,
  longestRuns,
  recordedEnds,
  type FinishedRun,
} from '../../db/ledger/runs.ts';
import { emptiedTables } from '../../db/registry/emptied.ts';
import { otherLoader } from '../../db/ledger/other-loader.ts';
import { readWarnings } from '../../db/ledger/warnings.ts';
import type { Session } from '../../db/connection/session.ts';
import { lastArchived, missingArchive } from '../archive.ts';
import { withClient } from '../connection.ts';
import { withDatabase } from '../database.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { registryStatus } from '../registry.ts';
import { pageLines } from '../status/page.ts';
import { problemsOf } from '../status/problems.ts';
import { historyOf, type DatabaseStatus, type Unanswered } from '../status/report.ts';
import { temporalStatus, type FailedRun } from '../status/temporal.ts';
import type { Terminal } from '../terminal.ts';

/**
 * `surgicase status`: prints one page, or one line with `isCheck`. When a service does not answer, it says so, shows the rest
 * and returns 3; when something else is wrong, 1.
 */
export async function status(
  config: Config,
  terminal: Terminal,
  { isCheck }: { readonly isCheck: boolean },
): Promise<number> {
  const temporal = await orError(withClient(config, temporalStatus));
  const database = await orError(databaseStatus(config, 'error' in temporal ? [] : temporal.failedRuns));
  const problems = problemsOf(config, { temporal, database });
  if (isCheck) {
    const line = problems.length === 0 ? 'ok' : `wrong: ${problems.join('; ')}`.replace(/\s+/g, ' ');
    terminal.answer({ problems }, [`surgicase ${line}`]);
  } else {
    const report = { temporal, database };
    terminal.answer({ problems, ...report }, pageLines(config, report, problems));
  }
  if ('error' in temporal || 'error' in database) return exitCodes.unreachable;
  return problems.length === 0 ? exitCodes.done : exitCodes.failed;
}

async function orError<T>(asked: Promise<T>): Promise<T | Unanswered> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CommandError) return { error: error.message };
    throw error;
  }
}

function databaseStatus(config: Config, failed: readonly FailedRun[]): Promise<DatabaseStatus> {
  return withDatabase(config, (database, schemas) =>
    database.session(new AbortController().signal, async (session) => {
      const obstacles = await loadObstacles(session, schemas);
      // Without this service's own tables there is nothing to read; the obstacles name them.
      if (obstacles.some((obstacle) => obstacle.includes(`${schemas.scheduler}.`)))
        return {
          obstacles,
          ...historyOf([]),
          dryRuns: [],
          longestSeconds: {},
          warnings: [],
          unrecorded: failed,
          emptied: [],
        };
      const history = historyOf(await finishedRuns(session));
      const other = await otherLoader(session, schemas);
      const archive = missingArchive(config.nppes, await lastArchived(session));
      return {
        obstacles,
        ...history,
        dryRuns: await lastDryRuns(session),
        longestSeconds: Object.fromEntries(await longestRuns(session)),
        unrecorded: await unrecordedFailures(session, failed, history.lastRuns),
        warnings: await readWarnings(session),
        registry: await registryStatus(session, schemas),
        emptied: obstacles.length === 0 ? await emptiedTables(session, schemas) : [],
        ...(other !== undefined && { otherLoader: other }),
        // A command in another folder would look for a relative path somewhere else than the worker does.
        ...(config.nppes.isArchiveDirAbsolute && archive !== undefined && { missingArchive: archive }),
      };
    }),
  );
}

async function unrecordedFailures(
  session: Session,
  failed: readonly FailedRun[],
  last: readonly FinishedRun[],
): Promise<FailedRun[]> {
  const recorded = await recordedEnds(
    session,
    failed.map(({ runId }) => runId),
  );
  const lastEnds = new Map(last.map(({ job, finishedAt }) => [job, Date.parse(`${finishedAt}Z`)]));
  return failed.filter(
    ({ job, runId, endedAt }) => !recorded.has(runId) && Date.parse(endedAt) > (lastEnds.get(job) ?? 0),
  );
}
