import { NppesError } from '../errors.ts';
import { header } from '../transfer/headers.ts';
import { request, type Caller } from '../transfer/request.ts';
import { dayAfter, type Gap, type ListedRelease } from './due.ts';
import { parseReleaseName, v2Since, type Release } from './release.ts';

// CMS keeps old files for about a year after its page stops linking them.
const mostWeeks = 53;
const monday = 1;

/** The weeks of the gaps, oldest first, each with the releases that CMS may have published for it. */
export function weekliesOf(gaps: readonly Gap[]): Release[][] {
  return gaps.flatMap(weeksOf).slice(-mostWeeks);
}

function weeksOf({ start, end }: Gap): Release[][] {
  const weeks: Release[][] = [];
  let first = start;
  while (new Date(first).getUTCDay() !== monday) first = dayAfter(first, 1);
  for (; dayAfter(first, 6) <= end; first = dayAfter(first, 7)) weeks.push(named(first, dayAfter(first, 6)));
  return weeks;
}

function named(first: string, last: string): Release[] {
  const name = `NPPES_Data_Dissemination_${mmddyy(first)}_${mmddyy(last)}_Weekly`;
  const names = [`${name}_V2.zip`, ...(last < v2Since ? [`${name}.zip`] : [])];
  return names.flatMap((fileName) => parseReleaseName(fileName) ?? []);
}

const mmddyy = (day: string) => day.slice(5, 7) + day.slice(8, 10) + day.slice(2, 4);

/**
 * The weeklies of the gaps that the server still has although its page no longer links them. They are asked for by the
 * names that CMS gives them, beside the release at the address `beside`.
 * @throws NppesError DownloadFailed (no answer, or one that does not concern the file) or RedirectRefused
 */
export async function unlistedWeeklies(
  gaps: readonly Gap[],
  beside: string,
  caller: Caller,
): Promise<ListedRelease[]> {
  const found: ListedRelease[] = [];
  for (const candidates of weekliesOf(gaps)) {
    for (const release of candidates) {
      const url = new URL(release.fileName, beside).href;
      if (!(await isOffered(url, caller))) continue;
      found.push({ release, url });
      break;
    }
  }
  return found;
}

const noHead: ReadonlySet<number> = new Set([405, 501]);

async function isOffered(url: string, caller: Caller): Promise<boolean> {
  const source = { url, ...caller, failure: 'DownloadFailed' } as const;
  try {
    let response = await request({ ...source, method: 'HEAD' });
    response.body.destroy();
    if (noHead.has(response.statusCode)) {
      response = await request(source);
      response.body.destroy();
    }
    const { statusCode, headers } = response;
    if (statusCode >= 500 || statusCode === 429)
      throw new NppesError('DownloadFailed', `${url} returned status ${statusCode}.`);
    // Some servers answer for a missing file with a page and status 200.
    return statusCode === 200 && !(header(headers, 'content-type') ?? '').startsWith('text/html');
  } catch (error) {
    if (error instanceof NppesError && error.code === 'ReleaseUnavailable') return false;
    throw error;
  }
}
