import type { AdoptResult } from '../db/adoption/adopt.ts';
import type { AdoptPreview } from '../db/adoption/preview.ts';
import { releaseName } from '../nppes/page/release.ts';
import { grouped } from './numbers.ts';

const nothing = 'Nothing to adopt.';

/** Lines that say what `surgicase db adopt` did. */
export function adoptedLines(
  { outcome, cases, counts, logged, originals }: AdoptResult,
  schema: string,
): string[] {
  const lines = [...casesLines(cases.hasTable, cases.columns, 'added to')];
  if (outcome === 'nothing') return [...lines, nothing];
  if (outcome === 'kept') return [...lines, keptLine(originals.length)];
  if (counts === undefined) return lines;
  return [
    `Adopted ${schema}: ${grouped(counts.read)} rows read; ${grouped(counts.individuals)} individuals, ` +
      `${grouped(counts.organizations)} organizations, ${grouped(counts.stubs)} deactivated providers without data`,
    `  ${grouped(counts.duplicates)} duplicate rows dropped, ${grouped(counts.refused)} rows refused ` +
      `(kept in npi_quarantine with release 0), ${grouped(counts.deactivated)} rows got the deactivation date of a stub`,
    `  search: ${grouped(counts.surgeons)} surgeons, ${grouped(counts.facilities)} facilities`,
    ...filledLines(counts.filled),
    ...lines,
    ...(logged ? loggedLines(logged) : []),
    keptLine(originals.length),
  ];
}

const keptLine = (count: number) =>
  `The adoption is done. ${grouped(count)} original tables are kept as npi_original_*; \`surgicase db adopt --finish\` drops them.`;

/** Lines that say what it would do. */
export function previewLines(preview: AdoptPreview): string[] {
  const { obstacles, rows, cases, logged, originals, statements } = preview;
  if (originals.length > 0) return [keptLine(originals.length)];
  if (statements.length === 0 && obstacles.length === 0)
    return [...casesLines(cases.hasTable, cases.columns, 'missing in'), nothing];
  return [
    ...obstacles.map((obstacle) => `Cannot adopt: ${obstacle}`),
    ...preview.lacks,
    ...(rows ? rowLines(rows) : []),
    ...casesLines(cases.hasTable, cases.columns, 'missing in'),
    ...loggedLines(logged),
    'Statements, in order:',
    ...statements.flatMap(({ what, sql }) => [`-- ${what}`, `${sql};`]),
    'Nothing was changed.',
  ];
}

function rowLines({
  rows,
  doubled,
  refused,
  misplaced,
  filled,
  search,
}: NonNullable<AdoptPreview['rows']>): string[] {
  return [
    ...Object.entries(rows).map(([table, count]) => `${table}: ${grouped(count)} rows`),
    `${grouped(doubled.npis)} duplicate NPIs: ${grouped(doubled.rows)} rows would be dropped`,
    ...Object.entries(refused).map(([reason, count]) => `${grouped(count)} rows would be refused: ${reason}`),
    `${grouped(misplaced)} rows are in the table of the wrong entity type`,
    ...filledLines(filled),
    ...Object.entries(search).map(
      ([kind, { wanted, missing, superfluous, letterRows, letterWanted }]) =>
        `search_${kind}_all: ${grouped(missing)} of ${grouped(wanted)} missing, ${grouped(superfluous)} too many; ` +
        `letter tables: ${grouped(letterRows)} rows, expected ${grouped(letterWanted)}`,
    ),
  ];
}

const filledLines = (filled: number): string[] =>
  filled === 0
    ? []
    : [
        `${grouped(filled)} values are as long as their old column and may have been cut off; loading a monthly restores them`,
      ];

function casesLines(hasTable: boolean, columns: readonly string[], how: string): string[] {
  if (!hasTable) return ['There is no table `cases`. The case jobs need it; the registry does not.'];
  return columns.length === 0 ? [] : [`${how} cases: ${columns.join(', ')}`];
}

function loggedLines({ releases, unknownCount }: AdoptPreview['logged']): string[] {
  const unknown = unknownCount > 0 ? ` (${grouped(unknownCount)} lines name no release)` : '';
  if (releases.length === 0)
    return [
      `npi_update_log names no release, so it is unknown which releases are loaded; NPI_BASELINE decides what is loaded next${unknown}`,
    ];
  const names = releases.map(releaseName);
  return [`npi_update_log names ${grouped(names.length)} releases as loaded: ${names.join(', ')}${unknown}`];
}
