const needsEnclosing = /[\t\n"]|^null$/i;

/**
 * One line for `FIELDS TERMINATED BY '\t' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\n'`.
 * There is no escape character, so a field with a tab, line break or quote must be enclosed. The word NULL must be enclosed
 * too, because MySQL would read it as a null value.
 */
export function tsvLine(values: readonly string[]): string {
  return `${values.map((value) => (needsEnclosing.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join('\t')}\n`;
}

/** The fields of a line as `tsvLine` or the scanner writes it, with or without its line break. */
export function tsvFields(line: string): string[] {
  const text = line.endsWith('\n') ? line.slice(0, -1) : line;
  if (!text.includes('"')) return text.split('\t');
  const fields = `\t${text}`.matchAll(/\t(?:"((?:[^"]|"")*)"|([^\t]*))/g);
  return Array.from(fields, ([, enclosed, bare = '']) => enclosed?.replaceAll('""', '"') ?? bare);
}
