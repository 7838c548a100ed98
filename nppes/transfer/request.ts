import type { Readable } from 'node:stream';
import type { NppesErrorCode } from '../errors.ts';
import { requestFromServer } from './http.ts';
import { requestFromDisk } from './local-files.ts';

/** A request to a web server, or for a file or folder on this host. */
export interface SourceRequest {
  readonly url: string;
  readonly signal: AbortSignal;
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
