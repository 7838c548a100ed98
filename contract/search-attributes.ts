/** The search attributes of runs: their names in Temporal, with the type under which they are registered. */
export const searchAttributes = {
  SurgicaseJob: 'Keyword',
  SurgicaseOutcome: 'Keyword',
  SurgicaseRelease: 'KeywordList',
} as const;

export type SearchAttributeName = keyof typeof searchAttributes;
export const searchAttributeNames = Object.keys(searchAttributes) as SearchAttributeName[];

/** The command that registers them, for an administrator of the Temporal server. */
export function registerCommand(namespace: string): string {
  const each = searchAttributeNames.map((name) => `--name ${name} --type ${searchAttributes[name]}`);
  return `temporal operator search-attribute create --namespace ${namespace} ${each.join(' ')}`;
}
