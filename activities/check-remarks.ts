import type { Subset } from '../db/registry/npi-steps.ts';
import type { Check, Unchecked } from '../proof/checks.ts';
import { counted } from './counted.ts';

const ofPart = (subset: Subset | undefined) =>
  subset && subset.parts > 1 ? ` of part ${subset.part}/${subset.parts}` : '';

/** What was compared, and whether it is equal. */
export function checkedRemark(checks: readonly Check[], subset?: Subset): string {
  const what = checks.map(({ check, compared }) => nouns[check](compared)).join(', ');
  const isEqual = checks.every(({ differences }) => differences === 0);
  return `Checked ${what}${ofPart(subset)}: ${isEqual ? 'no difference' : 'differences found'}.`;
}

const nouns: Readonly<Record<Check['check'], (count: number) => string>> = {
  'archived zips': (count) => counted(count, 'archived zip'),
  rows: (count) => counted(count, 'row'),
  'surgeon search': (count) => counted(count, 'surgeon search row'),
  'facility search': (count) => counted(count, 'facility search row'),
  ledger: (count) => counted(count, 'release'),
};

/**
 * The difference of one check without an NPI. Without the number of compared rows, because that changes with every release,
 * and a text that stays the same stays acknowledged.
 */
export function differenceText({ check, differences, first }: Check, subset?: Subset): string {
  const isOne = differences === 1;
  const differ = isOne ? 'differs' : 'differ';
  const what = {
    'archived zips': `${counted(differences, 'zip')} of the archive ${isOne ? 'is' : 'are'} missing or changed: ${first.join(', ')}${differences > first.length ? ' and others' : ''}.`,
    rows: `${counted(differences, 'row')}${ofPart(subset)} ${differ} from the archived zips.`,
    'surgeon search': `${counted(differences, 'surgeon search row')} ${differ} from the providers.`,
    'facility search': `${counted(differences, 'facility search row')} ${differ} from the providers.`,
    ledger: `${counted(differences, 'sum')} in the ledger ${isOne ? 'is' : 'are'} wrong.`,
  }[check];
  const part = subset && subset.parts > 1 ? ` --subset ${subset.part}/${subset.parts}` : '';
  return `${what} \`surgicase npi check${part}\` on the worker's host shows the first differences.`;
}

/** How many rows have no zip on this host. That is no difference: `NPI_ARCHIVE_KEEP` may have removed it. */
export function uncheckedRemark(unchecked: readonly Unchecked[], subset?: Subset): string[] {
  const rows = unchecked.reduce((sum, entry) => sum + entry.rows, 0);
  if (rows === 0) return [];
  return [
    `${counted(rows, 'row')}${ofPart(subset)} ${rows === 1 ? 'was' : 'were'} not compared: this host has no zip for ${rows === 1 ? 'it' : 'them'}.`,
  ];
}
