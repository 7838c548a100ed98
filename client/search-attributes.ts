import type { Client } from '@temporalio/client';
import { registerCommand } from '../contract/search-attributes.ts';
import { missingSearchAttributes, registerSearchAttributes } from '../worker/search-attributes.ts';

/**
 * Registers what the Web UI can list and filter runs by. Runs also work without, and many servers let only an administrator
 * do this, so a refusal is a line with the command for one. Returns the lines to show; none when nothing was missing.
 */
export async function registerForRuns(client: Client): Promise<string[]> {
  try {
    const missing = await missingSearchAttributes(client);
    if (missing.length === 0) return [];
    await registerSearchAttributes(client, missing);
    return [`Registered the search attributes ${missing.join(', ')}: the Web UI can filter runs by them.`];
  } catch (error) {
    return [
      `Temporal did not register the search attributes of runs: ${(error as Error).message}. ` +
        'Runs work without them. To filter runs by job, outcome and release, an administrator runs:',
      `  ${registerCommand(client.options.namespace)}`,
    ];
  }
}
