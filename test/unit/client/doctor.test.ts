import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { checkNames } from '../../../client/doctor/doctor.ts';

it('docs/doctor.md lists every check, in the order of the report', () => {
  const page = readFileSync(new URL('../../../docs/doctor.md', import.meta.url), 'utf8');
  const [, table = ''] = page.split('\n## Checks\n');
  const listed = Array.from(table.matchAll(/^\| `([\w-]+)` \|/gm), ([, name]) => name);
  expect(listed).toEqual(checkNames);
});
