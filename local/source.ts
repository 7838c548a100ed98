import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchPage } from '../nppes/page/listing.ts';
import { releasesOnPage } from '../nppes/page/page.ts';
import { startCmsReplica } from './cms-replica.ts';
import { keptPort, LocalError, type LocalService } from './service.ts';

export type SourceName = 'cms' | 'sample';

/** Where the registry comes from. */
export interface Source extends LocalService {
  readonly name: SourceName;
  readonly pageUrl: string;
  /** Adds one more generated week to the page; does nothing for CMS. */
  addWeek(): Promise<void>;
}

const pagePatienceMs = 5000;
const usualPort = 8380;

/**
 * Opens the CMS page when it answers; otherwise, or when `wanted`, generated weeks behind a replica of the page. A state
 * folder keeps its first source, because searches would find generated providers among real ones.
 * @throws LocalError when `wanted` differs from the source of this state folder
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
      `${stateDir} contains providers from the source ${known}; those from ${wanted} would mix with them. ` +
        `Start over with \`rm -r ${stateDir}\`, or start without --source.`,
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
    line: `the CMS page, ${pageUrl}`,
    stop: () => Promise.resolve(),
    addWeek: () => Promise.resolve(),
  };
}

async function sample(folder: string, today: string, cmsUrl: string): Promise<Source> {
  const { addNextWeek, prepareSample } = await import('./sample/weeks.ts');
  await prepareSample(folder, today);
  // An interrupted run continues with the addresses that it read from the page, so the port has to stay the same.
  const replica = await startCmsReplica({ folder, port: await keptPort(folder, usualPort) });
  return {
    name: 'sample',
    pageUrl: replica.url,
    line: `generated sample weeks, no real providers (${new URL(cmsUrl).host || cmsUrl} is not used)`,
    stop: replica.stop,
    addWeek: () => addNextWeek(folder),
  };
}
