import type { Session } from './session.ts';

/**
 * The collation of every table that this service creates: MySQL's own, which decides the letters (contract, rule 8).
 * MariaDB 10.11 lacks it; its nearest gives the same letter to every Latin character (tried: U+00C0 to U+024F and
 * U+1E00 to U+1EFF).
 */
export async function nearestCollation(session: Session): Promise<string> {
  const wanted = 'utf8mb4_0900_ai_ci';
  const found = await session.query('SELECT 1 FROM information_schema.collations WHERE collation_name = ?', [
    wanted,
  ]);
  return found.length > 0 ? wanted : 'utf8mb4_unicode_520_ci';
}
