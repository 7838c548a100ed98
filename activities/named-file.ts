import { basename } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { failures } from '../contract/failures.ts';
import type { ListedRelease } from '../nppes/page/due.ts';
import { NppesError } from '../nppes/errors.ts';
import { zipFacts } from '../nppes/page/listing.ts';
import { parseReleaseName } from '../nppes/page/release.ts';

/**
 * The release that a person has named by the path of its zip on this host.
 * @throws ApplicationFailure InputRefused when it is no zip of CMS by its name, or this process may not read it
 */
export async function namedFile(url: string, signal: AbortSignal): Promise<ListedRelease> {
  const release = url.startsWith('file:///') ? parseReleaseName(basename(url)) : undefined;
  if (!release)
    throw refused('file is no address as file:///path/of/NPPES_….zip with the name that CMS gives.');
  try {
    return { release, url, ...(await zipFacts(url, signal)) };
  } catch (error) {
    throw error instanceof NppesError
      ? refused(`${error.message} The worker reads it on its own host.`)
      : error;
  }
}

function refused(what: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InputRefused',
    message: `${what} ${failures.InputRefused.nextStep}`,
    nonRetryable: true,
  });
}
