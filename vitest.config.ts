import { defineConfig } from 'vitest/config';
import { keepTemporaryFoldersInMemory } from './test/bed/temporary-folder.ts';

keepTemporaryFoldersInMemory();

// oxlint-disable-next-line import/no-default-export -- vitest reads the default export
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/bed/global-setup.ts'],
    // MySQL, Temporal and the workers under test share two cores, so test files run one after the other.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // MySQL writes its pages to disk before it exits.
    teardownTimeout: 60_000,
  },
});
