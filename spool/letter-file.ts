import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncFolder } from '../nppes/durable.ts';
import { readFully } from './read-fully.ts';
import type { LetterLines } from './search-lines.ts';

/** Where the letters of one range are: the bytes and rows of each letter, one after another from `offset` in a file. */
interface LetterPlaces {
  readonly range: number;
  readonly file: string;
  readonly offset: number;
  readonly lengths: readonly number[];
  readonly rows: readonly number[];
}

/** Search rows by letter on this host's disk. They are collected range by range, because a letter is loaded as a whole. */
export interface LetterFile {
  has(range: number): boolean;
  /**
   * Adds the letters of one range, always the same number of letters, and puts them on disk. Does nothing if the file has the
   * range already.
   */
  append(range: number, letters: readonly LetterLines[]): Promise<void>;
  /** The number of rows of a letter in all ranges. */
  rows(letter: number): number;
  /** The lines of a letter in the order of the ranges. */
  lines(letter: number): AsyncGenerator<Buffer>;
  close(): Promise<void>;
}

/**
 * Opens the letters in a folder, including those of earlier attempts. An index entry that was cut off is ignored. Each attempt
 * writes its own file: an older attempt that still runs must not change the offsets of the next one.
 */
export async function openLetterFile(folder: string, attempt: number): Promise<LetterFile> {
  await makeFolder(folder);
  const places = new Map<number, LetterPlaces>();
  for (const entry of await readIndex(join(folder, indexName))) places.set(entry.range, entry);
  const own = `letters-${attempt}.rows`;
  const files = fileOpener(folder);
  let end = (await (await files.open(own)).stat()).size;
  await files.open(indexName);
  await syncFolder(folder);
  let appending: Promise<void> = Promise.resolve();
  const write = async (entry: LetterPlaces, parts: readonly Buffer[]) => {
    const file = await files.open(own);
    for (const part of parts) if (part.length > 0) await file.appendFile(part);
    // In this order, so that no power loss leaves an entry without its rows.
    await file.sync();
    const index = await files.open(indexName);
    // Line breaks on both sides: a power loss can leave zeros after an entry, and a kill can leave half of one before it.
    await index.appendFile(`\n${JSON.stringify(entry)}\n`);
    await index.sync();
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
      // One after another, because the offsets were assigned in this order.
      const parts = letters.map(({ tsv }) => tsv);
      appending = appending.then(() => write(entry, parts));
      await appending;
    },
    rows: (letter) => inOrder().reduce((sum, { rows }) => sum + (rows[letter] ?? 0), 0),
    lines: (letter) => linesOf(files.open, inOrder(), letter),
    close: () => files.close(),
  };
}

const indexName = 'letters.index';

/** Opens each file of a folder once, and keeps it open until `close`. */
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
      // An attempt was killed while it wrote this entry.
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
    await readFully(file, tsv, start, `The file of search rows ${name} is shorter than its index says.`);
    if (tsv.length > 0) yield tsv;
  }
}
