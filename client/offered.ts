import { failures } from '../contract/failures.ts';
import { newestMonthly, type ListedRelease } from '../nppes/page/due.ts';
import { NppesError } from '../nppes/errors.ts';
import { listedReleases, zipFacts } from '../nppes/page/listing.ts';
import type { Caller } from '../nppes/transfer/request.ts';
import { CommandError, exitCodes } from './exit.ts';

/**
 * The newest monthly on the page, with its size when the server reports one; undefined when the page lists none.
 * @throws CommandError when the server of the page or the zip does not answer, or does not return a page or a zip
 */
export async function offeredMonthly(pageUrl: string, caller: Caller): Promise<ListedRelease | undefined> {
  const monthly = newestMonthly(
    await offeredReleases(pageUrl, caller),
    new Date().toISOString().slice(0, 10),
  );
  return monthly && { ...monthly, ...(await zipFacts(monthly.url, caller).catch(asCommandError)) };
}

/**
 * The releases on the page, in its order.
 * @throws CommandError when the server of the page does not answer, or does not return a page with releases
 */
export async function offeredReleases(pageUrl: string, caller: Caller): Promise<readonly ListedRelease[]> {
  const { listed } = await listedReleases(pageUrl, caller).catch(asCommandError);
  return listed;
}

function asCommandError(error: unknown): never {
  if (!(error instanceof NppesError)) throw error;
  const { code, message } = error;
  const isUnreachable = code === 'PageUnreachable' || code === 'DownloadFailed';
  const exitCode = isUnreachable ? exitCodes.unreachable : exitCodes.failed;
  throw new CommandError(exitCode, `${message} ${failures[code].nextStep}`);
}
