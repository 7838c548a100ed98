import { existsSync } from 'node:fs';
import { NppesError, reason } from '../errors.ts';
import { encodingsOf } from '../transfer/content-encoding.ts';
import { contentLength, etagOf } from '../transfer/headers.ts';
import { request, type Caller } from '../transfer/request.ts';
import type { ListedRelease, ZipFacts } from './due.ts';
import { releasesOnPage } from './page.ts';

/** The real page has 6 kB; a longer document is not a page of links. */
const pageMaxBytes = 5_000_000;

/**
 * The HTML of the page that lists the zips.
 * @throws NppesError PageUnreachable (no response, another status than 200, too long) or RedirectRefused
 */
export async function fetchPage(url: string, caller: Caller): Promise<string> {
  const response = await request({ url, ...caller, failure: 'PageUnreachable' });
  if (response.statusCode !== 200) {
    response.body.destroy();
    throw new NppesError('PageUnreachable', `${url} returned status ${response.statusCode}.`);
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > pageMaxBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    caller.signal.throwIfAborted();
    throw new NppesError('PageUnreachable', `The download of ${url} broke off: ${reason(error)}.`, {
      cause: error,
    });
  }
  if (sizeBytes > pageMaxBytes) {
    throw new NppesError(
      'PageUnreachable',
      `${url} is longer than ${pageMaxBytes} bytes, so it is not CMS's page of links.`,
    );
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What a page offers, without ETag and size. */
export interface Listing {
  readonly listed: readonly ListedRelease[];
  /** Linked by a page on this disk, but the zip is not there. */
  readonly absent: readonly ListedRelease[];
}

/**
 * The releases that the page links.
 * @throws NppesError PageUnreachable, RedirectRefused, or PageWithoutLinks
 */
export async function listedReleases(pageUrl: string, caller: Caller): Promise<Listing> {
  const links = releasesOnPage(await fetchPage(pageUrl, caller), pageUrl);
  if (links.length === 0)
    throw new NppesError('PageWithoutLinks', `${pageUrl} contains no links to NPPES files.`);
  const isAbsent = ({ url }: ListedRelease) => url.startsWith('file:') && !existsSync(new URL(url));
  const listed = links.filter((link) => !isAbsent(link));
  if (listed.length > 0) return { listed, absent: links.filter(isAbsent) };
  throw new NppesError(
    'PageWithoutLinks',
    `${pageUrl} links ${links.length} NPPES files, such as ${links[0]?.release.fileName}, but none of them is on this disk.`,
  );
}

/**
 * ETag and length of a zip as its server reports them. Empty when the server does not support HEAD; the download reports
 * them then.
 * @throws NppesError DownloadFailed (no response at all), ReleaseUnavailable (not on this disk) or RedirectRefused
 */
export async function zipFacts(url: string, caller: Caller): Promise<ZipFacts> {
  const response = await request({ url, ...caller, failure: 'DownloadFailed', method: 'HEAD' });
  response.body.destroy();
  if (response.statusCode !== 200) return {};
  const etag = etagOf(response.headers);
  // Some servers answer HEAD with the length of the body that they send, which is 0. A compressed length is not the zip's.
  const sizeBytes = encodingsOf(response).length > 0 ? undefined : contentLength(response.headers);
  return { ...(etag !== undefined && { etag }), ...(sizeBytes && { sizeBytes }) };
}
