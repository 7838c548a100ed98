import type { Log } from './log.ts';

/** Something that a person should hear of although no run has failed. It holds counts, days and names of releases. */
export interface Notice {
  readonly event: 'gap';
  readonly job: string;
  readonly runId: string;
  /** One or more sentences; the field that chat services show. */
  readonly text: string;
}

/** Tells people. It never throws: a load does not wait for whoever listens. */
export type Notify = (notice: Notice) => Promise<void>;

const timeoutMs = 10_000;

/** Posts each notice as JSON to a webhook; without one nobody is told. A notice that does not arrive is a warning. */
export function notifier(webhookUrl: string | undefined, log: Log): Notify {
  if (webhookUrl === undefined) return () => Promise.resolve();
  return async (notice) => {
    const failure = await post(webhookUrl, notice);
    // Never the address: services put their token into it.
    if (failure !== undefined)
      log.warn('the webhook did not take a notice', { event: notice.event, failure });
  };
}

async function post(url: string, notice: Notice): Promise<string | undefined> {
  try {
    const { ok: isTaken, status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(notice),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return isTaken ? undefined : `status ${status}`;
  } catch (error) {
    const { name, cause } = error as Error;
    return (cause as NodeJS.ErrnoException | undefined)?.code ?? name;
  }
}
