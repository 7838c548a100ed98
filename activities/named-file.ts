import { basename } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { adviceFor } from '../contract/failures.ts';
import type { ListedRelease } from '../nppes/page/due.ts';
import { NppesError } from '../nppes/errors.ts';
import { zipFacts } from '../nppes/page/listing.ts';
import { parseReleaseName } from '../nppes/page/release.ts';

/**
 * The release whose zip a person has named by its path on this host.
 * @throws ApplicationFailure InputRefused when the name is not a CMS file name, or this process cannot read the file
 */
export async function namedFile(url: string, signal: AbortSignal): Promise<ListedRelease> {
  const release = url.startsWith('file:///') ? parseReleaseName(basename(url)) : undefined;
  if (!release)
    throw refused(
      'file must be an address such as file:///path/of/NPPES_….zip, with the file name that CMS gives.',
    );
  try {
    return { release, url, ...(await zipFacts(url, { signal })) };
  } catch (error) {
    throw error instanceof NppesError
      ? refused(`${error.message} The worker reads the file on its own host.`)
      : error;
  }
}

function refused(what: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InputRefused',
    message: `${what} ${adviceFor('InputRefused')}`,
    nonRetryable: true,
  });
}
