import { npiCheckDigit } from '../../nppes/rows/npi.ts';
import type { RowSpec } from '../generated/release-zip.ts';

// The contract's rules 1 to 11 again, computed slowly and obviously, one provider after the other. Nothing
// here is copied from the SQL that it checks.

/** A record of a release. A malformed one has one field more than the header. */
export interface FileRow {
  readonly fields: RowSpec;
  readonly isBroken?: true;
}

/** A release as the model reads it. `periodEnd` is ISO. Entries of a deactivation report are stubs. */
export interface ModelRelease {
  readonly kind: 'weekly' | 'monthly' | 'deactivation';
  readonly periodEnd: string;
  readonly member: string;
  readonly rows: readonly FileRow[];
}

interface Provider {
  readonly table: 0 | 1 | 2;
  /** The fields that are not empty, by column name. */
  readonly fields: RowSpec;
  readonly dataRelease?: number;
  readonly deactivationRelease?: number;
}

interface Refused {
  readonly releaseId: number;
  readonly rowNumber: number;
  readonly reason: string;
  readonly npi: string;
}

/** Everything that releases leave behind: one line for each row, by table. */
export type Lines = ReadonlyMap<string, string>;

const kinds = ['weekly', 'monthly', 'deactivation'] as const;

/** Year, month, day, place of the kind among those of a day, first version. */
export function idOf({ kind, periodEnd }: ModelRelease): number {
  return Number(`${periodEnd.replaceAll('-', '')}${kinds.indexOf(kind)}001`);
}

/** `MM/DD/YYYY` as text that sorts; an empty date comes first. */
const sortable = (date = '') => date.slice(6) + date.slice(0, 2) + date.slice(3, 5);

/** The expected tables after these releases, in any order of arrival. */
export class Model {
  readonly #providers = new Map<string, Provider>();
  #refused: Refused[] = [];
  readonly #log = new Map<string, string>();

  constructor(releases: readonly ModelRelease[]) {
    for (const release of releases.toSorted((one, other) => idOf(one) - idOf(other))) this.#apply(release);
  }

