import type { BaselineLoaded } from '../contract/activities.ts';
import type { RangeTarget } from '../db/baseline/range.ts';
import { loadLetter } from '../db/baseline/search.ts';
import { searchLetters } from '../db/schema/tables.ts';
import type { LetterFile } from '../spool/letter-file.ts';
import type { Attempt } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';
import { runConcurrently } from './concurrently.ts';
import type { Pace } from './pace.ts';

interface LettersWork {
  readonly letters: LetterFile;
  readonly target: RangeTarget;
  readonly pace: Pace;
}

/**
 * Fills the 52 letter tables from this host's disk, the largest first, and returns the seconds of each. The rows were
 * written range by range, so each table receives them in the order of its key.
 */
export async function loadLetters(
  { database, loadConnections }: ActivityDeps,
  { signal, heartbeat, log }: Attempt,
  { letters, target, pace }: LettersWork,
): Promise<BaselineLoaded['searchSeconds']> {
  const beganAt = performance.now();
  const searchSeconds: Record<string, number> = {};
  const tables = (['surgeon', 'facility'] as const)
    .flatMap((kind, place) =>
      searchLetters.map((letter, i) => ({ kind, letter, number: place * searchLetters.length + i })),
    )
    .map((table) => ({ ...table, rows: letters.rows(table.number) }))
    .sort((a, b) => b.rows - a.rows);
  const tasks = tables.map(({ kind, letter, number, rows }) => async (taskSignal: AbortSignal) => {
    const startedAt = performance.now();
    heartbeat({ phase: 'load', step: `search_${kind}_${letter}` });
    await database.session(taskSignal, async (session) => {
      if (rows > 0) await pace.giveWay(session, taskSignal);
      await loadLetter(session, target, { kind, letter, rows }, letters.lines(number), target.isLocal);
    });
    searchSeconds[`search_${kind}_${letter}`] = (performance.now() - startedAt) / 1000;
  });
  await runConcurrently(loadConnections, signal, tasks);
  log.info('letters loaded', {
    tables: tables.length,
    seconds: secondsSince(beganAt),
    pausedSeconds: pace.pausedSeconds(),
  });
  return searchSeconds;
}
