import type { Session } from '../connection/session.ts';
import type { Right } from './grants.ts';

/** The account of a login, and what it lacks. */
export interface MissingRights {
  /** As MySQL writes it: `'user'@'host'`. */
  readonly account: string;
  readonly missing: readonly Right[];
}

/** Which of the `needed` rights the login of the session lacks, by what the server says about its grants and active roles. */
export async function missingRights(session: Session, needed: readonly Right[]): Promise<MissingRights> {
  const [who] = await session.query<{ account: string }>('SELECT CURRENT_USER() AS account');
  const rows = await session.query<Record<string, string>>('SHOW GRANTS');
  const lines = rows.flatMap((row) => Object.values(row));
  const account = (who?.account ?? '').split('@').map((part) => `'${part}'`);
  return { account: account.join('@'), missing: lackingRights(lines, needed) };
}

interface Granted {
  readonly isRevoked: boolean;
  readonly privileges: readonly string[];
  readonly schema: string;
  readonly table: string;
}

/** Which of the needed rights are not in the lines of SHOW GRANTS, each with the privileges that are missing. */
export function lackingRights(lines: readonly string[], needed: readonly Right[]): Right[] {
  const granted = lines.flatMap(grantedBy);
  return needed.flatMap(({ privileges, place }) => {
    const missing = privileges.filter((privilege) => !isGranted(granted, privilege, place));
    return missing.length > 0 ? [{ privileges: missing, place }] : [];
  });
}

// A line about a role or a routine has another form, and is not needed here.
const line = /^(GRANT|REVOKE) (.+?) ON (?:TABLE )?(\*|`(?:[^`]|``)+`)\.(\*|`(?:[^`]|``)+`) (?:TO|FROM) /;

function grantedBy(text: string): Granted[] {
  const [, verb, list, schema, table] = line.exec(text) ?? [];
  if (list === undefined || schema === undefined || table === undefined) return [];
  // A privilege on some columns counts; a job names the column that is missing.
  const privileges = list.replace(/\([^)]*\)/g, '').split(',');
  return [
    {
      isRevoked: verb === 'REVOKE',
      privileges: privileges.map((privilege) => privilege.trim().toUpperCase()),
      schema: unquoted(schema),
      table: unquoted(table),
    },
  ];
}

const unquoted = (name: string) => name.replace(/^`|`$/g, '').replaceAll('``', '`');

function isGranted(granted: readonly Granted[], privilege: string, place: string): boolean {
  const holding = granted.filter(
    (entry) =>
      covers(entry, place) &&
      (entry.privileges.includes(privilege) || entry.privileges.includes('ALL PRIVILEGES')),
  );
  // A partial revoke takes a global privilege away from one schema. A grant on that schema gives it back.
  const isRevoked = holding.some((entry) => entry.isRevoked);
  return holding.some((entry) => !entry.isRevoked && !(isRevoked && entry.schema === '*'));
}

function covers({ schema, table }: Granted, place: string): boolean {
  const [wantedSchema = '', wantedTable] = place.split('.');
  return schemaPattern(schema).test(wantedSchema) && (table === '*' || table === wantedTable);
}

/** In the name of a schema `%` and `_` are wildcards, unless a backslash is before them. */
function schemaPattern(schema: string): RegExp {
  if (schema === '*') return /^/;
  const pattern = schema.replace(/\\([%_])|[%_]|[$^*+?.()|[\]{}\\]/g, (found, escaped?: string) => {
    if (escaped !== undefined) return escaped;
    if (found === '%') return '.*';
    return found === '_' ? '.' : `\\${found}`;
  });
  return new RegExp(`^${pattern}$`, 'i');
}
