import { posix } from 'node:path';
import { NppesError } from '../errors.ts';
import { readSharedStrings, readSheetRows, type SheetRow } from './sheet.ts';
import { readXml } from './xml.ts';
import type { Member, OpenZip } from '../transfer/zip.ts';

/** The first sheet of a workbook. */
export interface Sheet {
  /** Size of the sheet's XML. */
  readonly sizeBytes: number;
  /**
   * The rows that contain text, some at a time, with the number of XML bytes read so far.
   * @throws NppesError FileDamaged when the XML is broken or refers to a text that the workbook does not have
   */
  rows(): AsyncGenerator<{ readonly rows: readonly SheetRow[]; readonly readBytes: number }>;
}

type Package = Pick<OpenZip, 'members'>;

interface Relationship {
  readonly id: string;
  /** The last part of its type: `officeDocument`, `worksheet`, `sharedStrings`. */
  readonly kind: string;
  /** Name of the member. */
  readonly target: string;
}

/** The shared texts stay in memory while a sheet is read. Those of 355,000 NPIs take 10 MB. */
const sharedMaxBytes = 64 << 20;

/**
 * Opens the first sheet of an .xlsx and reads the shared texts. The workbook says which members these are, because every
 * writer chooses its own names.
 * @throws NppesError FileDamaged when a part of the workbook is missing or broken
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
    `${part.name} has ${part.sizeBytes} bytes. The texts of a list of NPIs have at most ${sharedMaxBytes}.`,
  );
}

function member({ members }: Package, wanted: string | undefined, what: string): Member {
  const found = members.find(({ name }) => name === wanted);
  if (found) return found;
  const names = members.map(({ name }) => name).join(', ') || 'nothing';
  throw new NppesError('FileDamaged', `The .xlsx has no ${wanted ?? what}. It contains ${names}.`);
}

async function firstSheetId(workbook: Member): Promise<string | undefined> {
  let sheetId: string | undefined;
  const open = (name: string, attributes: Readonly<Record<string, string>>) => {
    if (name !== 'sheet') return;
    // Usually `r:id`, but every writer chooses its own prefix.
    sheetId ??= Object.entries(attributes).find(([key]) => key.endsWith(':id'))?.[1];
  };
  await readThrough(workbook, open);
  return sheetId;
}

/** The relationships of a member; with an empty name, those of the package itself. */
async function relationships(xlsx: Package, of: string): Promise<readonly Relationship[]> {
  const folder = posix.dirname(of);
  const list = member(xlsx, posix.join(folder, '_rels', `${posix.basename(of)}.rels`), 'relationships');
  const found: Relationship[] = [];
  await readThrough(list, (name, { Id: id = '', Type: type = '', Target: target = '' }) => {
    if (name !== 'Relationship') return;
    // A target is relative to the member's folder, or to the package if it starts with a slash.
    found.push({ id, kind: posix.basename(type), target: posix.resolve('/', folder, target).slice(1) });
  });
  return found;
}

async function readThrough(part: Member, open: Parameters<typeof readXml>[1]['open']): Promise<void> {
  for await (const _ of readXml(part, { open }));
}
