import { searchColumns, searchLetters, type Schemas, type SearchKind } from './tables.ts';
import type { Session } from './session.ts';

/** A provider as a look-up shows it: the filled columns of its row, and the table that holds it. */
export interface ProviderFound {
  readonly table: string;
  readonly columns: Readonly<Record<string, string | number>>;
}

/** The row of an NPI in `npi_data_0/1/2`, or nothing. */
export async function lookupProvider(
  session: Session,
  schemas: Schemas,
  npi: string,
): Promise<ProviderFound | undefined> {
  for (const type of [0, 1, 2]) {
    const table = `npi_data_${type}`;
    const [row] = await session.query<Record<string, string | number | null>>(
      `SELECT * FROM ${schemas.application}.${table} WHERE npi = ?`,
      [npi],
    );
    if (row === undefined) continue;
    const filled = Object.entries(row).filter((entry): entry is [string, string | number] =>
      Boolean(entry[1]),
    );
    return { table, columns: Object.fromEntries(filled) };
  }
  return undefined;
}

/** What to look for; a name is matched from its beginning unless `isAnywhere`. */
export interface SearchQuestion {
  readonly name: string;
  readonly state?: string;
  readonly isAnywhere?: boolean;
  readonly limitRows: number;
}

export type SearchAnswer = Readonly<Record<string, string | number>>;

/** Surgeons by last name and facilities by name, from the table of the name's first letter as the application reads it. */
export async function searchProviders(
  session: Session,
  schemas: Schemas,
  question: SearchQuestion,
): Promise<SearchAnswer[]> {
  const answers: SearchAnswer[] = [];
  for (const kind of ['surgeon', 'facility'] as const) {
    answers.push(...(await searchKind(session, schemas, kind, question)));
  }
  return answers;
}

function searchKind(
  session: Session,
  schemas: Schemas,
  kind: SearchKind,
  question: SearchQuestion,
): Promise<SearchAnswer[]> {
  const nameColumn = kind === 'surgeon' ? 'last_name' : 'facility_name';
  const first = question.name.trim().charAt(0).toLowerCase();
  // A name that does not begin with a letter is looked up in `a`, as the application does.
  const letter = searchLetters.includes(first) ? first : 'a';
  const suffix = question.isAnywhere ? 'all' : letter;
  const pattern = question.name.trim().replace(/[\\%_]/g, '\\$&');
  const columns = ['npi', ...searchColumns[kind].map(({ name }) => name)].join(', ');
  return session.query<SearchAnswer>(
    `SELECT '${kind}' AS kind, ${columns} FROM ${schemas.search}.search_${kind}_${suffix}
     WHERE ${nameColumn} LIKE ? AND (? = '' OR state = ?) ORDER BY ${nameColumn}, npi LIMIT ?`,
    [
      `${question.isAnywhere ? '%' : ''}${pattern}%`,
      question.state ?? '',
      question.state ?? '',
      question.limitRows,
    ],
  );
}
