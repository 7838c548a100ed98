import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Where the prebuilt bundle lies: a worker that bundles in its process holds twice the memory. */
export const bundlePath = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

/** The workflows as one script for Temporal's sandbox, from the sources or from their build. */
export async function bundleWorkflows(): Promise<string> {
  const workflowsPath = fileURLToPath(
    new URL(`../workflows/index${extname(import.meta.url)}`, import.meta.url),
  );
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  return code;
}

const isMain =
  process.argv[1] !== undefined &&
  createRequire(import.meta.url).resolve(process.argv[1]) === fileURLToPath(import.meta.url);
if (isMain) await writeFile(bundlePath, await bundleWorkflows());
