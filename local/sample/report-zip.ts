import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';

/** One line of a deactivation report; the date is MM/DD/YYYY, as CMS writes it. */
export interface ReportEntry {
  readonly npi: string;
  readonly date: string;
}

const compressed = { compressionLevel: 1, mtime: new Date(Date.UTC(2026, 0, 1)) };

/** Writes a deactivation report as CMS does. `day` is MMDDYY. The file appears at `path` only when it is complete. */
export async function writeReportZip(
  path: string,
  day: string,
  entries: Iterable<ReportEntry>,
): Promise<void> {
  const zip = new ZipFile();
  const iso = `20${day.slice(4)}${day.slice(0, 4)}`;
  zip.addBuffer(
    await zipped(reportMembers(iso, entries)),
    `NPPES Deactivated NPI Report ${iso}.xlsx`,
    compressed,
  );
  zip.end();
  const unfinished = `${path}.unfinished`;
  await pipeline(zip.outputStream, createWriteStream(unfinished));
  await rename(unfinished, path);
}

/** A zip of these members in memory. The same members give the same bytes. */
export function zipped(members: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(members))
    zip.addBuffer(Buffer.from(content as string), name, compressed);
  zip.end();
  return buffer(zip.outputStream);
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const schemas = 'http://schemas.openxmlformats.org';
const main = `${schemas}/spreadsheetml/2006/main`;
const ofDocument = `${schemas}/officeDocument/2006/relationships`;

/** The members of a workbook with one sheet, as in CMS's report, made of the sheet's XML and its shared texts. */
export function workbookMembers(sheet: string, texts: readonly string[]): Readonly<Record<string, string>> {
  return {
    '[Content_Types].xml':
      `${declaration}<Types xmlns="${schemas}/package/2006/content-types">` +
      '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
      '<Default Extension="xml" ContentType="application/xml"/></Types>',
    '_rels/.rels': relationships([['rId1', 'officeDocument', 'xl/workbook.xml']]),
    'xl/sharedStrings.xml': `${declaration}<sst xmlns="${main}">${texts.map((text) => `<si>${text}</si>`).join('')}</sst>`,
    'xl/workbook.xml':
      `${declaration}<workbook xmlns="${main}" xmlns:r="${ofDocument}"><sheets>` +
      '<sheet name="DeactivatedNPIs" r:id="rId3" sheetId="1"/></sheets></workbook>',
    'xl/_rels/workbook.xml.rels': relationships([
      ['rId1', 'sharedStrings', 'sharedStrings.xml'],
      ['rId3', 'worksheet', 'worksheets/sheet1.xml'],
    ]),
    'xl/worksheets/sheet1.xml': `${declaration}<worksheet xmlns="${main}"><sheetData>${sheet}</sheetData></worksheet>`,
  };
}

function relationships(list: readonly (readonly [id: string, kind: string, target: string])[]): string {
  const items = list.map(
    ([id, kind, target]) => `<Relationship Id="${id}" Type="${ofDocument}/${kind}" Target="${target}"/>`,
  );
  return `${declaration}<Relationships xmlns="${schemas}/package/2006/relationships">${items.join('')}</Relationships>`;
}

/** A title, a header and the entries. All texts are shared, so that each date is stored once. */
function reportMembers(isoDay: string, entries: Iterable<ReportEntry>): Readonly<Record<string, string>> {
  const shared = new Map<string, number>();
  const cell = (place: string, text: string) => {
    const index = shared.get(text) ?? shared.size;
    shared.set(text, index);
    return `<c r="${place}" t="s"><v>${index}</v></c>`;
  };
  const rows = [
    `<row r="1">${cell('A1', `NPPES Deactivated Records as of ${isoDay}`)}</row>`,
    `<row r="2">${cell('A2', 'NPI')}${cell('B2', 'NPPES Deactivation Date')}</row>`,
  ];
  for (const { npi, date } of entries) {
    const number = rows.length + 1;
    rows.push(`<row r="${number}">${cell(`A${number}`, npi)}${cell(`B${number}`, date)}</row>`);
  }
  return workbookMembers(
    rows.join(''),
    Array.from(shared.keys(), (text) => `<t>${text}</t>`),
  );
}
