import { expect, it } from 'vitest';
import { parseReleaseName } from '../../../nppes/page/release.ts';
import { surplusReleases } from '../../../nppes/page/surplus.ts';

const weekly = (days: string) => `NPPES_Data_Dissemination_${days}_Weekly_V2.zip`;
const monthly = (month: string) => `NPPES_Data_Dissemination_${month}_2026_V2.zip`;
const report = (day: string) => `NPPES_Deactivated_NPI_Report_${day}_V2.zip`;

const august = [monthly('August'), report('081026'), weekly('081026_081626'), weekly('081726_082326')];
// The period of the September monthly ends on 13 September.
const september = [
  monthly('September'),
  report('091426'),
  weekly('091426_092026'),
  weekly('092126_092726'),
  weekly('092826_100426'),
];

const surplus = (names: readonly string[], keepCount: number) =>
  surplusReleases(
    names.flatMap((name) => parseReleaseName(name) ?? []),
    keepCount,
  )
    .map(({ fileName }) => fileName)
    .toSorted();

it('the newest monthly and every release after it stay, whatever the number is', () => {
  expect(surplus([...september, ...august], 1)).toEqual(august.toSorted());
});

it('of each kind the newest ones stay', () => {
  expect(surplus([...august, ...september], 4)).toEqual([weekly('081026_081626')]);
  expect(surplus([...august, ...september], 5)).toEqual([]);
});

it('without a monthly only the number counts', () => {
  const weeks = [weekly('091426_092026'), weekly('092126_092726')];
  expect(surplus([...weeks, 'notes.txt'], 1)).toEqual([weekly('091426_092026')]);
});
