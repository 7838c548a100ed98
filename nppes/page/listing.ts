import { NppesError } from '../errors.ts';
import { contentLength, etagOf, reason } from '../transfer/request.ts';
import { ask } from '../transfer/ask.ts';
import { releasesOnPage, type ReleaseLink } from './page.ts';

/** The real page has 6 kB; more than this is not it. */
const pageMaxBytes = 5_000_000;

/**
 * The HTML of the page that lists the zips.
 * @throws NppesError PageUnreachable (no answer, another status than 200, too long) or RedirectRefused
 */
export async function fetchPage(url: string, { signal }: { signal: AbortSignal }): Promise<string> {
  const answer = await ask({ url, signal, failure: 'PageUnreachable' });
  if (answer.statusCode !== 200) {
    answer.body.destroy();
    throw new NppesError('PageUnreachable', `${url} answers with status ${answer.statusCode}.`);
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > pageMaxBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new NppesError('PageUnreachable', `${url} broke off: ${reason(error)}.`, { cause: error });
  }
  if (sizeBytes > pageMaxBytes) {
    throw new NppesError('PageUnreachable', `${url} is longer than ${pageMaxBytes} bytes: no page of links.`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The releases that the page links.
 * @throws NppesError PageUnreachable, RedirectRefused, or PageWithoutLinks
 */
export async function offeredReleases(pageUrl: string, signal: AbortSignal): Promise<ReleaseLink[]> {
  const links = releasesOnPage(await fetchPage(pageUrl, { signal }), pageUrl);
  if (links.length > 0) return links;
  throw new NppesError('PageWithoutLinks', `${pageUrl} was read and links no file of NPPES.`);
}

/** What the server says of a zip without sending it. */
export interface OfferedZip {
  readonly etag?: string;
  readonly sizeBytes?: number;
}

/**
 * ETag and length of a zip; empty when the server does not answer HEAD, for the download then tells.
 * @throws NppesError DownloadFailed (no answer at all) or RedirectRefused
 */
export async function offeredZip(url: string, signal: AbortSignal): Promise<OfferedZip> {
  const answer = await ask({ url, signal, failure: 'DownloadFailed', method: 'HEAD' });
  answer.body.destroy();
  if (answer.statusCode !== 200) return {};
  const etag = etagOf(answer);
  const sizeBytes = contentLength(answer);
  return { ...(etag !== undefined && { etag }), ...(sizeBytes !== undefined && { sizeBytes }) };
}
