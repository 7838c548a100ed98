import fc from 'fast-check';
import { traces } from '../crash/bed.ts';
import type { Pipeline } from '../bed/pipeline.ts';
import { individual, organization, stub, type RowSpec } from './release-zip.ts';

// Few providers and few days, so that releases overlap.

export const randomDay = fc
  .integer({ min: 1, max: 28 })
  .map((date) => `09/${String(date).padStart(2, '0')}/2026`);
export const randomIndex = fc.integer({ min: 1, max: 4 });
const lastName = fc.constantFrom('SMITH', 'ÉCLAIR', 'ØRSTED', '3M', '', ' LEE');

/** Individuals, organizations, stubs, and individuals who were deactivated and reactivated. */
export const randomRow: fc.Arbitrary<RowSpec> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(randomIndex, lastName, randomDay).map((of) => individual(...of)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(randomIndex, lastName, randomDay).map((of) => organization(...of)),
  },
  { weight: 3, arbitrary: fc.tuple(randomIndex, randomDay).map((of) => stub(...of)) },
  fc
    .tuple(randomIndex, lastName, randomDay, randomDay, randomDay)
    .map(([of, named, update, deactivation, reactivation]) =>
      individual(of, named, update, {
        'NPI Deactivation Date': deactivation,
        'NPI Reactivation Date': reactivation,
      }),
    ),
);

/** Compare provider tables, search tables and history; ledger and logs show the order of arrival. */
export const isOfRegistry = (place: string): boolean => /_app\.npi_data|_search\.|npi_version/.test(place);

/** The tables for which `isCompared` is true, after loading the releases one by one. */
export async function tablesAfter(
  name: string,
  pipeline: Pipeline,
  releases: readonly (() => Promise<unknown>)[],
  isCompared: (place: string) => boolean,
): Promise<unknown> {
  await pipeline.reset();
  for (const release of releases) {
    await release();
    await pipeline.run();
  }
  const { tables } = (await traces(name, pipeline)) as { tables: { place: string }[] };
  return tables.filter(({ place }) => isCompared(place));
}
