import { casesLack, type CasesLack } from './cases.ts';
import { areSound, countFindings, type RowFindings } from './findings.ts';
import { lastLogged, readLogged, type Logged } from './ledger.ts';
import { adoptionObstacles } from './obstacles.ts';
import { createStatements, keyStatements, swapStatements, type Statement } from './plan.ts';
import { rangeStatements, type AdoptPlan } from './range.ts';
import { keptOriginals } from './state.ts';
import {
  allTables,
  isEmpty,
  isShapedWrong,
  needsChanges,
  readAdoptedTables,
  type AdoptedTable,
} from './tables.ts';
import type { AdoptInput } from './adopt.ts';
import { migrateStatements } from '../schema/migrate.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** What one table lacks. */
export type AdoptedLack = Pick<AdoptedTable, 'original' | 'isAbsent' | 'changes' | 'narrow' | 'convertTo'>;

/** What an adoption would find and do. */
export interface AdoptPreview {
  readonly obstacles: readonly string[];
  /** Tables that are missing or need changes. */
  readonly tables: readonly AdoptedLack[];
  readonly rows?: RowFindings;
  readonly cases: CasesLack;
  readonly logged: Logged;
  readonly originals: readonly string[];
  /**
   * The statements in their order, except those that write this service's own ledger. The statements of a range appear
   * once, with its bounds as `<from>` and `<to>`.
   */
  readonly statements: readonly Statement[];
}

/** Finds and counts what an adoption would change. Changes nothing, creates nothing and takes no lease. */
export async function previewAdoption(
  session: Session,
  schemas: Schemas,
  { words, parseLogged, onStep }: Pick<AdoptInput, 'words' | 'parseLogged' | 'onStep'>,
): Promise<AdoptPreview> {
  const logged = await readLogged(session, schemas, parseLogged);
  const plan = {
    schemas,
    words,
    releaseId: lastLogged(logged),
    tables: await readAdoptedTables(session, schemas),
  };
  const originals = await keptOriginals(session, schemas);
  const cases = await casesLack(session, schemas);
  const isAsked = originals.length === 0 && !isEmpty(plan.tables);
  const rows = isAsked ? await countFindings(session, plan, onStep) : undefined;
  const isCopied = rows !== undefined && (isShapedWrong(plan.tables) || !areSound(rows));
  return {
    obstacles: isCopied ? await adoptionObstacles(session, schemas, plan.tables) : [],
    tables: isCopied ? allTables(plan.tables).filter(needsChanges).map(lackOf) : [],
    ...(rows && { rows }),
    cases,
    logged,
    originals,
    statements: [
      ...(cases.statement ? [cases.statement] : []),
      ...(isCopied ? await copyStatements(session, plan) : []),
    ],
  };
}

function lackOf({ original, isAbsent, changes, narrow, convertTo }: AdoptedTable): AdoptedLack {
  return { original, isAbsent, changes, narrow, ...(convertTo !== undefined && { convertTo }) };
}

async function copyStatements(session: Session, plan: AdoptPlan): Promise<Statement[]> {
  const { schemas, tables } = plan;
  const range = { number: '<range>', from: '<from>', to: '<to>' };
  return [
    ...(await migrateStatements(session, schemas)).map((sql) => ({ what: 'create missing tables', sql })),
    ...createStatements(schemas, tables),
    ...rangeStatements(plan, range, ['<letter>']).map(({ what, sql }) => ({ what, sql })),
    ...keyStatements(tables),
    ...swapStatements(schemas, tables),
  ];
}
