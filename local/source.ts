import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchPage } from '../nppes/page/listing.ts';
import { releasesOnPage } from '../nppes/page/page.ts';
import { startCmsReplica } from './cms-replica.ts';
import { addNextWeek, prepareSample } from './sample/weeks.ts';
import { keptPort, LocalError, type LocalService } from './service.ts';

export type SourceName = 'cms' | 'sample';

/** Where the registry comes from. */
export interface Source extends LocalService {
  readonly name: SourceName;
  readonly pageUrl: string;
  /** Puts one more generated week on the page; CMS does that itself. */
  addWeek(): Promise<void>;
}

const pagePatienceMs = 5000;
const usualPort = 8380;

/**
 * The page of CMS where it answers, otherwise (or when `wanted`) generated weeks behind a replica of it. A state folder
 * keeps to the source it began with: generated providers among real ones would be found by searches.
 * @throws LocalError when another source is wanted than the one that this state folder holds
 */
export async function openSource(
  stateDir: string,
  {
    wanted,
    cmsUrl,
    today,
  }: { readonly wanted?: SourceName; readonly cmsUrl: string; readonly today: string },
): Promise<Source> {
  const known = knownSource(stateDir);
  if (wanted !== undefined && known !== undefined && wanted !== known) {
    throw new LocalError(
      `${stateDir} holds providers of the source ${known}: ${wanted} would mix with them. ` +
        `Start over with \`rm -r ${stateDir}\`, or without --source.`,
    );
  }
  const name = wanted ?? known ?? ((await offersWeeklies(cmsUrl)) ? 'cms' : 'sample');
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(join(stateDir, 'source'), name);
  return name === 'cms' ? cms(cmsUrl) : sample(join(stateDir, 'sample'), today, cmsUrl);
}

function knownSource(stateDir: string): SourceName | undefined {
  const file = join(stateDir, 'source');
  return existsSync(file) ? (readFileSync(file, 'utf8') as SourceName) : undefined;
}

async function offersWeeklies(url: string): Promise<boolean> {
  try {
    const html = await fetchPage(url, { signal: AbortSignal.timeout(pagePatienceMs) });
    return releasesOnPage(html, url).some(({ release }) => release.kind === 'weekly');
  } catch {
    return false;
  }
}

function cms(pageUrl: string): Source {
  return {
    name: 'cms',
    pageUrl,
    line: `the page of CMS, ${pageUrl}`,
    stop: () => Promise.resolve(),
    addWeek: () => Promise.resolve(),
  };
}

async function sample(folder: string, today: string, cmsUrl: string): Promise<Source> {
  await prepareSample(folder, today);
  // A run that a stop has cut off goes on with the addresses that it read from the page.
  const replica = await startCmsReplica({ folder, port: await keptPort(folder, usualPort) });
  return {
    name: 'sample',
    pageUrl: replica.url,
    line: `sample weeks, generated, no real providers (${new URL(cmsUrl).host || cmsUrl} is not used)`,
    stop: replica.stop,
    addWeek: () => addNextWeek(folder),
  };
}