  #apply(release: ModelRelease): void {
    const releaseId = idOf(release);
    const refused = release.rows.flatMap((row, i): Refused[] => {
      const reason = refusalOf(row);
      return reason === undefined
        ? []
        : [{ releaseId, rowNumber: i + 1, reason, npi: row.fields['NPI'] ?? '' }];
    });
    const sound = release.rows.filter((row) => refusalOf(row) === undefined).map(({ fields }) => fields);
    const winners = winnersOf(sound);
    if (release.kind === 'monthly')
      this.#removeAllBut(new Set([...winners.keys(), ...refused.map(({ npi }) => npi)]));
    for (const [npi, row] of winners)
      this.#providers.set(npi, merged(this.#providers.get(npi), row, release));
    this.#refused = [
      ...this.#refused.filter(({ npi }) => release.kind !== 'monthly' && !winners.has(npi)),
      ...refused,
    ];
    this.#log.set(`npi_update_log ${release.member}`, totals(release.rows));
  }

  /** A monthly replaces everything. A provider whose row it refuses keeps the known row. */
  #removeAllBut(named: ReadonlySet<string>): void {
    for (const npi of this.#providers.keys()) if (!named.has(npi)) this.#providers.delete(npi);
  }

  /** The lines of `npi_data_*` without the releases. */
  providers(): Lines {
    return new Map(
      Array.from(this.#providers, ([npi, { table, fields }]) => [
        `npi_data_${table} ${npi}`,
        providerLine(fields, {}),
      ]),
    );
  }

  lines(): Lines {
    const lines = new Map(this.#log);
    for (const { releaseId, rowNumber, reason } of this.#refused)
      lines.set(`npi_quarantine ${releaseId} ${rowNumber}`, JSON.stringify([reason]));
    for (const [npi, provider] of this.#providers) {
      const { table, fields, dataRelease = '', deactivationRelease = '' } = provider;
      const releases = { data: String(dataRelease), deactivation: String(deactivationRelease) };
      lines.set(`npi_data_${table} ${npi}`, providerLine(fields, releases));
      for (const [place, row] of searchRows(provider)) lines.set(`${place} ${npi}`, row);
    }
    return lines;
  }

  /** The providers who are deactivated by releases up to the report and missing from the report. */
  unreported(report: ModelRelease): string[] {
    const named = new Set(report.rows.map(({ fields }) => fields['NPI']));
    return Array.from(this.#providers)
      .filter(([npi, { fields }]) => isDeactivated(fields) && !named.has(npi))
      .map(([npi]) => npi)
      .sort();
  }
}

/** A provider's line: the fields that are not empty, sorted by name. */
export function providerLine(fields: RowSpec, releases: RowSpec): string {
  const filled = Object.entries(fields).filter(([, value]) => value !== '');
  return JSON.stringify([filled.sort(([one], [other]) => (one < other ? -1 : 1)), releases]);
}

/** Rule 6. */
function refusalOf({ fields, isBroken }: FileRow): string | undefined {
  const { NPI: npi = '', 'Entity Type Code': type = '', 'NPI Deactivation Date': date = '' } = fields;
  if (isBroken) return 'wrong number of fields';
  if (!/^[0-9]{10}$/.test(npi)) return 'NPI is not ten digits';
  if (npiCheckDigit(npi) !== npi[9]) return 'NPI check digit is wrong';
  if (!['', '1', '2'].includes(type)) return 'entity type is unknown';
  if (type === '' && date === '') return 'deactivated row without a date';
  // The maximum lengths of the columns that the generator overfills.
  if ((fields['Provider First Name'] ?? '').length > 35) return 'value longer than its column';
  return undefined;
}

/** Rules 3 and 4: a full row beats a stub, then the newest date wins, then the later row. */
function winnersOf(rows: readonly RowSpec[]): Map<string, RowSpec> {
  const winners = new Map<string, RowSpec>();
  for (const row of rows) {
    const npi = row['NPI'] ?? '';
    const known = winners.get(npi);
    if (known === undefined || !isBeaten(row, known)) winners.set(npi, row);
  }
  return winners;
}

function isBeaten(row: RowSpec, known: RowSpec): boolean {
  if (isStub(row) !== isStub(known)) return isStub(row);
  const date = isStub(row) ? 'NPI Deactivation Date' : 'Last Update Date';
  return sortable(row[date]) < sortable(known[date]);
}

const isStub = (row: RowSpec) => (row['Entity Type Code'] ?? '') === '';

function merged(known: Provider | undefined, row: RowSpec, release: ModelRelease): Provider {
  if (isStub(row)) return deactivated(known, row, release);
  const isOlder = known && sortable(row['Last Update Date']) < sortable(known.fields['Last Update Date']);
  if (isOlder) return known;
  const table = row['Entity Type Code'] === '1' ? 1 : 2;
  return { table, fields: asStored(row), dataRelease: idOf(release) };
}

/** Rule 4. */
function deactivated(known: Provider | undefined, row: RowSpec, release: ModelRelease): Provider {
  const date = row['NPI Deactivation Date'] ?? '';
  const deactivationRelease = idOf(release);
  if (!known) return { table: 0, fields: row, deactivationRelease };
  const reactivation = sortable(known.fields['NPI Reactivation Date']);
  if (reactivation !== '' && sortable(date) <= reactivation) return known;
  const day = release.periodEnd.replaceAll('-', '');
  if (release.kind === 'deactivation' && sortable(known.fields['Last Update Date']) > day) return known;
  return { ...known, fields: { ...known.fields, 'NPI Deactivation Date': date }, deactivationRelease };
}

/** Rule 7. */
function asStored(row: RowSpec): RowSpec {
  const state = 'Provider License Number State Code_1';
  return row[state] === 'NULL' ? { ...row, [state]: '' } : row;
}

/** Rule 5. */
function isDeactivated(fields: RowSpec): boolean {
  const deactivation = sortable(fields['NPI Deactivation Date']);
  return deactivation !== '' && sortable(fields['NPI Reactivation Date']) < deactivation;
}

/** Rule 10. A record with another number of fields or another type counts only in the total. */
function totals(rows: readonly FileRow[]): string {
  const ofType = (type: string) =>
    rows.filter(({ fields, isBroken }) => !isBroken && (fields['Entity Type Code'] ?? '') === type).length;
  return JSON.stringify([rows.length, ofType(''), ofType('1'), ofType('2')]);
}

const baseLetters: Readonly<Record<string, string>> = { É: 'e', Ø: 'o', Ł: 'l', Ñ: 'n', Å: 'a', Ç: 'c' };

/** Rule 8. Empty for a provider without a name. */
function letterOf(name: string): string | undefined {
  const first = Array.from(name.replace(/^[\p{Z}\p{Cc}\p{Cf}]+/u, ''))[0]?.toUpperCase();
  if (first === undefined) return undefined;
  return baseLetters[first] ?? (/^[A-Z]$/.test(first) ? first.toLowerCase() : 'a');
}

/** Rule 8: the search rows of a provider, by table. */
function searchRows({ table, fields }: Provider): Map<string, string> {
  const rows = new Map<string, string>();
  if (table === 0 || isDeactivated(fields)) return rows;
  const kind = table === 1 ? 'surgeon' : 'facility';
  const practice = 'Provider Business Practice Location Address';
  const of = (header: string) => fields[header] ?? '';
  const names =
    table === 1
      ? [of('Provider First Name'), of('Provider Last Name (Legal Name)')]
      : [of('Provider Organization Name (Legal Business Name)')];
  const row = JSON.stringify([
    ...names,
    of('Provider First Line Business Practice Location Address'),
    of(`${practice} City Name`),
    of(`${practice} State Name`),
    of(`${practice} Postal Code`),
  ]);
  for (const suffix of ['all', letterOf(names.at(-1) ?? '')])
    if (suffix !== undefined) rows.set(`search_${kind}_${suffix}`, row);
  return rows;
}
