import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadObstacles } from '../../db/ready.ts';
import { adoptedModel, adoptedTables, digests, type Adopted } from '../adoption-model.ts';
import { createBed, fingerprint, missingTables, type AdoptionBed } from '../adoption-bed.ts';
import { productionRows } from '../production-rows.ts';

describe('a database shaped like production', () => {
  const rows = productionRows(3000, 1);
  const model = adoptedModel(rows);
  let bed: AdoptionBed;
  beforeAll(async () => {
    bed = await createBed('adopt_whole', rows);
  });
  afterAll(() => bed.drop());

  it('is described by a dry run, which changes nothing', async () => {
    const before = await fingerprint(bed);
    const { code, value, err } = await bed.adopt('--dry-run');
    expect(err).not.toContain('Error');
    expect(code).toBe(0);
    expect(value).toMatchObject({ rows: { refused: model.refused } });
    expect(await fingerprint(bed)).toEqual(before);
  });

  it('becomes what the model says', async () => {
    const { code, value } = await bed.adopt();
    expect({ code, value }).toMatchObject({ code: 0, value: { outcome: 'adopted' } });
    const found = await bed.session((session) => adoptedTables(session, bed.schemas));
    expect(digests(found)).toEqual(digests(model));
    expect(await bed.session((session) => loadObstacles(session, bed.schemas))).toEqual([]);
  });
});
