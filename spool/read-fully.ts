import type { FileHandle } from 'node:fs/promises';

/** Fills `into` with the bytes of a file from `start` on. @throws an error with the text `ifShorter` when the file ends before */
export async function readFully(
  file: FileHandle,
  into: Buffer,
  start: number,
  ifShorter: string,
): Promise<void> {
  for (let at = 0; at < into.length;) {
    const { bytesRead } = await file.read(into, at, into.length - at, start + at);
    if (bytesRead === 0) throw new Error(ifShorter);
    at += bytesRead;
  }
}
