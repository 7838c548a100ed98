/** One sentence for each name that this version would ignore although someone means something by it. */
export function nameProblems(names: Readonly<Record<string, string>>, known: readonly string[]): string[] {
  return Object.keys(names).flatMap((name) => {
    if (known.includes(name)) return [];
    const meant = known.find((one) => isTypingError(name, one));
    return meant === undefined ? [] : [`${name} is not a variable of this service. Did you mean ${meant}?`];
  });
}

const prefixes = ['NPI_', 'SCHEDULE_', 'CASE_UPDATE_', 'NOTIFY_', 'DB_SSL'] as const;

/** One sentence for each name that looks like ours and is not. It may belong to the host application, so it is a warning. */
export function unknownNames(names: Readonly<Record<string, string>>, known: readonly string[]): string[] {
  return Object.keys(names)
    .filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !known.includes(name))
    .map(
      (name) => `${name} is not a variable of this service and has no effect. Remove it or correct its name.`,
    );
}

// Two edits of a short name make another word: a host application may have DB_PASS, which is not DB_PORT.
const longName = 10;

function isTypingError(name: string, known: string): boolean {
  return edits(name, known) <= (known.length < longName ? 1 : 2);
}

/** How many letters were added, left out, replaced or swapped with their neighbor (restricted Damerau-Levenshtein). */
function edits(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const [before, previous = []] = [rows[i - 2], rows[i - 1]];
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const replaced = (previous[j - 1] ?? 0) + (isSame ? 0 : 1);
      const swapped = before && isSwapped ? (before[j - 2] ?? 0) + 1 : Infinity;
      row.push(Math.min(replaced, swapped, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
