import { casesLack, type CasesLack } from './cases.ts';
import { areSound, countFindings, type RowFindings } from './findings.ts';
import { lastLogged, readLogged, type Logged, type ParseLogged } from './ledger.ts';
import { adoptionObstacles } from './obstacles.ts';
import { rangeStatements } from './range.ts';
import type { RefusalWords } from './refusals.ts';
import { createStatements, keptOriginals } from './state.ts';
import { swapStatements } from './swap.ts';
import { readAdoptedTables, tablesIn, type Statement } from './tables.ts';
import { migrateStatements } from '../schema/migrate.ts';
import { registryObstacles } from '../schema/ready.ts';
import type { Session } from '../connection/session.ts';
import { liveTables, type Schemas } from '../schema/tables.ts';

/** What the caller provides: it knows CMS's names, and it shows progress. */
export interface AdoptInput {
  readonly words: RefusalWords;
  readonly parseLogged: ParseLogged;
  /** While the server runs more statements than this, the adoption pauses before each range. */
  readonly maxThreadsRunning: number;
  /** Progress: the step, and its current table or range, or the number of rows done. */
  onStep(step: string, detail?: string | number): void;
}

/** What an adoption would find and do. */
export interface AdoptPreview {
  /** Whether the registry needs an adoption, which an obstacle can prevent. */
  readonly isNeeded: boolean;
  readonly obstacles: readonly string[];
  /** What a load needs and the tables lack. */
  readonly lacks: readonly string[];
  readonly rows?: RowFindings;
  readonly cases: CasesLack;
  readonly logged: Logged;
  /** The originals that an earlier adoption kept. */
  readonly originals: readonly string[];
  /**
   * The statements in their order, except those that write this service's own ledger. The statements of a range appear
   * once, with its bounds as `<from>` and `<to>`.
   */
  readonly statements: readonly Statement[];
}

/**
 * Finds and counts what an adoption would change. Changes nothing, creates nothing and takes no lease.
 * @throws DbError DatabaseNotReady if one or two of the provider tables are missing
 */
export async function previewAdoption(
  session: Session,
  schemas: Schemas,
  { words, parseLogged, onStep }: Pick<AdoptInput, 'words' | 'parseLogged' | 'onStep'>,
): Promise<AdoptPreview> {
  const logged = await readLogged(session, schemas, parseLogged);
  const originals = await keptOriginals(session, schemas);
  const cases = await casesLack(session, schemas);
  const statements = cases.statement ? [cases.statement] : [];
  const nothing = { isNeeded: false, obstacles: [], lacks: [], cases, logged, originals, statements };
  const present = await tablesIn(session, [schemas.application]);
  const providers = ([0, 1, 2] as const).map((type) => liveTables(schemas).data(type));
  if (originals.length > 0 || !providers.some((table) => present.includes(table))) return nothing;
  const lacks = await registryObstacles(session, schemas);
  const tables = await readAdoptedTables(session, schemas);
  const plan = { schemas, words, releaseId: lastLogged(logged), tables };
  const rows = await countFindings(session, plan, onStep);
  if (lacks.length === 0 && areSound(rows)) return { ...nothing, rows };
  const obstacles = await adoptionObstacles(session, schemas, tables);
  const migration = await migrateStatements(session, schemas);
  statements.push(
    ...migration.map((sql) => ({ what: 'create missing tables', sql })),
    ...createStatements(schemas, tables),
    ...rangeStatements(plan, { fromNpi: '<from>', toNpi: '<to>' }, ['<letter>']),
    ...swapStatements(schemas, tables),
  );
  return { ...nothing, isNeeded: true, obstacles, lacks, rows };
}
