const needsEnclosing = /[\t\n"]|^null$/i;

/**
 * One line for `FIELDS TERMINATED BY '\t' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\n'`.
 * Without an escape character a field with tab, line break or quote must be enclosed, and so must the word NULL,
 * which MySQL would take for no value at all.
 */
export function tsvLine(values: readonly string[]): string {
  return `${values.map((value) => (needsEnclosing.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join('\t')}\n`;
}
