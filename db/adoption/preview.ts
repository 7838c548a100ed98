import { casesLack, type CasesLack } from './cases.ts';
import { areSound, countFindings, type RowFindings } from './findings.ts';
import { lastLogged, readLogged, type Logged } from './ledger.ts';
import { adoptionObstacles } from './obstacles.ts';
import { createStatements, keyStatements, swapStatements, type Statement } from './plan.ts';
import { rangeStatements, type AdoptPlan } from './range.ts';
import { keptOriginals } from './state.ts';
import { allTables, isEmpty, isShapedWrong, readAdoptedTables, type AdoptedTable } from './tables.ts';
import type { AdoptInput } from './adopt.ts';
import { migrateStatements } from '../schema/migrate.ts';
import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';

/** What one table lacks. */
export type AdoptedLack = Pick<AdoptedTable, 'original' | 'isAbsent' | 'changes' | 'narrow' | 'convertTo'>;

/** What an adoption would find and do. */
export interface AdoptPreview {
  readonly obstacles: readonly string[];
  /** Tables that are absent or have to be altered. */
  readonly tables: readonly AdoptedLack[];
  readonly rows?: RowFindings;
  readonly cases: CasesLack;
  readonly logged: Logged;
  readonly originals: readonly string[];
  /**
   * On the application's tables and beside them, in their order; those of a range once, with its bounds as `<from>` and
   * `<to>`. The lines of the service's own ledger are left out.
   */
  readonly statements: readonly Statement[];
}

/** Finds and counts all that an adoption would change. Nothing is changed, nothing created, no lease taken. */
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
  const isWrong = ({ isAbsent, changes, convertTo }: AdoptedTable) =>
    isAbsent || changes.length > 0 || convertTo !== undefined;
  return {
    obstacles: isCopied ? await adoptionObstacles(session, schemas, plan.tables) : [],
    tables: isCopied ? allTables(plan.tables).filter(isWrong).map(lackOf) : [],
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
    ...(await migrateStatements(session, schemas)).map((sql) => ({ what: 'what is absent is created', sql })),
    ...createStatements(schemas, tables),
    ...rangeStatements(plan, range, ['<letter>']).map(({ what, sql }) => ({ what, sql })),
    ...keyStatements(tables),
    ...swapStatements(schemas, tables),
  ];
}
