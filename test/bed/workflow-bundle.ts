import { readFile } from 'node:fs/promises';
import { inject, vi } from 'vitest';

// Bundling takes seconds, so it happens once per test run and not once per test file.
vi.mock('../../worker/bundle.ts', () => ({ workflowCode: () => readFile(inject('bundlePath'), 'utf8') }));
