import { describe, expect, it } from 'vitest';
import {
  dueReleases,
  type BaselineRule,
  type Due,
  type ListedRelease,
  type PublishedRelease,
} from '../../../nppes/page/due.ts';
import {
  compareReleases,
  monthlyPeriodEnd,
  parseReleaseName,
  releaseOfLogged,
  withMemberPeriod,
  type Release,
} from '../../../nppes/page/release.ts';

function release(fileName: string): Release {
  const found = parseReleaseName(fileName);
  if (!found) throw new Error(`${fileName} is no release`);
  return found;
}
const weekly = (days: string, v = '_V2') => `NPPES_Data_Dissemination_${days}_Weekly${v}.zip`;
const listed = (name: string, more: Partial<ListedRelease> = {}): ListedRelease => ({
  release: release(name),
  url: `https://cms.test/${name}`,
  etag: '"1"',
  sizeBytes: 10,
  ...more,
});
const published = (name: string, more: Partial<PublishedRelease> = {}): PublishedRelease => ({
  release: release(name),
  etag: '"1"',
  sizeBytes: 10,
  ...more,
});

describe('a line of an earlier log', () => {
  it.each([
    ['npidata_pfile_20260914-20260920.csv', `${weekly('091426_092026')} 2026-09-14 2026-09-20`],
    ['/data/in/npidata_pfile_20251229-20260104.csv', `${weekly('122925_010426', '')} 2025-12-29 2026-01-04`],
    ['C:\\in\\NPIDATA_PFILE_20260914-20260920.CSV', `${weekly('091426_092026')} 2026-09-14 2026-09-20`],
    [
      'npidata_pfile_20050523-20260913.csv',
      'NPPES_Data_Dissemination_September_2026_V2.zip 2005-05-23 2026-09-13',
    ],
    [
      'npidata_pfile_20050523-20231008.csv',
      'NPPES_Data_Dissemination_October_2023.zip 2005-05-23 2023-10-08',
    ],
    [weekly('091426_092026'), `${weekly('091426_092026')} 2026-09-14 2026-09-20`],
  ])('%s is %s', (text, expected) => {
    const found = releaseOfLogged(text);
    expect(`${found?.fileName} ${found?.periodStart} ${found?.periodEnd}`).toBe(expected);
    // When the page lists that name, it must be the same release, or it would be due again.
    expect(parseReleaseName(found?.fileName ?? '')).toMatchObject({
      kind: found?.kind,
      layout: found?.layout,
    });
  });

  it.each([
    '',
    'search rebuild',
    'npidata_pfile_20261301-20261307.csv',
    'npidata_pfile_20260920-20260914.csv',
    'npidata_pfile_20260914-20260920_fileheader.csv',
    'NPPES_Deactivated_NPI_Report_100923_V2.zip',
  ])('"%s" is not a release', (text) => expect(releaseOfLogged(text)).toBeUndefined());
});

describe('a file name', () => {
  it.each([
    [weekly('091426_092026'), 'weekly V2 2026-09-14 2026-09-20'],
    [weekly('122925_010426', ''), 'weekly V1 2025-12-29 2026-01-04'],
    ['NPPES_Data_Dissemination_September_2026_V2.zip', 'monthly V2 2005-05-23 2026-09-13'],
    ['NPPES_Data_Dissemination_Apr_2016.zip', 'monthly V1 2005-05-23 2016-04-10'],
    ['NPPES_Data_Dissemination_November_2023.ZIP', 'monthly V1 2005-05-23 2023-11-12'],
    ['NPPES_Deactivated_NPI_Report_091426_V2.zip', 'deactivation V2 2005-05-23 2026-09-14'],
  ])('%s', (name, told) => {
    const { kind, layout, periodStart, periodEnd } = release(name);
    expect(`${kind} ${layout} ${periodStart} ${periodEnd}`).toBe(told);
  });

  it.each([
    weekly('023026_030126'),
    weekly('092026_091426'),
    'NPPES_Data_Dissemination_091426_092026_V2.zip',
    'NPPES_Data_Dissemination_Brumaire_2026.zip',
    'npidata.zip',
    '',
  ])('%j is not a release', (name) => {
    expect(parseReleaseName(name)).toBeUndefined();
  });

  it('yields to the period in the name of its member', () => {
    const { periodStart, periodEnd } = withMemberPeriod(
      release(weekly('091426_092026')),
      'npidata_pfile_20260915-20260921.csv',
    );
    expect([periodStart, periodEnd]).toEqual(['2026-09-15', '2026-09-21']);
  });
});

