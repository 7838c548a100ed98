import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failures } from '../../../contract/failures.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const types = Object.keys(failures).sort();

/** The codes that a floor throws, from its source: a type has no values to look at. */
function codesIn(path: string): string[] {
  const union = /ErrorCode =([^;]+);/.exec(read(path))?.[1] ?? '';
  return Array.from(union.matchAll(/'(\w+)'/g), ([, code = '']) => code);
}

describe('the failure types', () => {
  it('each have a heading in docs/troubleshooting.md, and there are no other headings', () => {
    const section = read('docs/troubleshooting.md').split('\n## Failures\n')[1] ?? '';
    const headings = Array.from(section.matchAll(/^### (.+)$/gm), ([, heading = '']) => heading);
    expect(headings.toSorted()).toEqual(types);
  });

  it('each have a next step in one sentence', () => {
    for (const { nextStep } of Object.values(failures)) expect(nextStep).toMatch(/^[A-Z].{20,}\.$/);
  });

  it('are those that the two floors throw, and those that activities and workflows decide', () => {
    const decided = [
      'TooManyRefused',
      'Unexpected',
      'StatementFailed',
      'InputRefused',
      'ApprovalTimedOut',
      'ResetTooLate',
      'TimedOut',
      'Terminated',
    ];
    const codes = [...codesIn('nppes/errors.ts'), ...codesIn('db/connection/errors.ts'), ...decided];
    expect(Array.from(new Set(codes)).sort()).toEqual(types);
  });
});
