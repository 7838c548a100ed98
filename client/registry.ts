import { pendingRollbacks, type RolledBack } from '../db/ledger/rolled-back.ts';
import { openRefused, type RefusedCount } from '../db/registry/quarantine.ts';
import { referenceGap } from '../db/registry/reference-gap.ts';
import type { Schemas } from '../db/schema/tables.ts';
import { publishedFiles, type PublishedFile } from '../db/ledger/releases.ts';
import type { Session } from '../db/connection/session.ts';
import { countUnreported } from '../db/registry/unreported.ts';
import { lastDay, missingWeeks, type Gap } from '../nppes/page/due.ts';
import { releaseName, type ReleaseKind } from '../nppes/page/release.ts';
import { grouped } from './numbers.ts';
import { utcMinute } from '../telemetry/times.ts';

/** What the tables hold, and the known problems. Days are ISO dates. */
export interface RegistryStatus {
  /** The last day that a loaded weekly or monthly covers; null before the first load. */
  readonly dataUntil: string | null;
  /** The last release of each kind. */
  readonly newest: Readonly<Partial<Record<ReleaseKind, NewestRelease>>>;
  /** Days that no loaded release covers; loading a monthly closes them. */
  readonly gaps: readonly Gap[];
  /** Refused rows that no later valid row has replaced. */
  readonly refused: readonly RefusedCount[];
  /** Providers that are deactivated in the tables but missing from the last deactivation report. */
  readonly unreported: number;
  /** `complete`, or which reference tables lack rows and why; absent when `NPI_REFERENCE_FILES` is off. */
  readonly references?: string;
  /** Releases that are taken back; while there is one, runs load nothing. */
  readonly rolledBack: readonly RolledBack[];
}

interface NewestRelease {
  readonly fileName: string;
  readonly periodEnd: string;
  /** UTC. */
  readonly publishedAt: string;
}

/** Reads the status from the ledger; needs neither the CMS page nor Temporal. */
export async function registryStatus(session: Session, schemas: Schemas): Promise<RegistryStatus> {
  const files = await publishedFiles(session);
  const periods = files.map(({ kind, periodStart, periodEnd }) => ({
    kind: kind as ReleaseKind,
    periodStart,
    periodEnd,
  }));
  return {
    dataUntil: lastDay(periods) ?? null,
    newest: Object.fromEntries(kinds.flatMap((kind) => newestOf(files, kind))),
    gaps: missingWeeks(periods),
    refused: await openRefused(session),
    unreported: await countUnreported(session),
    ...(schemas.hasReferences && { references: (await referenceGap(session, schemas)) ?? 'complete' }),
    rolledBack: await pendingRollbacks(session),
  };
}

/** What is wrong with tables that have lost all their rows. */
export function emptiedText(tables: readonly string[]): string {
  const [first] = tables;
  const what =
    tables.length === 1 ? `${first} is empty, although` : `${tables.join(', ')} are empty, although`;
  return `${what} published releases have rows for ${tables.length === 1 ? 'it' : 'them'}.`;
}

/** What brings the rows back. */
export const refillAdvice =
  'Run `surgicase npi rebuild --from-archive` (docs/operations.md, Rebuilding from the archive).';

/** Whole days since an ISO date. */
export function ageDays(day: string): number {
  return Math.floor((Date.now() - Date.parse(day)) / 86_400_000);
}

const kinds = ['weekly', 'monthly', 'deactivation'] as const;
const kindNames = { weekly: 'weekly', monthly: 'monthly', deactivation: 'deactivated' } as const;

function newestOf(files: readonly PublishedFile[], kind: ReleaseKind): [ReleaseKind, NewestRelease][] {
  const file = files.findLast((found) => found.kind === kind);
  if (!file) return [];
  const { fileName, periodEnd, publishedAt } = file;
  return [[kind, { fileName, periodEnd, publishedAt }]];
}

/** The status as lines for people. */
export function registryLines(status: RegistryStatus): string[] {
  const { dataUntil, newest, gaps, refused, unreported, references, rolledBack } = status;
  const isEmpty =
    dataUntil === null && newest.deactivation === undefined && refused.length + rolledBack.length === 0;
  if (isEmpty) return ['Nothing has been loaded yet. Run `surgicase run npi-update`.'];
  const refusedRows = refused.reduce((sum, { rowCount }) => sum + rowCount, 0);
  return [
    `data until   ${dataUntil === null ? 'no weekly or monthly is loaded' : `${dataUntil} (${ageDays(dataUntil)} days ago)`}`,
    ...kinds.flatMap((kind) => releaseLine(kind, newest[kind])),
    `gaps         ${gaps.length === 0 ? 'none' : gaps.map(({ start, end }) => `${start} to ${end}`).join(', ')}`,
    ...(gaps.length > 0 ? ['             close them by loading a monthly: `surgicase npi replace`'] : []),
    `quarantine   ${refusedRows === 0 ? 'empty' : `${grouped(refusedRows)} refused rows not yet replaced by a valid one`}`,
    ...refused.slice(0, shownReasons).map(refusedLine),
    ...(refused.length > shownReasons ? ['             and older ones, in the table npi_quarantine'] : []),
    ...rolledBack.map((release) => `rolled back  ${rolledBackText(release)}`),
    ...(unreported > 0
      ? [
          `unreported   ${grouped(unreported)} providers are deactivated here but missing from the last deactivation report`,
        ]
      : []),
    ...(references === undefined ? [] : [`references   ${references}`]),
  ];
}

/** What is rolled back since when, and what ends it. */
export function rolledBackText({ fileName, rolledBackAt }: RolledBack): string {
  return `${releaseName({ fileName })} was rolled back at ${utcMinute(rolledBackAt)}. Runs load nothing until \`surgicase npi rollback --forward\` or \`surgicase npi rollback --resume\`.`;
}

const shownReasons = 10;

function refusedLine({ fileName, reason, rowCount }: RefusedCount): string {
  return `             ${grouped(rowCount)} ${reason} (${fileName === null ? 'adopted tables' : releaseName({ fileName })})`;
}

function releaseLine(kind: ReleaseKind, release: NewestRelease | undefined): string[] {
  if (!release) return [];
  return [
    `${kindNames[kind].padEnd(12)} ${releaseName(release)}, published ${utcMinute(release.publishedAt)}`,
  ];
}
