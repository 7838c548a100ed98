import type { Config } from '../../config/config.ts';
import { historyBeginning } from '../../db/history/states.ts';
import { givenUpFiles, pendingRollbacks } from '../../db/ledger/rolled-back.ts';
import { publishedFiles, supersededNames } from '../../db/ledger/releases.ts';
import { historyBytes } from '../../db/registry/history.ts';
import { sized } from '../../nppes/transfer/disk-space.ts';
import { utcMinute } from '../../telemetry/times.ts';
import { outgoing } from '../../worker/outgoing.ts';
import { withDatabase } from '../database.ts';
import { exitCodes } from '../exit.ts';
import { offeredReleases } from '../offered.ts';
import { rolledBackText } from '../registry.ts';
import { beginsWith } from './history.ts';
import type { Terminal } from '../terminal.ts';

interface Offered {
  readonly fileName: string;
  readonly kind: string;
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly state: 'published' | 'superseded' | 'rolled back' | 'given up' | 'not loaded';
  /** UTC; null unless it is published. */
  readonly publishedAt: string | null;
}

/**
 * `surgicase npi releases`: lists what the page offers, and what of it is loaded. Compares names, not contents. Then says what is
 * rolled back, what the history keeps on disk, and where it begins.
 */
export async function releases(config: Config, terminal: Terminal): Promise<number> {
  const listed = await offeredReleases(config.nppes.url, {
    signal: new AbortController().signal,
    dispatcher: outgoing(config.proxies),
  });
  const { published, superseded, rolledBack, abandoned, since, bytes } = await withDatabase(
    config,
    (database) =>
      database.session(new AbortController().signal, async (session) => ({
        published: new Map((await publishedFiles(session)).map((file) => [file.fileName, file.publishedAt])),
        superseded: await supersededNames(session),
        rolledBack: await pendingRollbacks(session),
        abandoned: await givenUpFiles(session),
        since: await historyBeginning(session),
        bytes: await historyBytes(session),
      })),
  );
  const taken = new Set(rolledBack.map(({ fileName }) => fileName));
  const givenUp = new Set(abandoned.map(({ fileName }) => fileName));
  const stateOf = (fileName: string): Offered['state'] => {
    if (published.has(fileName)) return 'published';
    if (taken.has(fileName)) return 'rolled back';
    if (givenUp.has(fileName)) return 'given up';
    return superseded.has(fileName) ? 'superseded' : 'not loaded';
  };
  const offered = listed.map(({ release }): Offered => {
    const { fileName, kind, periodStart, periodEnd } = release;
    const publishedAt = published.get(fileName) ?? null;
    return { fileName, kind, periodStart, periodEnd, state: stateOf(fileName), publishedAt };
  });
  terminal.answer(offered, offered.map(offeredLine));
  for (const release of rolledBack) terminal.say(rolledBackText(release));
  terminal.say(`For the history and a rollback the server keeps ${sized(bytes)}.`);
  if (since !== null) terminal.say(`${beginsWith(since)}.`);
  return exitCodes.done;
}

function offeredLine({ fileName, kind, periodStart, periodEnd, state, publishedAt }: Offered): string {
  const days = kind === 'weekly' ? `${periodStart} to ${periodEnd}` : `until ${periodEnd}`;
  const when = publishedAt === null ? '' : ` ${utcMinute(publishedAt)}`;
  return `${kind.padEnd(12)}  ${days.padEnd(24)}  ${state}${when}  ${fileName}`;
}
