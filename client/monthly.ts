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
  try {
    const today = new Date().toISOString().slice(0, 10);
    const { listed } = await listedReleases(pageUrl, caller);
    const monthly = newestMonthly(listed, today);
    return monthly && { ...monthly, ...(await zipFacts(monthly.url, caller)) };
  } catch (error) {
    throw error instanceof NppesError ? asCommandError(error) : error;
  }
}

function asCommandError({ code, message }: NppesError): CommandError {
  const isUnreachable = code === 'PageUnreachable' || code === 'DownloadFailed';
  const exitCode = isUnreachable ? exitCodes.unreachable : exitCodes.failed;
  return new CommandError(exitCode, `${message} ${failures[code].nextStep}`);
}
