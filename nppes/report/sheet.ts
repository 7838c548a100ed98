import { NppesError } from '../errors.ts';
import { readXml, type XmlAttributes } from './xml.ts';
import type { Member } from '../transfer/zip.ts';

/** A row of a sheet that contains text. */
export interface SheetRow {
  /** The row number that a spreadsheet shows, from 1. */
  readonly number: number;
  /** Texts by column; column A has index 0. A cell without text is undefined or empty. */
  readonly cells: readonly (string | undefined)[];
}

/** The shared texts of a workbook, in order. The runs of a formatted text are joined. */
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

/** Reads a sheet from its first byte. The caller may keep the rows: they are not reused. */
export async function* readSheetRows(
  part: Member,
  shared: readonly string[],
): AsyncGenerator<{ readonly rows: readonly SheetRow[]; readonly readBytes: number }> {
  const reader = new SheetReader(part.name, shared);
  for await (const readBytes of readXml(part, reader)) yield { rows: reader.take(), readBytes };
}

/** Collects the text inside the given elements, without phonetic guides (`rPh`). */
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

  /** The rows that were completed since the last call. */
  take(): readonly SheetRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  // A row or a cell may omit its place; then it follows the previous one.
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
    // A number may be written with an exponent or a decimal point.
    if (this.#type === 'n') return String(Number(text));
    if (this.#type !== 's') return text;
    const value = this.#shared[Number(text)];
    if (value !== undefined) return value;
    throw new NppesError(
      'FileDamaged',
      `${this.#name}, row ${this.#number}: a cell refers to a shared text that does not exist (the workbook has ${this.#shared.length}).`,
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
