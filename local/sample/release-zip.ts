import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { sampleHeader } from './provider.ts';

/** A release to write; `range` is YYYYMMDD-YYYYMMDD, as in the names of its members. */
export interface SampleRelease {
  readonly range: string;
  readonly lines: Iterable<string>;
  /** Receives the number of rows so far, for a progress display. */
  readonly onRows?: (rows: number) => void;
  /** Stops the writing. */
  readonly signal?: AbortSignal;
}

// The headers of the other members of a zip (CMS, 2026). They have no rows here, because nothing loads them yet.
const referenceHeaders = {
  othername: [
    'NPI',
    'Provider Other Organization Name',
    'Provider Other Organization Name Type Code',
    'Created Date',
  ],
  pl: [
    'NPI',
    'Provider Secondary Practice Location Address- Address Line 1',
    // The double space is CMS's own.
    'Provider Secondary Practice Location Address-  Address Line 2',
    'Provider Secondary Practice Location Address - City Name',
    'Provider Secondary Practice Location Address - State Name',
    'Provider Secondary Practice Location Address - Postal Code',
    'Provider Secondary Practice Location Address - Country Code (If outside U.S.)',
    'Provider Secondary Practice Location Address - Telephone Number',
    'Provider Secondary Practice Location Address - Telephone Extension',
    'Provider Practice Location Address - Fax Number',
  ],
  endpoint: [
    'NPI',
    'Endpoint Type',
    'Endpoint Type Description',
    'Endpoint',
    'Affiliation',
    'Endpoint Description',
    'Affiliation Legal Business Name',
    'Use Code',
    'Use Description',
    'Other Use Description',
    'Content Type',
    'Content Description',
    'Other Content Description',
    'Affiliation Address Line One',
    'Affiliation Address Line Two',
    'Affiliation Address City',
    'Affiliation Address State',
    'Affiliation Address Country',
    'Affiliation Address Postal Code',
  ],
} as const;

const documents = ['NPPES_Data_Dissemination_CodeValues.pdf', 'NPPES_Data_Dissemination_Readme_v.2.pdf'];
const emptyPdf =
  '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
  '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n';

// Level 1, because a generated release is read only once or twice; it packs a million rows in half a minute.
const compressed = { compressionLevel: 1, mtime: new Date(Date.UTC(2026, 0, 1)) };

/** Writes a release with every member of a real zip. The file appears at `path` only when it is complete. */
export async function writeReleaseZip(
  path: string,
  { range, lines, onRows, signal }: SampleRelease,
): Promise<void> {
  const zip = new ZipFile();
  const csv = Readable.from(chunks(lines, onRows), { objectMode: false, highWaterMark: 1 << 20 });
  zip.addReadStream(csv, `npidata_pfile_${range}.csv`, compressed);
  zip.addBuffer(Buffer.from(sampleHeader), `npidata_pfile_${range}_fileheader.csv`, compressed);
  for (const [name, columns] of Object.entries(referenceHeaders)) {
    const header = Buffer.from(`${columns.map((column) => `"${column}"`).join(',')}\n`);
    zip.addBuffer(header, `${name}_pfile_${range}.csv`, compressed);
    zip.addBuffer(header, `${name}_pfile_${range}_fileheader.csv`, compressed);
  }
  for (const name of documents) zip.addBuffer(Buffer.from(emptyPdf), name, compressed);
  zip.end();
  const unfinished = `${path}.unfinished`;
  await pipeline(zip.outputStream, createWriteStream(unfinished), { ...(signal && { signal }) });
  await rename(unfinished, path);
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
