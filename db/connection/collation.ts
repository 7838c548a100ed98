import type { Session } from './session.ts';

/** The collations of the tables that this service creates. */
export interface Collations {
  /**
   * MySQL's own, which decides the letters (contract, rule 8). MariaDB 10.11 lacks it; its nearest gives the same
   * letter to every Latin character (tried: U+00C0 to U+024F and U+1E00 to U+1EFF).
   */
  readonly nearest: string;
  /** Tells any two texts apart, also by their trailing spaces. */
  readonly exact: string;
}

/** The collations that the server has of those that are wanted. */
export async function collationsOf(session: Session): Promise<Collations> {
  const wanted = { nearest: 'utf8mb4_0900_ai_ci', exact: 'utf8mb4_0900_bin' };
  const found = await session.query('SELECT 1 FROM information_schema.collations WHERE collation_name = ?', [
    wanted.nearest,
  ]);
  return found.length > 0 ? wanted : { nearest: 'utf8mb4_unicode_520_ci', exact: 'utf8mb4_nopad_bin' };
}

/** SQL: whether two lists of fields are the same, byte for byte. NULL, which an older loader wrote, differs from ''. */
export function areSame(
  pairs: readonly (readonly [ours: string, theirs: string])[],
  exactCollation: string,
): string {
  // AND stops at the first field that differs. Concatenating and comparing two long texts took three times as long.
  return pairs.map(([ours, theirs]) => `${ours} COLLATE ${exactCollation} <=> ${theirs}`).join(' AND ');
}
