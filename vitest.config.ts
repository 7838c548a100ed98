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

/** The tests without servers of which `npm test` takes a sample. */
const sampledUnits = [
  'test/unit/rows/*.test.ts',
  'test/unit/report/*.test.ts',
  'test/unit/spool/ranges.test.ts',
];
/** A week, a monthly, both with reference files, and a case update, with a server of MariaDB. */
const onMariadb = [
  'test/integration/registry/npi-update.test.ts',
  'test/integration/registry/references.test.ts',
  'test/integration/baseline/npi-baseline.test.ts',
  'test/integration/baseline/references.test.ts',
  'test/integration/cases/case-update.test.ts',
];
const withServers = 'test/{integration,crash}/**/*.test.ts';
/** They replace a module that the product loads, so they need a process in which no other test has loaded the product. */
const withMocks = [
  'test/integration/baseline/npi-baseline-counts.test.ts',
  'test/integration/registry/npi-page-away.test.ts',
  'test/integration/worker/watch.test.ts',
  'test/integration/workflows/bug.test.ts',
  'test/unit/spool/power-loss.test.ts',
  'test/unit/worker/running.test.ts',
];

// oxlint-disable-next-line import/no-default-export -- vitest reads the default export
export default defineConfig({
  test: {
    // Each file also keeps MySQL, Temporal and its own worker processes busy: with more files, single tests take minutes.
    maxWorkers: 2,
    // MySQL writes its pages to disk before it exits.
    teardownTimeout: 60_000,
    tags: [
      {
        name: 'exhaustive',
        description: 'Takes long, or tries one more variant of what another test shows: not in npm test.',
      },
    ],
    projects: [
      // Loading the modules of each file again would take longer than most of these files.
      {
        test: {
          name: 'unit',
          include: ['test/{unit,replay}/**/*.test.ts'],
          exclude: withMocks,
          isolate: false,
          ...patient,
        },
      },
      {
        test: { name: 'servers', include: [withServers], exclude: withMocks, isolate: false, ...onServers },
      },
      { test: { name: 'mocked', include: withMocks, ...onServers } },
      {
        test: {
          name: 'exhaustive',
          include: [withServers, 'test/real/*.test.ts', ...sampledUnits],
          provide: { isExhaustive: true },
          ...onServers,
        },
      },
      { test: { name: 'mariadb', include: onMariadb, ...onServers } },
    ],
  },
});
