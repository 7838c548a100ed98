import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { sampleHeader } from './provider.ts';
import { quotedLine, referenceHeaders, referenceLines, type ReferenceFile } from './reference.ts';

/** A release to write; `range` is YYYYMMDD-YYYYMMDD, as in the names of its members. */
export interface SampleRelease {
  readonly range: string;
  readonly lines: Iterable<string>;
  /** Gives the reference files rows of these providers; they stay in memory until the rows of the providers are written. */
  readonly hasReferences?: boolean;
  /** Receives the number of rows so far, for a progress display. */
  readonly onRows?: (rows: number) => void;
  /** Stops the writing. */
  readonly signal?: AbortSignal;
}

const documents = ['NPPES_Data_Dissemination_CodeValues.pdf', 'NPPES_Data_Dissemination_Readme_v.2.pdf'];
const emptyPdf =
  '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
  '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n';

// Level 1, because a generated release is read only once or twice; it packs a million rows in half a minute.
const compressed = { compressionLevel: 1, mtime: new Date(Date.UTC(2026, 0, 1)) };

/** Writes a release with every member of a real zip. The file appears at `path` only when it is complete. */
export async function writeReleaseZip(
  path: string,
  { range, lines, hasReferences = false, onRows, signal }: SampleRelease,
): Promise<void> {
  const zip = new ZipFile();
  const references: ReferenceRows = { othername: [], pl: [], endpoint: [] };
  const read = hasReferences ? collecting(lines, references) : lines;
  const csv = Readable.from(chunks(read, onRows), { objectMode: false, highWaterMark: 1 << 20 });
  zip.addReadStream(csv, `npidata_pfile_${range}.csv`, compressed);
  zip.addBuffer(Buffer.from(sampleHeader), `npidata_pfile_${range}_fileheader.csv`, compressed);
  for (const file of Object.keys(referenceHeaders) as ReferenceFile[]) {
    const header = quotedLine(referenceHeaders[file]);
    // The zip opens this stream after it has written the providers.
    zip.addReadStreamLazy(`${file}_pfile_${range}.csv`, compressed, (give) =>
      give(null, Readable.from([Buffer.from(header + references[file].join(''))], { objectMode: false })),
    );
    zip.addBuffer(Buffer.from(header), `${file}_pfile_${range}_fileheader.csv`, compressed);
  }
  for (const name of documents) zip.addBuffer(Buffer.from(emptyPdf), name, compressed);
  zip.end();
  const unfinished = `${path}.unfinished`;
  await pipeline(zip.outputStream, createWriteStream(unfinished), { ...(signal && { signal }) });
  await rename(unfinished, path);
}

type ReferenceRows = Readonly<Record<ReferenceFile, string[]>>;

/** Passes on the lines of the providers, and collects those of their reference files. */
function* collecting(lines: Iterable<string>, into: ReferenceRows): Generator<string> {
  for (const line of lines) {
    for (const [file, row] of referenceLines(line)) into[file].push(row);
    yield line;
  }
}

const linesPerChunk = 250;

/** Joins lines into buffers of some hundred kilobytes; passing on one buffer for each line would take most of the time. */
function* chunks(lines: Iterable<string>, onRows: SampleRelease['onRows']): Generator<Buffer> {
  let text = sampleHeader;
  let rows = 0;
  for (const line of lines) {
    text += line;
    rows += 1;
    if (rows % linesPerChunk !== 0) continue;
    yield Buffer.from(text);
    text = '';
    onRows?.(rows);
  }
  yield Buffer.from(text);
}
