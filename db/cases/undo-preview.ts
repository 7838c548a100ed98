import type { Session } from '../connection/session.ts';
import type { Schemas } from '../schema/tables.ts';
import { columnToUndo } from './selection.ts';
import { readCaseTable } from './table.ts';

/** Cases of a run that an undo would move from the run's status back to their earlier one. */
export interface UndoneCases {
  readonly from: number;
  /** Null when the case had no status. */
  readonly to: number | null;
  readonly count: number;
}

/**
 * What an undo of the run would bring back now, the largest number first: the cases that still are as the run left them.
 * Writes nothing.
 * @throws DbError RunNotUndoable
 */
export async function previewUndo(session: Session, schemas: Schemas, runId: string): Promise<UndoneCases[]> {
  const column = await columnToUndo(session, runId);
  const { place, joinsLine } = await readCaseTable(session, schemas);
  return session.query<UndoneCases>(
    `SELECT m.to_status AS \`from\`, m.from_status AS \`to\`, COUNT(*) AS count
     FROM case_move m STRAIGHT_JOIN ${place} c ON ${joinsLine}
     WHERE m.run_id = ? AND m.state = 'moved' AND c.active = 1 AND c.case_status = m.to_status
       ${column === undefined ? '' : `AND c.${column} <=> m.state_at`}
     GROUP BY m.to_status, m.from_status ORDER BY count DESC`,
    [runId],
    'counting the cases that an undo would move',
  );
}
