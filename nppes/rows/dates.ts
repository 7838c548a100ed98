/** `MM/DD/YYYY` as the number YYYYMMDD; 0 for anything else. */
export function dateNumber(text: string): number {
  return /^\d\d\/\d\d\/\d{4}$/.test(text) ? Number(text.slice(6) + text.slice(0, 2) + text.slice(3, 5)) : 0;
}

/** Contract, rule 5, as `isDeactivated` of db/registry/classify.ts says it in SQL: texts of another form are the oldest dates. */
export function isListed(deactivation: string, reactivation: string): boolean {
  if (deactivation === '') return true;
  const key = sortKey(reactivation);
  return key !== '' && key >= sortKey(deactivation);
}

function sortKey(text: string): string {
  return /^..\/..\/....$/su.test(text) ? text.replace(/^(..\/..)\/(....)$/su, '$2$1') : '';
}
