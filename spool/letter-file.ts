import { appendFile, mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { LetterLines } from './search-lines.ts';

/** Where the letters of one range stand: bytes and rows of each, one after the other from `offset` of a file. */
interface LetterPlaces {
  readonly range: number;
  readonly file: string;
  readonly offset: number;
  readonly lengths: readonly number[];
  readonly rows: readonly number[];
}

/** Search rows by letter on this host's disk, range by range, until all ranges are there and a letter is loaded whole. */
export interface LetterFile {
  has(range: number): boolean;
  /** `letters`: the same number each time, of one range. A range that is there already stays. */
  append(range: number, letters: readonly LetterLines[]): Promise<void>;
  /** Rows of a letter, over all ranges. */
  rows(letter: number): number;
  /** The lines of a letter in the order of the ranges. */
  lines(letter: number): AsyncGenerator<Buffer>;
  close(): Promise<void>;
}

/**
 * Opens the letters of a folder with what earlier attempts have left in it; an entry that was cut off counts as none. Each
 * attempt writes a file of its own: one that lives on beside its successor must not move what the successor writes.
 */
export async function openLetterFile(folder: string, attempt: number): Promise<LetterFile> {
  await mkdir(folder, { recursive: true });
  const indexPath = join(folder, 'letters.index');
  const places = new Map<number, LetterPlaces>();
  for (const entry of await readIndex(indexPath)) places.set(entry.range, entry);
  const own = `letters-${attempt}.rows`;
  const files = fileOpener(folder);
  let end = (await (await files.open(own)).stat()).size;
  let appending: Promise<void> = Promise.resolve();
  const write = async (entry: LetterPlaces, parts: readonly Buffer[]) => {
    const file = await files.open(own);
    for (const part of parts) if (part.length > 0) await file.appendFile(part);
    await appendFile(indexPath, `\n${JSON.stringify(entry)}`);
    places.set(entry.range, entry);
  };
  const inOrder = () => Array.from(places.values()).sort((a, b) => a.range - b.range);
  return {
    has: (range) => places.has(range),
    async append(range, letters) {
      if (places.has(range)) return;
      const lengths = letters.map(({ tsv }) => tsv.length);
      const entry = { range, file: own, offset: end, lengths, rows: letters.map(({ rows }) => rows) };
      end = endOf(entry);
      // One after the other: the offsets are given out in this order.
      const parts = letters.map(({ tsv }) => tsv);
      appending = appending.then(() => write(entry, parts));
      await appending;
    },
    rows: (letter) => inOrder().reduce((sum, { rows }) => sum + (rows[letter] ?? 0), 0),
    lines: (letter) => linesOf(files.open, inOrder(), letter),
    close: () => files.close(),
  };
}

/** Files of a folder, each opened once, for as long as they are needed. */
function fileOpener(folder: string) {
  const opened = new Map<string, Promise<FileHandle>>();
  return {
    open(name: string): Promise<FileHandle> {
      const file = opened.get(name) ?? open(join(folder, name), 'a+');
      opened.set(name, file);
      return file;
    },
    async close(): Promise<void> {
      for (const file of opened.values()) await (await file).close();
    },
  };
}

const endOf = ({ offset, lengths }: LetterPlaces) => lengths.reduce((sum, length) => sum + length, offset);

async function readIndex(path: string): Promise<LetterPlaces[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '';
  });
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as LetterPlaces];
    } catch {
      // The last words of a killed attempt.
      return [];
    }
  });
}

async function* linesOf(
  openFile: (name: string) => Promise<FileHandle>,
  places: readonly LetterPlaces[],
  letter: number,
) {
  for (const { file: name, offset, lengths } of places) {
    const file = await openFile(name);
    const start = lengths.slice(0, letter).reduce((sum, length) => sum + length, offset);
    const tsv = Buffer.allocUnsafe(lengths[letter] ?? 0);
    for (let read = 0; read < tsv.length;) {
      const { bytesRead } = await file.read(tsv, read, tsv.length - read, start + read);
      if (bytesRead === 0) throw new Error('The file of search rows is shorter than its index says.');
      read += bytesRead;
    }
    if (tsv.length > 0) yield tsv;
  }
}
