import { posix } from 'node:path';
import { NppesError } from '../errors.ts';
import { readSharedStrings, readSheetRows, type SheetRow } from './sheet.ts';
import { readXml } from './xml.ts';
import type { Member, OpenZip } from '../transfer/zip.ts';

/** The first sheet of a workbook. */
export interface Sheet {
  /** Of its XML. */
  readonly sizeBytes: number;
  /**
   * Its rows that hold any text, some at a time, beside the bytes of XML read so far.
   * @throws NppesError FileDamaged where its XML is broken or names a text that the workbook does not have
   */
  rows(): AsyncGenerator<{ readonly rows: readonly SheetRow[]; readonly readBytes: number }>;
}

type Package = Pick<OpenZip, 'members'>;

interface Relationship {
  readonly id: string;
  /** The last word of its type: `officeDocument`, `worksheet`, `sharedStrings`. */
  readonly kind: string;
  /** Name of the member. */
  readonly target: string;
}

/** Texts live in memory while a sheet is read; those of 355,000 NPIs take 10 MB. */
const sharedMaxBytes = 64 << 20;

/**
 * Opens the first sheet of an .xlsx and reads the texts that its cells share. Which members these are, the workbook
 * says: their names are the writer's own.
 * @throws NppesError FileDamaged where a part of the workbook is missing or broken
 */
export async function openFirstSheet(xlsx: Package): Promise<Sheet> {
  const workbookName = (await relationships(xlsx, '')).find(({ kind }) => kind === 'officeDocument')?.target;
  const workbook = member(xlsx, workbookName, 'a workbook');
  const [sheetId, parts] = [await firstSheetId(workbook), await relationships(xlsx, workbook.name)];
  const sheet = member(xlsx, parts.find(({ id }) => id === sheetId)?.target, 'a first sheet');
  const sharedName = parts.find(({ kind }) => kind === 'sharedStrings')?.target;
  const shared = sharedName === undefined ? [] : await sharedOf(member(xlsx, sharedName, 'shared texts'));
  return { sizeBytes: sheet.sizeBytes, rows: () => readSheetRows(sheet, shared) };
}

function sharedOf(part: Member): Promise<readonly string[]> {
  if (part.sizeBytes <= sharedMaxBytes) return readSharedStrings(part);
  throw new NppesError(
    'FileDamaged',
    `${part.name} has ${part.sizeBytes} bytes, more than texts of NPIs take.`,
  );
}

function member({ members }: Package, wanted: string | undefined, what: string): Member {
  const found = members.find(({ name }) => name === wanted);
  if (found) return found;
  const names = members.map(({ name }) => name).join(', ') || 'nothing';
  throw new NppesError('FileDamaged', `The .xlsx has no ${wanted ?? what}; it holds ${names}.`);
}

async function firstSheetId(workbook: Member): Promise<string | undefined> {
  let sheetId: string | undefined;
  const open = (name: string, attributes: Readonly<Record<string, string>>) => {
    if (name !== 'sheet') return;
    // `r:id` by custom; the prefix is the writer's choice.
    sheetId ??= Object.entries(attributes).find(([key]) => key.endsWith(':id'))?.[1];
  };
  await readThrough(workbook, open);
  return sheetId;
}

/** What a member of the package, or with an empty name the package itself, refers to. */
async function relationships(xlsx: Package, of: string): Promise<readonly Relationship[]> {
  const folder = posix.dirname(of);
  const list = member(xlsx, posix.join(folder, '_rels', `${posix.basename(of)}.rels`), 'relationships');
  const found: Relationship[] = [];
  await readThrough(list, (name, { Id: id = '', Type: type = '', Target: target = '' }) => {
    if (name !== 'Relationship') return;
    // A target is relative to the member's folder, or with a slash before it to the package.
    found.push({ id, kind: posix.basename(type), target: posix.resolve('/', folder, target).slice(1) });
  });
  return found;
}

async function readThrough(part: Member, open: Parameters<typeof readXml>[1]['open']): Promise<void> {
  for await (const _ of readXml(part, { open }));
}
