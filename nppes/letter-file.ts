import { appendFile, mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { LetterLines } from './search-lines.ts';

/** Where the letters of one range stand: bytes and rows of each, one after the other from `offset`. */
interface LetterPlaces {
  readonly range: number;
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

/** Opens the file of a folder with what an earlier attempt has left in it; an entry that was cut off counts as none. */
export async function openLetterFile(folder: string): Promise<LetterFile> {
  await mkdir(folder, { recursive: true });
  const indexPath = join(folder, 'letters.index');
  const places = new Map<number, LetterPlaces>();
  for (const entry of await readIndex(indexPath)) places.set(entry.range, entry);
  const file = await open(join(folder, 'letters.rows'), 'a+');
  let end = (await file.stat()).size;
  let appending: Promise<void> = Promise.resolve();
  const write = async (entry: LetterPlaces, bytes: Buffer) => {
    await file.appendFile(bytes);
    await appendFile(indexPath, `\n${JSON.stringify(entry)}`);
    places.set(entry.range, entry);
  };
  const inOrder = () => Array.from(places.values()).sort((a, b) => a.range - b.range);
  return {
    has: (range) => places.has(range),
    async append(range, letters) {
      if (places.has(range)) return;
      const lengths = letters.map(({ tsv }) => tsv.length);
      const entry = { range, offset: end, lengths, rows: letters.map(({ rows }) => rows) };
      end = endOf(entry);
      const bytes = Buffer.concat(letters.map(({ tsv }) => tsv));
      // One after the other: the offsets are given out in this order.
      appending = appending.then(() => write(entry, bytes));
      await appending;
    },
    rows: (letter) => inOrder().reduce((sum, { rows }) => sum + (rows[letter] ?? 0), 0),
    lines: (letter) => linesOf(file, inOrder(), letter),
    close: () => file.close(),
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

async function* linesOf(file: FileHandle, places: readonly LetterPlaces[], letter: number) {
  for (const { offset, lengths } of places) {
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
