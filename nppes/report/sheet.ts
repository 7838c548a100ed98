import { NppesError } from '../errors.ts';
import { readXml, type XmlAttributes } from './xml.ts';
import type { Member } from '../transfer/zip.ts';

/** A row of a sheet that holds any text. */
export interface SheetRow {
  /** As a spreadsheet shows it, from 1. */
  readonly number: number;
  /** Texts by column, from 0 for A; undefined or empty where there is none. */
  readonly cells: readonly (string | undefined)[];
}

/** The texts that the cells of a workbook share, in their order; the runs of a formatted text become one. */
export async function readSharedStrings(part: Member): Promise<readonly string[]> {
  const shared: string[] = [];
  const text = new TextOf('t');
  const visitor = {
    open(name: string) {
      if (name === 'si') text.clear();
      text.open(name);
    },
    text: (piece: string) => text.add(piece),
    close(name: string) {
      text.close(name);
      if (name === 'si') shared.push(text.value);
    },
  };
  for await (const _ of readXml(part, visitor));
  return shared;
}

/** Reads a sheet from its first byte; what it yields is not used again. */
export async function* readSheetRows(
  part: Member,
  shared: readonly string[],
): AsyncGenerator<{ readonly rows: readonly SheetRow[]; readonly readBytes: number }> {
  const reader = new SheetReader(part.name, shared);
  for await (const readBytes of readXml(part, reader)) yield { rows: reader.take(), readBytes };
}

/** Gathers what stands in some elements; what tells the pronunciation of a text (`rPh`) is none of it. */
class TextOf {
  value = '';
  readonly #elements: readonly string[];
  #isInside = false;
  #isPhonetic = false;

  constructor(...elements: readonly string[]) {
    this.#elements = elements;
  }

  clear(): void {
    this.value = '';
  }

  open(name: string): void {
    if (name === 'rPh') this.#isPhonetic = true;
    if (this.#elements.includes(name)) this.#isInside = !this.#isPhonetic;
  }

  add(piece: string): void {
    if (this.#isInside) this.value += piece;
  }

  close(name: string): void {
    if (name === 'rPh') this.#isPhonetic = false;
    if (this.#elements.includes(name)) this.#isInside = false;
  }
}

class SheetReader {
  readonly #name: string;
  readonly #shared: readonly string[];
  readonly #text = new TextOf('v', 't');
  #rows: SheetRow[] = [];
  #cells: (string | undefined)[] = [];
  #number = 0;
  #column = -1;
  #type = '';

  constructor(name: string, shared: readonly string[]) {
    this.#name = name;
    this.#shared = shared;
  }

  /** The rows that are complete since the last call. */
  take(): readonly SheetRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  // Row and cell may leave out where they stand: then they follow the one before.
  readonly open = (name: string, { r: place, t: type = 'n' }: XmlAttributes): void => {
    if (name === 'row') {
      this.#number = place === undefined ? this.#number + 1 : Number(place);
      this.#column = -1;
      this.#cells = [];
    } else if (name === 'c') {
      this.#column = place === undefined ? this.#column + 1 : columnOf(place);
      this.#type = type;
      this.#text.clear();
    } else this.#text.open(name);
  };

  readonly text = (piece: string): void => this.#text.add(piece);

  readonly close = (name: string): void => {
    if (name === 'c') this.#cells[this.#column] = this.#value(this.#text.value);
    else if (name === 'row' && this.#cells.some((cell) => cell !== undefined && cell !== ''))
      this.#rows.push({ number: this.#number, cells: this.#cells });
    else this.#text.close(name);
  };

  #value(text: string): string {
    if (text === '') return '';
    // A number may be written with an exponent or a point.
    if (this.#type === 'n') return String(Number(text));
    if (this.#type !== 's') return text;
    const value = this.#shared[Number(text)];
    if (value !== undefined) return value;
    throw new NppesError(
      'FileDamaged',
      `${this.#name}, row ${this.#number}: a cell names a text that is not among the workbook's ${this.#shared.length}.`,
    );
  }
}

/** `A1` -> 0, `AB7` -> 27. */
function columnOf(place: string): number {
  let column = 0;
  for (let at = 0; at < place.length; at++) {
    const letter = place.charCodeAt(at) - 64;
    if (letter < 1 || letter > 26) break;
    column = column * 26 + letter;
  }
  return column - 1;
}
