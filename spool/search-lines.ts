import type { LinePlace } from './range-rows.ts';

/** Which columns of a provider a search row takes, by their positions among the wanted columns. */
export interface SearchShape {
  readonly columns: ReadonlyArray<{ readonly place: number; readonly maxLength: number }>;
  /** Position of the name that decides the letter. */
  readonly namePlace: number;
}

/** The search rows of a range, ready for LOAD DATA, in the order of their NPIs. */
export interface SearchLines {
  /** All rows: the NPI and the columns of the shape. Valid until the collector gets the next line. */
  readonly all: Buffer;
  readonly rows: number;
  /** The same rows by letter, a to z. A name that does not begin with a letter is in `a`; a row without a name is in none. */
  readonly byLetter: readonly LetterLines[];
}

export interface LetterLines {
  readonly tsv: Buffer;
  readonly rows: number;
}

const [tab, newline, quote, space] = [0x09, 0x0a, 0x22, 0x20];
const isBlank = (byte: number) => byte <= space || byte === 0x7f;
const letterCount = 26;
const noLetter = 255;

/** Builds search rows directly from the bytes of provider lines. It is reused for range after range, with its memory. */
export interface SearchCollector {
  /**
   * Adds the line of a provider. Returns false when the bytes alone do not decide the row: a field is enclosed in quotes, a
   * value may be longer than its column, or only the database's collation knows the letter of the name's first character.
   */
  add(line: LinePlace): boolean;
  /** The rows since the last call. */
  finish(): SearchLines;
}

export function searchCollector({ columns, namePlace }: SearchShape): SearchCollector {
  const placeCount = Math.max(...columns.map(({ place }) => place)) + 1;
  const starts = new Uint32Array(placeCount + 1);
  let out: Buffer = Buffer.allocUnsafeSlow(1 << 20);
  let used = 0;
  let ends = new Uint32Array(1 << 12);
  let letters = new Uint8Array(1 << 12);
  let rows = 0;

  function reserve(bytes: number): void {
    if (used + bytes > out.length) out = grown(out, Math.max(2 * out.length, used + bytes));
    if (rows < ends.length) return;
    const [moreEnds, moreLetters] = [new Uint32Array(2 * rows), new Uint8Array(2 * rows)];
    moreEnds.set(ends);
    moreLetters.set(letters);
    [ends, letters] = [moreEnds, moreLetters];
  }

  function copy(line: Buffer, start: number, end: number): void {
    for (let at = start; at < end; at++) out[used++] = line[at] as number;
  }

  return {
    add({ bytes: line, start, end }) {
      if (!findFields(line, start, starts)) return false;
      const startOf = (place: number) => starts[place] as number;
      const endOf = (place: number) => (starts[place + 1] as number) - 1;
      if (columns.some(({ place, maxLength }) => endOf(place) - startOf(place) > maxLength)) return false;
      const letter = letterOf(line, startOf(namePlace), endOf(namePlace));
      if (letter === undefined) return false;
      reserve(end - start);
      copy(line, startOf(0), endOf(0));
      for (const { place } of columns) {
        out[used++] = tab;
        copy(line, startOf(place), endOf(place));
      }
      out[used++] = newline;
      ends[rows] = used;
      letters[rows++] = letter;
      return true;
    },
    finish() {
      const found = { all: out.subarray(0, used), rows, byLetter: groupByLetter(out, ends, letters, rows) };
      [used, rows] = [0, 0];
      return found;
    },
  };
}

/** Fills `starts` with the offsets of the first fields. Returns false when one of them is enclosed in quotes. */
function findFields(line: Buffer, start: number, starts: Uint32Array): boolean {
  let place = 1;
  starts[0] = start;
  for (let at = start; place < starts.length; at++) {
    const byte = line[at];
    if (byte === quote || byte === undefined) return false;
    if (byte === tab || byte === newline) starts[place++] = at + 1;
  }
  return true;
}

/** The letter by contract rule 8, for ASCII only: of the first visible character, as `visible` in db/registry/search.ts. */
function letterOf(line: Buffer, start: number, end: number): number | undefined {
  let at = start;
  while (at < end && isBlank(line[at] as number)) at++;
  if (at === end) return noLetter;
  const byte = line[at] as number;
  if (byte >= 0x80) return undefined;
  const lower = (byte | 0x20) - 0x61;
  return lower >= 0 && lower < letterCount ? lower : 0;
}

function groupByLetter(
  bytes: Buffer,
  ends: Uint32Array,
  letters: Uint8Array,
  rows: number,
): readonly LetterLines[] {
  const [lengths, counts, filled] = [zeros(), zeros(), zeros()];
  const forEachRow = (visit: (letter: number, start: number, end: number) => void) => {
    for (let i = 0; i < rows; i++) {
      const letter = letters[i] as number;
      if (letter !== noLetter) visit(letter, i === 0 ? 0 : (ends[i - 1] as number), ends[i] as number);
    }
  };
  forEachRow((letter, start, end) => {
    lengths[letter] = (lengths[letter] as number) + end - start;
    counts[letter] = (counts[letter] as number) + 1;
  });
  const buffers = Array.from(lengths, (length) => Buffer.allocUnsafe(length));
  forEachRow((letter, start, end) => {
    bytes.copy(buffers[letter] as Buffer, filled[letter], start, end);
    filled[letter] = (filled[letter] as number) + end - start;
  });
  return buffers.map((tsv, letter) => ({ tsv, rows: counts[letter] as number }));
}

const zeros = () => new Uint32Array(letterCount);

function grown(buffer: Buffer, bytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(bytes);
  buffer.copy(larger);
  return larger;
}
