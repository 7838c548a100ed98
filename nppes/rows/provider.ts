import { hasEntityType, type Layout } from './layout.ts';
import { hasCheckDigit, isTenDigits } from './npi.ts';

/** Why a row is refused (contract, rule 6). People read these texts. */
export const refusalReasons = {
  npiForm: 'NPI is not ten digits',
  npiCheckDigit: 'NPI check digit is wrong',
  fieldCount: 'wrong number of fields',
  entityType: 'entity type is unknown',
  stubWithoutDate: 'deactivated row without a date',
  tooLong: 'value longer than its column',
  malformed: 'malformed record',
} as const;
export type RefusalReason = (typeof refusalReasons)[keyof typeof refusalReasons];

/**
 * The values of a row for staging, or the reason why the row is refused. `npi` is present only if it has ten digits. Rows of
 * reference files have an empty entity type.
 */
export type Checked =
  | { readonly values: readonly string[]; readonly entityType: string }
  | {
      readonly reason: RefusalReason;
      readonly npi?: string;
      readonly column?: string;
      readonly entityType?: string;
    };

const textMaxBytes = 65_535;
/** About 16,500 license states contain the word NULL, which means an empty field there (contract, rule 7). */
export const isLicenseState = /^Provider License Number State Code_/i;

/** Returns a function that checks the records of one layout, of npidata or of a reference file. */
export function recordReader(layout: Layout): (fields: readonly string[]) => Checked {
  const at = (header: string) => layout.wanted.findIndex((column) => column.header === header);
  const [npiAt, typeAt, deactivationAt] = [at('NPI'), at('Entity Type Code'), at('NPI Deactivation Date')];
  const isTyped = hasEntityType(layout.wanted);
  const licenseStates = layout.wanted.map(({ header }) => isLicenseState.test(header));

  return (fields) => {
    if (fields.length !== layout.fieldCount)
      return { reason: refusalReasons.fieldCount, ...npiOf(fields[0]) };
    const values = layout.positions.map((position, i) => {
      const value = position === -1 ? '' : (fields[position] ?? '');
      return licenseStates[i] && value === 'NULL' ? '' : value;
    });
    const [npi = '', entityType = ''] = [values[npiAt], values[typeAt]];
    const refuse = (reason: RefusalReason, column?: string): Checked => ({
      reason,
      entityType,
      ...npiOf(npi),
      ...(column !== undefined && { column }),
    });
    if (!isTenDigits(npi)) return refuse(refusalReasons.npiForm);
    if (!hasCheckDigit(npi)) return refuse(refusalReasons.npiCheckDigit);
    if (entityType !== '' && entityType !== '1' && entityType !== '2')
      return refuse(refusalReasons.entityType);
    if (isTyped && entityType === '' && values[deactivationAt] === '')
      return refuse(refusalReasons.stubWithoutDate);
    const long = values.findIndex((value, i) => isTooLong(value, layout.wanted[i]?.maxLength));
    if (long !== -1) return refuse(refusalReasons.tooLong, layout.wanted[long]?.header ?? '');
    return { values, entityType };
  };
}

function npiOf(text = ''): { readonly npi?: string } {
  return isTenDigits(text) ? { npi: text } : {};
}

/** MySQL counts characters and JavaScript UTF-16 units. A value that fits in units also fits in characters. */
function isTooLong(value: string, maxLength: number | undefined): boolean {
  if (maxLength === undefined)
    return value.length * 3 > textMaxBytes && Buffer.byteLength(value) > textMaxBytes;
  return value.length > maxLength && Array.from(value).length > maxLength;
}
