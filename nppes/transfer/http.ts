import { Agent, request as send } from 'undici';
import { header, reason, type Answer, type Ask } from './request.ts';
import { NppesError } from '../errors.ts';

// The version is that of package.json: download.test.ts "names us" holds it to that.
const userAgent = 'surgicase-pipelines/0.1.0 (NPPES loader)';
const redirectMax = 5;
const agent = new Agent({ connect: { timeout: 10_000 }, headersTimeout: 30_000, bodyTimeout: 60_000 });

/**
 * Asks a web server, following redirects within the host, where http may become https and never the reverse.
 * The caller reads or destroys the body; 10 s to connect, 30 s to the headers, 60 s of silence in the body.
 * @throws NppesError RedirectRefused, or `failure` when the server cannot be reached; the signal's reason.
 */
export async function askServer({
  url,
  signal,
  failure,
  method = 'GET',
  headers = {},
}: Ask): Promise<Answer> {
  let place = new URL(url);
  for (let redirectCount = 0; redirectCount <= redirectMax; redirectCount += 1) {
    const answer = await send(place, {
      method,
      signal,
      dispatcher: agent,
      headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...headers },
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new NppesError(failure, `${place.href} cannot be reached: ${reason(error)}.`, { cause: error });
    });
    // undici reports a body that is left unread as an error event, which would end the process; a reader gets its own.
    answer.body.on('error', () => undefined);
    const location = header(answer, 'location');
    if (answer.statusCode < 300 || answer.statusCode >= 400 || location === undefined) return answer;
    answer.body.destroy();
    place = redirected(place, location);
  }
  throw new NppesError('RedirectRefused', `${url} redirects more than ${redirectMax} times.`);
}

function redirected(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isUpgrade = from.protocol === 'http:' && to?.protocol === 'https:' && to.hostname === from.hostname;
  if (to !== undefined && (to.origin === from.origin || isUpgrade)) return to;
  throw new NppesError(
    'RedirectRefused',
    `${from.href} redirects to ${to?.origin ?? 'no address'}; not followed.`,
  );
}
