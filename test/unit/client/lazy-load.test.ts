import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// The only file that loads local/. The command line imports it when `surgicase start` runs.
const startCommand = 'client/commands/start.ts';

/**
 * What a file imports when it is loaded or, with `isDynamic`, later: packages by name, files by path. Types are
 * erased.
 */
function importsOf(file: string, isDynamic: boolean): string[] {
  const source = readFileSync(join(root, file), 'utf8');
  const statics = source.matchAll(/^(?:import|export)(?! type\b)[^;]*?from '([^']+)'|^import '([^']+)'/gm);
  const dynamics = isDynamic ? source.matchAll(/\bimport\('([^']+)'\)/g) : [];
  return [...statics, ...dynamics]
    .map(([, from, bare]) => from ?? bare ?? '')
    .map((name) => (name.startsWith('.') ? relative(root, join(root, dirname(file), name)) : name));
}

/** Every file and package that can be loaded from an entry, without going through `surgicase start`. */
function reachableFrom(entry: string, isDynamic: boolean): string[] {
  const found = new Set([entry]);
  for (const file of found) {
    if (!file.endsWith('.ts') || file === startCommand) continue;
    for (const name of importsOf(file, isDynamic)) found.add(name);
  }
  return [...found].filter((name) => name !== startCommand);
}

const isLocal = (name: string) => name.startsWith('local/') || ['yazl', '@temporalio/testing'].includes(name);

describe.each(['client/cli.ts', 'host/index.ts', 'worker/worker.ts'])('%s', (entry) => {
  it('loads nothing of local/, neither at once nor later', () => {
    const reachable = reachableFrom(entry, true);
    expect(reachable.length).toBeGreaterThan(30);
    expect(reachable.filter(isLocal)).toEqual([]);
  });
});

describe('client/commands/start.ts', () => {
  it('loads local/, but yazl and @temporalio/testing only when it needs them', () => {
    const statics = new Set(importsOf(startCommand, false));
    for (const file of statics)
      if (file.endsWith('.ts')) for (const name of importsOf(file, false)) statics.add(name);
    expect([...statics]).toContain('local/services.ts');
    expect([...statics].filter((name) => ['yazl', '@temporalio/testing'].includes(name))).toEqual([]);
  });
});
