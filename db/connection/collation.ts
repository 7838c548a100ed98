import type { Session } from './session.ts';

/** The collations of the tables that this service creates. */
export interface Collations {
  /**
   * utf8mb4_0900_ai_ci, which decides the letters (contract, rule 8). MariaDB 10.11 lacks it; its nearest collation gives
   * every Latin character the same letter (tested: U+00C0 to U+024F and U+1E00 to U+1EFF).
   */
  readonly nearest: string;
  /** Distinguishes any two different texts, even by trailing spaces. */
  readonly exact: string;
}

/** The wanted collations, or the nearest ones that the server has. */
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
