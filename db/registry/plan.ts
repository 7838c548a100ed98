import type { PublishScope } from './publish-scope.ts';
import type { RowCounts } from '../schema/ledger-json.ts';
import type { Session } from '../connection/session.ts';

/** How many lines of the plan need the same work. */
export interface PlanGroup {
  readonly action: 'insert' | 'update' | 'unchanged' | 'stale';
  readonly isStub: 0 | 1;
  readonly known: 0 | 1 | 2 | null;
  readonly target: 0 | 1 | 2;
  readonly npis: number;
}

/** Counts the lines of the plan by the work that they need. */
export function planGroups(session: Session, { stage }: PublishScope): Promise<PlanGroup[]> {
  return session.query<PlanGroup>(
    `SELECT action, is_stub AS isStub, known, target, COUNT(*) AS npis FROM ${stage}_plan GROUP BY 1, 2, 3, 4`,
  );
}

/** The tables that have, or will have, the providers of the matching groups. */
export const tablesOf = (
  groups: readonly PlanGroup[],
  place: 'known' | 'target',
  are: (group: PlanGroup) => boolean,
) => ([0, 1, 2] as const).filter((table) => groups.some((group) => group[place] === table && are(group)));

/** How many providers get each fate. Deactivated ones are also inserted or updated. */
export function plannedCounts(
  groups: readonly PlanGroup[],
): Pick<RowCounts, 'inserted' | 'updated' | 'unchanged' | 'stale' | 'deactivated'> {
  const count = (is: (group: PlanGroup) => boolean) =>
    groups.filter(is).reduce((sum, { npis }) => sum + npis, 0);
  return {
    inserted: count(({ action }) => action === 'insert'),
    updated: count(({ action }) => action === 'update'),
    unchanged: count(({ action }) => action === 'unchanged'),
    stale: count(({ action }) => action === 'stale'),
    deactivated: count(({ action, isStub }) => isStub === 1 && (action === 'insert' || action === 'update')),
  };
}
