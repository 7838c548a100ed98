/** Bytes that are not UTF-8, made good. */
export interface Repaired {
  readonly bytes: Buffer;
  /** Sequences that became U+FFFD; one that was there already does not count. */
  readonly replacedCount: number;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Each sequence that is not UTF-8 becomes U+FFFD, as TextDecoder does it. Whole records only: their borders are ASCII,
 * so no sequence crosses them, and a file repaired record by record is the file repaired at once.
 */
export function repairUtf8(bytes: Buffer): Repaired {
  const text = decoder.decode(bytes);
  return { bytes: Buffer.from(text), replacedCount: countReplacements(text) - countLiteral(bytes) };
}

function countReplacements(text: string): number {
  return text.split('\uFFFD').length - 1;
}

function countLiteral(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf('\uFFFD'); at !== -1; at = bytes.indexOf('\uFFFD', at + 3)) count++;
  return count;
}
