import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/bed/global-setup.ts'],
    // Two cores carry MySQL, Temporal and the workers under test as well: files one after the other.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // MySQL writes its pages to disk before it goes.
    teardownTimeout: 60_000,
  },
});
