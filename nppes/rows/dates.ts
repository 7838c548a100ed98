/** `MM/DD/YYYY` as the number YYYYMMDD; 0 for anything else. */
export function dateNumber(text: string): number {
  return /^\d\d\/\d\d\/\d{4}$/.test(text) ? Number(text.slice(6) + text.slice(0, 2) + text.slice(3, 5)) : 0;
}

/**
 * Whether a provider is listed in the search tables: it is not deactivated (contract, rule 5). `isDeactivated` in
 * db/registry/dates.ts is the same rule in SQL. A text that is not a date counts as the oldest date.
 */
export function isListed(deactivation: string, reactivation: string): boolean {
  if (deactivation === '') return true;
  const key = sortKey(reactivation);
  return key !== '' && key >= sortKey(deactivation);
}

function sortKey(text: string): string {
  return /^..\/..\/....$/su.test(text) ? text.replace(/^(..\/..)\/(....)$/su, '$2$1') : '';
}
