import { pipeline, type Duplex } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { NppesError, type NppesErrorCode } from '../errors.ts';
import { header } from './headers.ts';
import type { SourceResponse } from './request.ts';

const decoders: Readonly<Record<string, () => Duplex>> = {
  gzip: createUnzip,
  'x-gzip': createUnzip,
  deflate: createUnzip,
  br: createBrotliDecompress,
};

/**
 * The response with its body as the server stores it. We ask for `identity`, but some servers and proxies compress all the
 * same. The length of a compressed body says nothing about the content, so it is dropped. A part of a compressed body
 * (status 206) cannot be decoded and stays as it is.
 * @throws NppesError `failure` when the encoding is not gzip, deflate or br
 */
export function decoded(url: string, response: SourceResponse, failure: NppesErrorCode): SourceResponse {
  const encodings = encodingsOf(response);
  if (encodings.length === 0 || response.statusCode === 206) return response;
  const { 'content-length': _compressed, ...headers } = response.headers;
  let { body } = response;
  for (const encoding of encodings.reverse()) {
    const create = decoders[encoding];
    if (create === undefined) {
      body.destroy();
      throw new NppesError(
        failure,
        `${url} is sent with the content encoding ${encoding}, which is not supported.`,
      );
    }
    // `pipeline` passes on the errors of the body, and closes the body when nobody reads any more.
    body = pipeline(body, create(), () => undefined);
  }
  return { ...response, headers, body };
}

/** The encodings of a body in the order in which the server applied them; none for a body that is sent as it is. */
export function encodingsOf({ headers }: SourceResponse): string[] {
  return (header(headers, 'content-encoding') ?? '')
    .split(',')
    .map((encoding) => encoding.trim().toLowerCase())
    .filter((encoding) => encoding !== '' && encoding !== 'identity');
}
