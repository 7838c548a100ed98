import { Agent, request as send } from 'undici';
import { NppesError, reason } from '../errors.ts';
import { decoded } from './content-encoding.ts';
import { header } from './headers.ts';
import type { SourceRequest, SourceResponse } from './request.ts';

// The version must equal the one in package.json; download.test.ts "names us" checks it.
const userAgent = 'surgicase-pipelines/0.1.0 (NPPES loader)';
const redirectMax = 5;
const direct = new Agent({ connect: { timeout: 10_000 } });
const timeouts = { headersTimeout: 30_000, bodyTimeout: 60_000 };

/**
 * Sends a request to a web server. Follows redirects within the host, also from http to https but never back.
 * Times out after 10 s without a connection, 30 s without headers, or 60 s without a byte of the body.
 * The caller reads or destroys the body.
 * @throws NppesError RedirectRefused, or `failure` when the server cannot be reached; the signal's reason.
 */
export async function requestFromServer({
  url,
  signal,
  dispatcher = direct,
  failure,
  method = 'GET',
  headers = {},
}: SourceRequest): Promise<SourceResponse> {
  let address = new URL(url);
  for (let redirectCount = 0; redirectCount <= redirectMax; redirectCount += 1) {
    const response = await send(address, {
      method,
      signal,
      dispatcher,
      ...timeouts,
      headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...headers },
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new NppesError(failure, `Could not reach ${address.href}: ${reason(error)}.`, { cause: error });
    });
    // undici emits an error event for a body that nobody reads. Without a listener that would end the process; a reader
    // gets its own error.
    response.body.on('error', () => undefined);
    const location = header(response.headers, 'location');
    if (response.statusCode < 300 || response.statusCode >= 400 || location === undefined)
      return method === 'HEAD' ? response : decoded(address.href, response, failure);
    response.body.destroy();
    address = redirected(address, location);
  }
  throw new NppesError('RedirectRefused', `${url} redirects more than ${redirectMax} times.`);
}

function redirected(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isUpgrade = from.protocol === 'http:' && to?.protocol === 'https:' && to.hostname === from.hostname;
  if (to !== undefined && (to.origin === from.origin || isUpgrade)) return to;
  throw new NppesError(
    'RedirectRefused',
    `${from.href} redirects to ${to?.origin ?? 'an invalid address'}. The redirect was not followed, because it leaves the host.`,
  );
}
