import type { Readable } from 'node:stream';
import type { NppesErrorCode } from '../errors.ts';

/** What is asked of a web server, or of this host's files. */
export interface Ask {
  readonly url: string;
  readonly signal: AbortSignal;
  /** What to call it when no answer comes. */
  readonly failure: NppesErrorCode;
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly statusCode: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
}

/** One header of an answer; the first where it was sent twice. */
export function header(answer: Answer, name: string): string | undefined {
  const found = answer.headers[name];
  return Array.isArray(found) ? found[0] : found;
}

// RFC 9110 sets no limit; CMS's have 40 characters, and one that is longer than the ledger's column tells nothing.
const etagMaxLength = 200;

/** The ETag, absent when the server sends none or one that is longer than anybody's. */
export function etagOf(answer: Answer): string | undefined {
  const found = header(answer, 'etag');
  return found !== undefined && found.length <= etagMaxLength ? found : undefined;
}

/** `Content-Length` as a number, absent when the server does not say. */
export function contentLength(answer: Answer): number | undefined {
  const found = header(answer, 'content-length');
  return found !== undefined && /^\d+$/.test(found) ? Number(found) : undefined;
}

/** The code of a network error, or its message where it has none. */
export function reason(error: unknown): string {
  const { code, message } = error as Partial<NodeJS.ErrnoException>;
  return code ?? message ?? String(error);
}
