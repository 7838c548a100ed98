import { pipeline, Readable, Writable } from 'node:stream';
import { pipeline as piped } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { fromBuffer, open, type Entry, type ZipFile } from 'yauzl';
import { NppesError } from '../errors.ts';

/** A file inside a zip. */
export interface Member {
  readonly name: string;
  /** The uncompressed size. */
  readonly sizeBytes: number;
  /**
   * Streams the content from the first byte and inflates it on the way; nothing is unpacked to disk. The stream fails with
   * ZipDamaged when content, length or CRC-32 differ from the zip's directory.
   */
  open(): Promise<Readable>;
}

export interface OpenZip {
  readonly members: readonly Member[];
  close(): void;
}

const stored = 0;
const deflate = 8;
// zlib's default is 16 kB. Each chunk costs a turn of the event loop, and a monthly would have 700,000 chunks.
const chunkBytes = 256 << 10;

/**
 * Opens a zip on disk, zip64 included.
 * @throws NppesError NotAZip, ZipDamaged, UnsupportedCompression (Deflate64, as in April 2018, or encryption)
 */
export async function openZip(path: string): Promise<OpenZip> {
  return asOpenZip(await openFile(path), path);
}

/**
 * Opens a zip inside a zip, in memory; there is nothing to close. `name` is for messages.
 * @throws NppesError ZipDamaged, UnsupportedCompression
 */
export async function openZipBytes(bytes: Buffer, name: string): Promise<Pick<OpenZip, 'members'>> {
  const file = await new Promise<ZipFile>((resolve, reject) => {
    fromBuffer(bytes, { lazyEntries: true, autoClose: false }, (error, opened) => {
      if (error) reject(damaged(name, error));
      else resolve(opened);
    });
  });
  return asOpenZip(file, name);
}

async function asOpenZip(file: ZipFile, name: string): Promise<OpenZip> {
  try {
    const entries = await listEntries(file, name);
    const members = entries.map((entry) => ({
      name: entry.fileName,
      sizeBytes: entry.uncompressedSize,
      open: () => openMember(file, entry),
    }));
    return { members, close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * The member with the providers: `npidata_pfile_YYYYMMDD-YYYYMMDD.csv`, from 2008 to 2017 without `pfile_`; not the one that
 * ends in `_fileheader.csv`.
 * @throws NppesError MemberMissing, MemberAmbiguous
 */
export function npidataMember(zip: OpenZip): Member {
  return onlyMember(zip, /(^|\/)npidata_(pfile_)?\d{8}-\d{8}\.csv$/i, 'npidata_pfile_YYYYMMDD-YYYYMMDD.csv');
}

/**
 * The member with the rows of a reference file, such as `othername_pfile_YYYYMMDD-YYYYMMDD.csv`; undefined when the zip has
 * none.
 * @throws NppesError MemberAmbiguous
 */
export function referenceMember(zip: OpenZip, file: string): Member | undefined {
  const pattern = new RegExp(`(^|/)${file}_(pfile_)?\\d{8}-\\d{8}\\.csv$`, 'i');
  if (!zip.members.some(({ name }) => pattern.test(name))) return undefined;
  return onlyMember(zip, pattern, `${file}_pfile_YYYYMMDD-YYYYMMDD.csv`);
}

/**
 * The one member whose name matches. Nothing says which of two would be the right one.
 * @throws NppesError MemberMissing, MemberAmbiguous
 */
export function onlyMember({ members }: Pick<OpenZip, 'members'>, pattern: RegExp, wanted: string): Member {
  const [found, ...others] = members.filter(({ name }) => pattern.test(name));
  const names = (listed: readonly Member[]) => listed.map(({ name }) => name).join(', ') || 'nothing';
  if (!found)
    throw new NppesError('MemberMissing', `The zip has no ${wanted}. It contains ${names(members)}.`);
  if (others.length === 0) return found;
  throw new NppesError(
    'MemberAmbiguous',
    `The zip has ${1 + others.length} members that could be its ${wanted}: ${names([found, ...others])}.`,
  );
}

/**
 * Reads every member and compares its length and CRC-32 with the zip's directory.
 * @throws NppesError as `openZip`, and ZipDamaged for content that differs from the directory
 */
export async function testZip(path: string, signal: AbortSignal): Promise<void> {
  const file = await openFile(path);
  try {
    for (const entry of await listEntries(file, path)) {
      const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
      await piped(await openMember(file, entry), sink, { signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error instanceof NppesError ? error : damaged(`member ${entry.fileName}`, error);
      });
    }
  } finally {
    file.close();
  }
}

function openFile(path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    open(path, { lazyEntries: true, autoClose: false }, (error, file) => {
      if (!error) resolve(file);
      // Errors of the file system have a code; all others are about the zip.
      else reject('code' in error ? error : damaged('directory', error));
    });
  });
}

function listEntries(file: ZipFile, path: string): Promise<Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: Entry[] = [];
    file.on('entry', (entry: Entry) => {
      if (!entry.fileName.endsWith('/')) entries.push(entry);
      file.readEntry();
    });
    file.once('end', () => resolve(entries));
    file.once('error', (error: Error) => reject(damaged(path, error)));
    file.readEntry();
  });
}

function openMember(file: ZipFile, entry: Entry): Promise<Readable> {
  const method = entry.compressionMethod;
  if (entry.isEncrypted() || (method !== stored && method !== deflate)) {
    const what = entry.isEncrypted()
      ? 'encryption'
      : method === 9
        ? 'Deflate64'
        : `compression method ${method}`;
    throw new NppesError(
      'UnsupportedCompression',
      `Member ${entry.fileName} uses ${what}, which is not supported.`,
    );
  }
  return new Promise((resolve, reject) => {
    file.openReadStream(entry, { decodeFileData: false }, (error, raw) => {
      if (error) reject(damaged(`member ${entry.fileName}`, error));
      else resolve(Readable.from(checked(entry, inflated(entry, raw)), { objectMode: false }));
    });
  });
}

function inflated({ compressionMethod }: Entry, raw: Readable): Readable {
  if (compressionMethod === stored) return raw;
  const inflate = createInflateRaw({ chunkSize: chunkBytes });
  // `pipeline` passes on the errors of `raw`, and closes `raw` when nobody reads any more.
  pipeline(raw, inflate, () => undefined);
  return inflate;
}

async function* checked(entry: Entry, content: Readable): AsyncGenerator<Buffer> {
  const { fileName, uncompressedSize } = entry;
  let [length, crc] = [0, 0];
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > uncompressedSize) break;
      crc = crc32(chunk, crc);
      yield chunk;
    }
  } catch (error) {
    // Errors of zlib are about the content; all others are about the file system.
    throw isOfZlib(error) ? damaged(`member ${fileName}`, error) : error;
  }
  const fault =
    length === uncompressedSize
      ? crc !== entry.crc32 && 'the CRC-32 differs'
      : `there are ${length > uncompressedSize ? 'more' : 'fewer'} than ${uncompressedSize} bytes`;
  if (fault) throw damaged(`member ${fileName}`, new Error(fault));
}

function isOfZlib(error: unknown): boolean {
  return String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}

function damaged(what: string, cause: unknown): NppesError {
  return new NppesError('ZipDamaged', `The zip is damaged: ${what}: ${(cause as Error).message}.`, { cause });
}
