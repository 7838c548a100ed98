import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { envFiles } from '../../config/env-files.ts';
import { NppesError } from '../../nppes/errors.ts';
import { listedReleases } from '../../nppes/page/listing.ts';
import { freeBytesIn, sized } from '../../nppes/transfer/disk-space.ts';
import { estimateMonthly } from '../../spool/estimate.ts';
import { outgoing } from '../../worker/outgoing.ts';
import { ok, orOk, warning, wrong, type Check, type Finding } from './check.ts';
import { faultOf } from './examine.ts';

/** The zip of a weekly has about 10 MB (November 2026). This leaves room for several, and for logs. */
const weeklyBytes = 200e6;

interface Folder {
  readonly variable: 'NPI_WORK_DIR' | 'NPI_ARCHIVE_DIR';
  readonly path: string;
  readonly monthlyBytes: number;
}

const { workBytes, archiveBytes } = estimateMonthly();

/** What the checks of this host look at. */
export interface LocalSubject {
  readonly config: Config;
  /** The environment without the `.env`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly folder: string;
}

/** What this host's files and disk must offer. A worker on another host needs the same there. */
export const localChecks: readonly Check<LocalSubject>[] = [
  { name: 'env-file', look: envFile },
  {
    name: 'work-folder',
    look: ({ config: { nppes } }) =>
      folder({ variable: 'NPI_WORK_DIR', path: nppes.workDir, monthlyBytes: workBytes }, nppes.baselineRule),
  },
  {
    name: 'archive-folder',
    look: ({ config: { nppes } }) =>
      folder(
        { variable: 'NPI_ARCHIVE_DIR', path: nppes.archiveDir, monthlyBytes: archiveBytes },
        nppes.baselineRule,
      ),
  },
];

/** What the network of this host must offer. */
export const networkChecks: readonly Check<LocalSubject>[] = [{ name: 'cms', look: cms }];

function envFile({ variables, folder: here }: LocalSubject): Promise<readonly Finding[]> {
  const { readCount, overridden, unread } = envFiles(variables, here);
  const findings = [
    ...(unread
      ? [
          wrong(
            `${unread.path} sets ${unread.names.join(', ')}, but a command in ${here} reads only the .env of its own folder.`,
            `Run in ${dirname(unread.path)}, or set the variables in the environment.`,
          ),
        ]
      : []),
    ...overridden.map((name) =>
      warning(
        `The environment sets ${name} to another value than the .env of this folder, and wins.`,
        `Remove ${name} from one of them: a command without that environment uses the other value.`,
      ),
    ),
  ];
  const fine =
    readCount === 0
      ? 'none in this folder, and none above that would be missed'
      : `${readCount} variables from the .env of this folder; a command in another folder does not read them`;
  return Promise.resolve(orOk(findings, fine));
}

async function folder(
  { variable, path, monthlyBytes }: Folder,
  baselineRule: Config['nppes']['baselineRule'],
): Promise<readonly Finding[]> {
  const elsewhere = `set ${variable} to another folder`;
  const existing = await nearestExisting(path);
  if (!existing.isFolder)
    return [wrong(`${existing.path} is a file, and must be a folder.`, `Remove it, or ${elsewhere}.`)];
  const refusal = await refusalOf(existing.path);
  if (refusal !== undefined) {
    const what = existing.path === path ? 'write to' : `create ${path} in`;
    return [
      wrong(
        `This user cannot ${what} ${existing.path} (${refusal}).`,
        `Give the user of the worker the right to write there, or ${elsewhere}.`,
      ),
    ];
  }
  const freeBytes = await freeBytesIn(path);
  const free = `${sized(freeBytes)} free in ${path}`;
  if (freeBytes < weeklyBytes)
    return [
      wrong(`${free}; a weekly needs up to ${sized(weeklyBytes)}.`, `Free some space, or ${elsewhere}.`),
    ];
  if (baselineRule === 'auto' && freeBytes < monthlyBytes)
    return [
      warning(
        `${free}; a monthly needs ${sized(monthlyBytes)}.`,
        `Free some space, ${elsewhere}, or set NPI_BASELINE=never.`,
      ),
    ];
  return [ok(free)];
}

async function nearestExisting(path: string): Promise<{ path: string; isFolder: boolean }> {
  try {
    return { path, isFolder: (await stat(path)).isDirectory() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return nearestExisting(dirname(resolve(path)));
    if (code === 'ENOTDIR') return { path: dirname(path), isFolder: false };
    if (code === 'EACCES') return { path: dirname(path), isFolder: true };
    throw error;
  }
}

async function refusalOf(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

async function cms({ config: { nppes, proxies } }: LocalSubject): Promise<readonly Finding[]> {
  const signal = AbortSignal.timeout(patienceMs);
  const isReachedBy = (used: Config['proxies']) =>
    listedReleases(nppes.url, { signal, dispatcher: outgoing(used) });
  try {
    const { listed } = await isReachedBy(proxies);
    return [ok(`${nppes.url} lists ${listed.length} releases`)];
  } catch (error) {
    const { text, fix = '' } = faultOf(error);
    const isAway = error instanceof NppesError && error.code === 'PageUnreachable';
    if (!isAway) return [wrong(text, fix)];
    const isProxied = proxies.http !== undefined || proxies.https !== undefined;
    if (!isProxied)
      return [
        wrong(
          text,
          'If this host reaches the web only through a proxy, set HTTPS_PROXY; if it cannot, set NPPES_URL to a folder (docs/operations.md).',
        ),
      ];
    const isDirect = await isReachedBy({ exceptions: '*' }).then(
      () => true,
      () => false,
    );
    return [
      isDirect
        ? wrong(
            `${text} It answers without the proxy.`,
            `Unset HTTPS_PROXY and HTTP_PROXY, or add ${new URL(nppes.url).hostname} to NO_PROXY.`,
          )
        : wrong(text, 'Check the address of HTTPS_PROXY or HTTP_PROXY, and NPPES_URL.'),
    ];
  }
}

const patienceMs = 30_000;
