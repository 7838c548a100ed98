/** Bytes after invalid UTF-8 was replaced. */
export interface Repaired {
  readonly bytes: Buffer;
  /** Number of sequences that became U+FFFD. A U+FFFD that was already in the file does not count. */
  readonly replacedCount: number;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Replaces each sequence that is not UTF-8 with U+FFFD, as TextDecoder does. Pass complete records only: their delimiters
 * are ASCII, so no sequence crosses them, and repairing a file record by record gives the same bytes as repairing it whole.
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