describe('the calendar', () => {
  it.each([
    [2026, 6, '2026-06-07'],
    [2026, 9, '2026-09-13'],
    [2026, 2, '2026-02-08'],
    [2023, 10, '2023-10-08'],
  ])('a monthly of %i-%i covers the days until %s', (year, month, end) => {
    expect(monthlyPeriodEnd(year, month)).toBe(end);
  });

  it('orders releases across New Year, and on the same day weekly before monthly before report', () => {
    const names = [
      'NPPES_Deactivated_NPI_Report_091326_V2.zip',
      'NPPES_Data_Dissemination_September_2026_V2.zip',
      weekly('090726_091326'),
      weekly('010526_011126'),
      weekly('122925_010426'),
      weekly('122225_122825'),
    ];
    expect(
      names
        .map(release)
        .sort(compareReleases)
        .map(({ fileName }) => fileName),
    ).toEqual(names.reverse());
  });
});

describe('what is due', () => {
  const due = (offers: ListedRelease[], known: PublishedRelease[], today = '2026-09-29') =>
    dueReleases(offers, known, today, 'auto').due.map((offer) => offer.release.fileName);
  const [w1, w2, w3] = [weekly('090726_091326'), weekly('091426_092026'), weekly('092126_092726')];

  it('is every unpublished weekly, oldest first', () => {
    expect(due([listed(w3), listed(w1), listed(w2)], [published(w2)])).toEqual([w1, w3]);
  });

  it('is not an old weekly from a notice, unless it fills a gap between published releases', () => {
    const old = weekly('020623_021223', '');
    expect(due([listed(old), listed(w3)], [])).toEqual([w3]);
    expect(due([listed(old), listed(w3)], [published(weekly('013023_020523', ''))])).toEqual([old, w3]);
  });

  it('has no gap because of an old weekly from a notice', () => {
    const old = weekly('020623_021223', '');
    expect(dueReleases([listed(old), listed(w3)], [], '2026-09-29', 'never').gaps).toEqual([]);
  });

  it('is the wider layout of a period, and none when either is published', () => {
    const v1 = weekly('092126_092726', '');
    expect(due([listed(v1), listed(w3)], [])).toEqual([w3]);
    expect(due([listed(v1), listed(w3)], [published(v1)])).toEqual([]);
  });

  it('is a published file again when its ETag or length changed', () => {
    expect(due([listed(w3, { etag: '"2"' })], [published(w3)])).toEqual([w3]);
    expect(due([listed(w3, { sizeBytes: 11 })], [published(w3)])).toEqual([w3]);
    const { release: unmeasured } = published(w3);
    expect(due([listed(w3)], [{ release: unmeasured }])).toEqual([]);
    expect(due([{ release: release(w3), url: '' }], [published(w3)])).toEqual([]);
  });

  const report = (day: string) => `NPPES_Deactivated_NPI_Report_${day}_V2.zip`;

  it('is the newest deactivation report, in the order of its day', () => {
    const offers = [listed(report('092126')), listed(w3), listed(w2), listed(report('081026'))];
    expect(due(offers, [])).toEqual([w2, report('092126'), w3]);
  });

  it('is not a report that is published, older than a published one, or covered by a monthly', () => {
    expect(due([listed(report('092126'))], [published(report('092126'))])).toEqual([]);
    expect(due([listed(report('091426'))], [published(report('092126'))])).toEqual([]);
    const { due: none, superseded } = dueReleases(
      [listed(report('091326'))],
      [published('NPPES_Data_Dissemination_September_2026_V2.zip')],
      '2026-09-29',
      'auto',
    );
    expect(none).toEqual([]);
    expect(superseded.map(({ release: { fileName } }) => fileName)).toEqual([report('091326')]);
  });

  it('is not a week or month that has not ended', () => {
    const { due: none, remarks } = dueReleases(
      [listed(w3), listed('NPPES_Data_Dissemination_October_2026_V2.zip')],
      [],
      '2026-09-27',
      'auto',
    );
    expect(none).toEqual([]);
    expect(remarks.join('\n')).toMatch(/092126_092726.*days that are not over[\s\S]*Nothing to load/);
  });
});

