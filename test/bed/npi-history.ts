import { expect } from 'vitest';
import { changesOf } from '../../db/history/changes.ts';
import { npiColumns } from '../../db/schema/npi-columns.ts';
import { idOf, Model, providerLine, type Lines } from '../models/npi-model.ts';
import type { Release } from '../models/npi-year-page.ts';
import { differences, providersAfter } from './npi-tables.ts';
import { forever, type Pipeline } from './pipeline.ts';

/** Without the log, which is not rolled back, and without the releases of rows, which a monthly only confirmed. */
export const comparable = (lines: Lines): Lines =>
  new Map(
    [...lines]
      .filter(([place]) => !place.startsWith('npi_update_log'))
      .map(([place, line]) => [place, place.startsWith('npi_data') ? line.replace(/,\{[^{]*$/, '') : line]),
  );

/** The history has the tables after each release, and the changes of a release lead from those before it to those after it. */
export async function expectHistory(
  name: string,
  pipeline: Pipeline,
  loaded: readonly Release[],
): Promise<void> {
  const inOrder = loaded.toSorted((one, other) => idOf(one) - idOf(other));
  let before: Lines = new Map();
  for (const [i, release] of inOrder.entries()) {
    const after = new Model(inOrder.slice(0, i + 1)).providers();
    expect(differences(await providersAfter(name, idOf(release), pipeline), after), release.zip).toEqual([]);
    if (i > 0)
      expect(differences(await changed(name, pipeline, before, idOf(release)), after), release.zip).toEqual(
        [],
      );
    before = after;
  }
}

async function changed(name: string, pipeline: Pipeline, before: Lines, releaseId: number): Promise<Lines> {
  const lines = new Map(before);
  const lineOf = (columns: Readonly<Record<string, string>>, npi: number) =>
    providerLine({ NPI: String(npi), ...headersOf(columns) }, {});
  await pipeline.database.session(forever, async (session) => {
    for await (const { npi, before: old, after } of changesOf(session, schemasOf(name), releaseId)) {
      if (old) expect(lines.get(`${old.table} ${npi}`)).toBe(lineOf(old.columns, npi));
      if (old) lines.delete(`${old.table} ${npi}`);
      if (after) lines.set(`${after.table} ${npi}`, lineOf(after.columns, npi));
    }
  });
  return lines;
}

const headers = new Map(npiColumns.map((column) => [column.name, column.header]));
const headersOf = (columns: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(columns).map(([column, value]) => [headers.get(column) ?? column, value]),
  );
const schemasOf = (of: string) => ({
  application: `${of}_app`,
  search: `${of}_search`,
  scheduler: `${of}_own`,
});
