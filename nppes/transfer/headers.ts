import type { ResponseHeaders } from './request.ts';

/** The value of one header; the first value if the server sent the header twice. */
export function header(headers: ResponseHeaders, name: string): string | undefined {
  const found = headers[name];
  return Array.isArray(found) ? found[0] : found;
}

// RFC 9110 sets no limit. The ETags of CMS have 40 characters; a longer one than this does not fit the ledger's column.
const etagMaxLength = 200;

/** The ETag; undefined when the server sends none, or one that is too long to keep. */
export function etagOf(headers: ResponseHeaders): string | undefined {
  const found = header(headers, 'etag');
  return found !== undefined && found.length <= etagMaxLength ? found : undefined;
}

/** `Content-Length` as a number; undefined when the server does not send it. */
export function contentLength(headers: ResponseHeaders): number | undefined {
  const found = header(headers, 'content-length');
  return found !== undefined && /^\d+$/.test(found) ? Number(found) : undefined;
}
