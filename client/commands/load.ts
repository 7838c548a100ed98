import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config } from '../../config/config.ts';
import { parseReleaseName } from '../../nppes/page/release.ts';
import { withClient } from '../connection.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { startManually } from '../trigger.ts';
import { answerRun } from './run.ts';

const accepted = [
  'NPPES_Data_Dissemination_MMDDYY_MMDDYY_Weekly_V2.zip',
  'NPPES_Data_Dissemination_September_2026_V2.zip',
  'NPPES_Deactivated_NPI_Report_MMDDYY_V2.zip',
];

/** `surgicase npi load <zip>`: loads a CMS zip from the worker's disk, whether or not the page lists it. */
export async function load(
  config: Config,
  terminal: Terminal,
  zip: string,
  { wait, dryRun }: { readonly wait: boolean; readonly dryRun?: boolean },
): Promise<number> {
  const input = { file: fileUrl(zip), ...((dryRun || config.isShadow) && { dryRun: true }) };
  return withClient(config, async (client) => {
    const handle = await startManually(client, 'npi-update', input);
    return answerRun({ client, config, terminal, job: 'npi-update', handle, wait });
  });
}

/** @throws CommandError when the name is not a CMS file name, or there is no file at the path */
function fileUrl(zip: string): string {
  const path = resolve(zip);
  if (!parseReleaseName(basename(path))) {
    throw new CommandError(
      exitCodes.usage,
      `${basename(path)} is not a CMS file name; the name determines what the file contains. Accepted, with or without _V2: ` +
        `${accepted.join(', ')}.`,
    );
  }
  if (isFile(path)) return pathToFileURL(path).href;
  throw new CommandError(
    exitCodes.usage,
    `There is no file ${path} on this host. The worker reads it from the same path on its own host.`,
  );
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
