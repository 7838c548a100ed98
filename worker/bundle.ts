import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

// A worker that bundles in its own process uses twice the memory, so the build makes the bundle.
const bundlePath = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

let code: Promise<string> | undefined;

/** The workflows as one script for Temporal's sandbox. Without a prebuilt one, it is bundled once per process. */
export function workflowCode(): Promise<string> {
  code ??= existsSync(bundlePath) ? readFile(bundlePath, 'utf8') : bundleWorkflows();
  return code;
}

/** Bundles from the sources or from the build output, whichever this file belongs to. */
async function bundleWorkflows(): Promise<string> {
  const workflowsPath = fileURLToPath(
    new URL(`../workflows/index${extname(import.meta.url)}`, import.meta.url),
  );
  const bundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  return bundle.code;
}

const isMain =
  process.argv[1] !== undefined &&
  createRequire(import.meta.url).resolve(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) await writeFile(bundlePath, await bundleWorkflows());
