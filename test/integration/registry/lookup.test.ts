import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookupProvider, searchProviders, type SearchQuestion } from '../../../db/registry/lookup.ts';
import type { Session } from '../../../db/connection/session.ts';
import { surgicase } from '../../bed/cli.ts';
import { forever, startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npi, npidataCsv, organization, stub, writeWeekly } from '../../generated/release-zip.ts';

const schemas = { application: 'lookup_app', search: 'lookup_search', scheduler: 'lookup_own' };
const practice = 'Provider Business Practice Location Address';
const inState = (state: string) => ({ [`${practice} State Name`]: state });
const date = '09/08/2026';

let pipeline: Pipeline;
const inSession = <T>(use: (session: Session) => Promise<T>) => pipeline.database.session(forever, use);
const lookup = (index: number) => inSession((session) => lookupProvider(session, schemas, npi(index)));
const search = (question: Omit<SearchQuestion, 'limitRows'>, limitRows = 50) =>
  inSession((session) => searchProviders(session, schemas, { ...question, limitRows }));
const names = async (question: Omit<SearchQuestion, 'limitRows'>, limitRows?: number) =>
  (await search(question, limitRows)).map((row) =>
    row.kind === 'surgeon' ? row.last_name : row.facility_name,
  );

beforeAll(async () => {
  pipeline = await startPipeline('lookup');
  const rows = [
    individual(1, 'SMITH', date, { 'Provider First Name': 'ADA', ...inState('TX') }),
    individual(2, 'Smithson', date, inState('NY')),
    individual(3, 'GOLDSMITH', date, inState('TX')),
    individual(4, 'SMITH GONE', date, { 'NPI Deactivation Date': '09/09/2026' }),
    individual(5, 'ÉCLAIR', date),
    individual(6, 'ECLAIRS', date),
    organization(7, 'SMITH CLINIC', date, { ...inState('TX'), [`${practice} Postal Code`]: '787011234' }),
    organization(8, '3M HEALTH', date),
    stub(9, '09/09/2026'),
    organization(10, '100% CARE', date),
    organization(11, '100 PERCENT CARE', date),
    organization(12, 'A_B LAB', date),
    organization(13, 'AXB LAB', date),
    organization(14, 'B\\C LAB', date),
    organization(15, 'BC LAB', date),
    individual(16, 'SAINT SMITH', date),
    individual(17, 'SMITH BACK', date, {
      'NPI Deactivation Date': '09/01/2026',
      'NPI Reactivation Date': '09/01/2026',
    }),
    ...['TX Austin 18', 'NY Albany 19', 'TX Abilene 20'].map((place) => {
      const [state = '', city = '', index] = place.split(' ');
      const at = { ...inState(state), [`${practice} City Name`]: city };
      return organization(Number(index), `MERCY ${index}`, date, at);
    }),
    organization(21, 'GRACE AND MERCY', date),
    organization(22, 'ALPHA 3M LAB', date),
  ];
  await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv(rows));
  await pipeline.run();
});
afterAll(() => pipeline.stop());

describe('a search', () => {
  it('finds names by their beginning, surgeons before facilities, upper or lower case', async () => {
    expect(await names({ name: ' smith ' })).toEqual(['SMITH', 'SMITH BACK', 'Smithson', 'SMITH CLINIC']);
  });

  it('finds a match anywhere in the name like the application: among names with the same first letter', async () => {
    const found = await names({ name: 'smith', isAnywhere: true });
    expect(found).toEqual(['SAINT SMITH', 'SMITH', 'SMITH BACK', 'Smithson', 'SMITH CLINIC']);
    expect(await names({ name: 'goldsmith', isAnywhere: true })).toEqual(['GOLDSMITH']);
  });

  it('sorts facilities by state and city when it searches like the application, otherwise by name', async () => {
    expect(await names({ name: 'mercy', isAnywhere: true })).toEqual(['MERCY 19', 'MERCY 20', 'MERCY 18']);
    expect(await names({ name: 'mercy' })).toEqual(['MERCY 18', 'MERCY 19', 'MERCY 20']);
  });

  it('omits deactivated providers', async () => {
    expect(await names({ name: 'SMITH GONE', isAnywhere: true })).toEqual([]);
  });

  it('filters by state', async () => {
    expect(await names({ name: 'SMITH', state: 'tx' })).toEqual(['SMITH', 'SMITH CLINIC']);
    expect(await names({ name: 'SMITH', state: 'CA' })).toEqual([]);
  });

  it('limits the number of results of each kind', async () => {
    expect(await names({ name: 'SMITH' }, 1)).toEqual(['SMITH', 'SMITH CLINIC']);
  });

  it.each(['éclair', 'Eclair'])('finds %s with and without its accent', async (name) => {
    expect(await names({ name })).toEqual(['ÉCLAIR', 'ECLAIRS']);
  });

  it('finds a name that does not begin with a letter', async () => {
    expect(await names({ name: '3m' })).toEqual(['3M HEALTH']);
    expect(await names({ name: '3M', isAnywhere: true })).toEqual(['3M HEALTH', 'ALPHA 3M LAB']);
  });

  it.each([
    ['100%', ['100% CARE']],
    ['A_B', ['A_B LAB']],
    ['B\\C', ['B\\C LAB']],
    ['%', []],
    ["O'", []],
  ])('searches for %s literally', async (name, expected) => {
    expect(await names({ name })).toEqual(expected);
  });

  it('returns the columns of the search table', async () => {
    expect(await search({ name: 'SMITH CLINIC' })).toEqual([
      {
        kind: 'facility',
        npi: Number(npi(7)),
        facility_name: 'SMITH CLINIC',
        address: '',
        city: '',
        state: 'TX',
        zip: '787011234',
      },
    ]);
  });
});

describe('a look-up', () => {
  it('shows the filled columns as the application sees them, and their table', async () => {
    expect(await lookup(7)).toEqual({
      table: 'npi_data_2',
      columns: {
        npi: Number(npi(7)),
        entity_type_code: '2',
        provider_organization_name: 'SMITH CLINIC',
        provider_business_practice_location_address_state_name: 'TX',
        provider_business_practice_location_address_postal_code: '787011234',
        last_update_date: date,
        location_zip: '78701',
      },
    });
  });

  it('finds providers that searches do not show', async () => {
    expect(await lookup(4)).toMatchObject({ table: 'npi_data_1' });
    expect(await lookup(9)).toEqual({
      table: 'npi_data_0',
      columns: { npi: Number(npi(9)), npi_deactivation_date: '09/09/2026' },
    });
  });

  it.each([
    [4, '09/09/2026'],
    [9, '09/09/2026'],
    [17, undefined],
    [1, undefined],
  ])('says since when provider %i is deactivated: %s', async (index, since) => {
    const { code, out } = await surgicase(['npi', 'lookup', npi(index)], pipeline.env);
    expect(code).toBe(0);
    expect(/DEACTIVATED on (\S+); not in the search tables\./.exec(out)?.[1]).toBe(since);
    const json = await surgicase(['npi', 'lookup', npi(index), '--json'], pipeline.env);
    expect(JSON.parse(json.out)).toEqual(await lookup(index));
  });

  it('says when the list was cut, and how to see more', async () => {
    const { code, out } = await surgicase(['npi', 'search', 'smith', '--limit', '1'], pipeline.env);
    expect(code).toBe(0);
    const [, ...lines] = out.trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['surgeon', 'facility', 'More']);
    expect(lines[2]).toContain('`--limit 5` shows more');
  });

  it('returns nothing for an unknown NPI', async () => {
    expect(await lookup(99)).toBeUndefined();
  });
});
