import { isUtf8 } from 'node:buffer';
import { Transform } from 'node:stream';

/**
 * Valid UTF-8 passes as it is; each sequence that is none becomes U+FFFD, as TextDecoder does it. `onBytes` is told
 * of every chunk: how many bytes came in, and how many sequences were replaced.
 */
export function utf8Repair(onBytes: (bytes: number, replacedCount: number) => void): Transform {
  let rest: Buffer = Buffer.alloc(0);
  const repaired = (bytes: Buffer): Buffer => {
    const text = isUtf8(bytes) ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    onBytes(bytes.length, text === undefined ? 0 : countReplacements(text) - countLiteral(bytes));
    return text === undefined ? bytes : Buffer.from(text);
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const end = wholeLength(bytes);
      rest = bytes.subarray(end);
      done(null, repaired(bytes.subarray(0, end)));
    },
    flush(done) {
      done(null, repaired(rest));
    },
  });
}

/** How many bytes remain when a character that the next chunk may finish is held back: at most three. */
function wholeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function countReplacements(text: string): number {
  return text.split('\uFFFD').length - 1;
}

function countLiteral(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf('\uFFFD'); at !== -1; at = bytes.indexOf('\uFFFD', at + 3)) count++;
  return count;
}
