import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const lockText = readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8');
const { packages } = JSON.parse(lockText) as {
  readonly packages: Readonly<
    Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
  >;
};

/** The places where Node looks for a dependency of the package at `path`: inside it, then in every folder above. */
function placesFor(name: string, path: string): string[] {
  const above = path === '' ? [] : path.split('/node_modules/');
  const nested = above.map((_, i) => `${above.slice(0, i + 1).join('/node_modules/')}/node_modules/${name}`);
  return [`node_modules/${name}`, ...nested];
}

// A mirror may get the binaries of other platforms later than the package itself; a lock that was made meanwhile
// lacks them, and `npm ci` refuses it on those platforms (npm/cli#9846).
test('the lock file has every optional dependency, so it installs on all platforms', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !placesFor(name, path).some((place) => place in packages))
      .map((name) => `${path} names ${name}`),
  );
  expect(missing).toEqual([]);
});

test('the lock file names no registry, so that everyone installs from their own', () => {
  expect(lockText).not.toMatch(/"resolved": "https?:/);
});

test('the example with traces has the version of the SDK', () => {
  const dependencies = (path: string) =>
    (
      JSON.parse(readFileSync(new URL(`../../../${path}package.json`, import.meta.url), 'utf8')) as {
        dependencies: Record<string, string>;
      }
    ).dependencies;
  expect(dependencies('examples/opentelemetry/')['@temporalio/interceptors-opentelemetry']).toBe(
    dependencies('')['@temporalio/worker'],
  );
});
