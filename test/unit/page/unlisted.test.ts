import { expect, it } from 'vitest';
import { weekliesOf } from '../../../nppes/page/unlisted.ts';

const names = (start: string, end: string) =>
  weekliesOf([{ start, end }]).map((week) => week.map(({ fileName }) => fileName));

it('the weeks of a gap have the names that CMS gives, Monday to Sunday', () => {
  expect(names('2026-09-14', '2026-09-27')).toEqual([
    ['NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip'],
    ['NPPES_Data_Dissemination_092126_092726_Weekly_V2.zip'],
  ]);
});

it('before March 2026 a week may have either layout', () => {
  expect(names('2025-12-29', '2026-01-04')).toEqual([
    [
      'NPPES_Data_Dissemination_122925_010426_Weekly_V2.zip',
      'NPPES_Data_Dissemination_122925_010426_Weekly.zip',
    ],
  ]);
});

it('days that are no whole week have no name', () => {
  expect(names('2026-09-15', '2026-09-26')).toEqual([]);
});

it('asks for the weeks of one year at most, the newest ones', () => {
  const weeks = names('2020-01-06', '2026-09-27');
  expect(weeks).toHaveLength(53);
  expect(weeks.at(-1)).toEqual(['NPPES_Data_Dissemination_092126_092726_Weekly_V2.zip']);
});
