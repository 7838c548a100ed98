import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { NppesErrorCode } from '../errors.ts';
import { requestFromServer } from './http.ts';
import { requestFromDisk } from './local-files.ts';

/** What every request needs from its caller. */
export interface Caller {
  readonly signal: AbortSignal;
  /** Sends the request, for example through a proxy; absent: it goes straight to the server. */
  readonly dispatcher?: Dispatcher | undefined;
}

/** A request to a web server, or for a file or folder on this host. */
export interface SourceRequest extends Caller {
  readonly url: string;
  /** The code of the error that is thrown when there is no response. */
  readonly failure: NppesErrorCode;
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SourceResponse {
  readonly statusCode: number;
  readonly headers: ResponseHeaders;
  readonly body: Readable;
}

/** Names are in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Sends a request to the web server; for a `file:` address this host's disk responds. The caller reads or destroys the body.
 * @throws NppesError RedirectRefused, ReleaseUnavailable, or `failure` when there is no response; the signal's reason.
 */
export function request(source: SourceRequest): Promise<SourceResponse> {
  const isOnDisk = new URL(source.url).protocol === 'file:';
  return isOnDisk ? requestFromDisk(source) : requestFromServer(source);
}
