import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dispatcher } from 'undici';
import { fetchPage } from '../nppes/page/listing.ts';
import { releasesOnPage } from '../nppes/page/page.ts';
import { startCmsReplica, type CmsReplica } from './cms-replica.ts';
import { keptPort, startOnFreePorts } from './ports.ts';
import { LocalError, type LocalService, type StartContext } from './service.ts';

export type SourceName = 'cms' | 'sample';

/** Where the registry comes from. */
export interface Source extends LocalService {
  readonly name: SourceName;
  readonly pageUrl: string;
  /** Adds one more generated week to the page; does nothing for CMS. */
  addWeek(): Promise<void>;
}

export interface SourceSearch extends StartContext {
  /** Chosen by a person; otherwise the page decides. */
  readonly wanted?: SourceName;
  readonly cmsUrl: string;
  readonly dispatcher: Dispatcher;
  /** ISO date; the generated weeks end before it. */
  readonly today: string;
}

const pagePatienceMs = 5000;
const usualPort = 8380;

/**
 * Opens the CMS page when it answers; otherwise, or when `wanted`, generated weeks behind a replica of the page. A state
 * folder keeps its first source, because searches would find generated providers among real ones.
 * @throws LocalError when `wanted` differs from the source of this state folder
 */
export async function openSource(search: SourceSearch): Promise<Source> {
  const { stateDir, wanted, cmsUrl } = search;
  const known = knownSource(stateDir);
  if (wanted !== undefined && known !== undefined && wanted !== known) {
    throw new LocalError(
      `${stateDir} contains providers from the source ${known}; those from ${wanted} would mix with them. ` +
        `Start over with \`rm -r ${stateDir}\`, or start without --source.`,
    );
  }
  const name = wanted ?? known ?? ((await offersWeeklies(search)) ? 'cms' : 'sample');
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(join(stateDir, 'source'), name);
  return name === 'cms' ? cms(cmsUrl) : sample(join(stateDir, 'sample'), search);
}

function knownSource(stateDir: string): SourceName | undefined {
  const file = join(stateDir, 'source');
  return existsSync(file) ? (readFileSync(file, 'utf8') as SourceName) : undefined;
}

async function offersWeeklies({ cmsUrl: url, dispatcher, signal: stop }: SourceSearch): Promise<boolean> {
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(pagePatienceMs)]);
    const html = await fetchPage(url, { signal, dispatcher });
    return releasesOnPage(html, url).some(({ release }) => release.kind === 'weekly');
  } catch {
    return false;
  }
}

function cms(pageUrl: string): Source {
  return {
    name: 'cms',
    pageUrl,
    line: `the CMS page, ${pageUrl}`,
    stop: () => Promise.resolve(),
    addWeek: () => Promise.resolve(),
  };
}

async function sample(folder: string, search: SourceSearch): Promise<Source> {
  const { today, cmsUrl, step, signal } = search;
  const { addNextWeek, prepareSample } = await import('./sample/weeks.ts');
  await step('Generating a sample week', () => prepareSample(folder, today, signal));
  // An interrupted run continues with the addresses that it read from the page, so the port has to stay the same.
  const replica = await startOnFreePorts('Registry', search, () => launch(folder));
  if (!replica) throw new LocalError('The page of the generated weeks found no free port on 127.0.0.1.');
  return {
    name: 'sample',
    pageUrl: replica.url,
    line: `generated sample weeks, no real providers (${new URL(cmsUrl).host || cmsUrl} is not used)`,
    stop: replica.stop,
    addWeek: () => addNextWeek(folder),
  };
}

async function launch(folder: string): Promise<CmsReplica | undefined> {
  try {
    return await startCmsReplica({ folder, port: await keptPort(folder, usualPort) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