describe('a monthly', () => {
  const monthly = (month: string) => `NPPES_Data_Dissemination_${month}_2026_V2.zip`;
  const september = monthly('September');
  const [w1, w2, w3, w4] = ['090726_091326', '091426_092026', '092126_092726', '092826_100426'].map((days) =>
    weekly(days),
  ) as [string, string, string, string];
  const due = (offers: string[], known: string[], rule: BaselineRule = 'auto') =>
    dueReleases(
      offers.map((offer) => listed(offer)),
      known.map((name) => published(name)),
      '2026-10-20',
      rule,
    );
  const names = (result: Due) => result.due.map(({ release: { fileName } }) => fileName);

  it('is due first when none was loaded, before the later weeklies, and supersedes the weeklies that it covers', () => {
    const result = due([w3, w1, september, w2], []);
    expect(names(result)).toEqual([september, w2, w3]);
    expect(result.superseded.map(({ release: { fileName } }) => fileName)).toEqual([w1]);
  });

  it('is due only as the newest one', () => {
    expect(names(due([september, monthly('August')], []))).toEqual([september]);
  });

  it('is not due while the weeklies since the last one are complete', () => {
    const result = due([monthly('October'), w2, w3], [september, w2]);
    expect(names(result)).toEqual([w3]);
    expect(result.remarks.join()).toContain('the weeklies since the last monthly are complete');
  });

  it('is due when a weekly is no longer listed and the monthly covers its days', () => {
    expect(names(due([monthly('October'), w4], [september, w2]))).toEqual([monthly('October')]);
    const gap = due([w4], [september, w2]);
    expect(names(gap)).toEqual([w4]);
    expect(gap.remarks.join()).toContain('No weekly covers the days from 2026-09-21 to 2026-09-27');
    expect(gap.gaps).toEqual([{ start: '2026-09-21', end: '2026-09-27' }]);
  });

  it('is due only on request when NPI_BASELINE is never', () => {
    expect(names(due([september, w2], [], 'never'))).toEqual([w2]);
    expect(names(due([monthly('October'), w2], [september, w2], 'replace'))).toEqual([monthly('October')]);
    const again = due([september], [september], 'replace');
    expect(names(again)).toEqual([]);
    expect(again.remarks.join()).toContain('already published with the same content: nothing to load');
    expect(due([september], [september]).remarks.join()).not.toContain('published already');
    expect(due([w2], [], 'replace').remarks.join()).toContain('lists no monthly whose period is over');
  });

  it('is not loaded after a later one', () => {
    const result = due([september], [monthly('October')], 'replace');
    expect(names(result)).toEqual([]);
    expect(result.remarks.join()).toContain('a later monthly is');
  });

  it('that covers only a part of the missing days says so, and leaves the rest as a gap', () => {
    const listedNow = [september, w3];
    const known = [monthly('August'), weekly('080326_080926'), weekly('081026_081626')];
    const result = due(listedNow, [...known, weekly('081726_082326'), weekly('082426_083026')]);
    expect(result.gaps).toEqual([{ start: '2026-08-31', end: '2026-09-20' }]);
    expect(result.remarks.join()).toContain('it does not cover all missing days');
    expect(due(listedNow, known, 'replace').gaps).toEqual([{ start: '2026-09-14', end: '2026-09-20' }]);
  });

  it('closes the gap whose days it covers', () => {
    expect(due([], [september, w3]).gaps).toEqual([{ start: '2026-09-14', end: '2026-09-20' }]);
    expect(due([], [september, w3, monthly('October')]).gaps).toEqual([]);
  });

  it('is due again when its file changed', () => {
    const changed = dueReleases(
      [listed(september, { etag: '"2"' })],
      [published(september)],
      '2026-10-20',
      'auto',
    );
    expect(names(changed)).toEqual([september]);
  });
});
