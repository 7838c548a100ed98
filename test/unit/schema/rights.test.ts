import { describe, expect, it } from 'vitest';
import { lackingRights } from '../../../db/schema/rights.ts';

const needed = [
  { privileges: ['SELECT', 'ALTER'], place: 'my_app.cases' },
  { privileges: ['INSERT'], place: 'own.*' },
];
const to = 'TO `u`@`%`';

describe('lackingRights', () => {
  it.each([
    ['everything', [`GRANT ALL PRIVILEGES ON *.* ${to} WITH GRANT OPTION`], []],
    ['nothing', [`GRANT USAGE ON *.* ${to}`, 'GRANT `role`@`%` TO `u`@`%`'], needed],
    [
      'tables and columns',
      [`GRANT SELECT (\`a\`, \`b\`), ALTER ON \`my_app\`.\`cases\` ${to}`, `GRANT INSERT ON \`own\`.* ${to}`],
      [],
    ],
    [
      'a right on one table only',
      [`GRANT SELECT ON \`my_app\`.* ${to}`, `GRANT INSERT ON \`own\`.\`run\` ${to}`],
      [{ privileges: ['ALTER'], place: 'my_app.cases' }, needed[1]],
    ],
    ['wildcards', [`GRANT SELECT, INSERT, ALTER ON \`%\`.* ${to}`], []],
    ['a wildcard that fits another schema', [`GRANT INSERT ON \`ow\\_\`.* ${to}`], needed],
    [
      'a partial revoke',
      [`GRANT SELECT, INSERT, ALTER ON *.* ${to}`, 'REVOKE INSERT ON `own`.* FROM `u`@`%`'],
      [needed[1]],
    ],
    ['routines', [`GRANT ALL PRIVILEGES ON PROCEDURE \`own\`.\`p\` ${to}`], needed],
  ])('finds what is missing beside %s', (_, lines, missing) => {
    expect(lackingRights(lines, needed)).toEqual(missing);
  });
});
