import { defineConfig } from 'vitest/config';
import { keepTemporaryFoldersInMemory } from './test/bed/temporary-folder.ts';

keepTemporaryFoldersInMemory();

// A busy machine is not a failure.
const patient = { testTimeout: 300_000, hookTimeout: 300_000 };
// Nothing of one test file is seen by another: each has its own schemas and its own Temporal namespace.
const onServers = {
  globalSetup: ['test/bed/global-setup.ts'],
  setupFiles: ['test/bed/workflow-bundle.ts'],
  ...patient,
};

/** The files of which `npm test` takes a sample. */
const exhaustive = [
  'test/unit/rows/*.test.ts',
  'test/unit/report/*.test.ts',
  'test/unit/spool/ranges.test.ts',
  'test/integration/connection/server-settings.test.ts',
  'test/integration/registry/npi-{order,report,year}.test.ts',
  'test/integration/baseline/npi-baseline.test.ts',
  'test/crash/*.test.ts',
  'test/real/*.test.ts',
];

// oxlint-disable-next-line import/no-default-export -- vitest reads the default export
export default defineConfig({
  test: {
    // Each file also keeps MySQL, Temporal and its own worker processes busy: with more files, single tests take minutes.
    maxWorkers: 2,
    // MySQL writes its pages to disk before it exits.
    teardownTimeout: 60_000,
    projects: [
      // Without servers, loading the modules of each file again would take as long as the tests.
      { test: { name: 'unit', include: ['test/{unit,replay}/**/*.test.ts'], isolate: false, ...patient } },
      { test: { name: 'servers', include: ['test/{integration,crash}/**/*.test.ts'], ...onServers } },
      { test: { name: 'exhaustive', include: exhaustive, provide: { isExhaustive: true }, ...onServers } },
    ],
  },
});
