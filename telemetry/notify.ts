import type { Log } from './log.ts';

/** Something that a person should know although no run has failed. It contains only counts, days and release names. */
export interface Notice {
  readonly event: 'gap';
  readonly job: string;
  readonly runId: string;
  /** One or more sentences. Chat services show this field. */
  readonly text: string;
}

/** Sends a notice to people. Never throws, so that a webhook that is down cannot fail a load. */
export type Notify = (notice: Notice) => Promise<void>;

const timeoutMs = 10_000;

/** Posts each notice as JSON to the webhook, if there is one. Logs a warning when the webhook does not accept it. */
export function notifier(webhookUrl: string | undefined, log: Log): Notify {
  if (webhookUrl === undefined) return () => Promise.resolve();
  return async (notice) => {
    const failure = await post(webhookUrl, notice);
    // Without the address, because chat services put their token into it.
    if (failure !== undefined)
      log.warn(`the webhook rejected a notification (${failure})`, { event: notice.event, failure });
  };
}

async function post(url: string, notice: Notice): Promise<string | undefined> {
  try {
    const { ok: isAccepted, status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(notice),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return isAccepted ? undefined : `status ${status}`;
  } catch (error) {
    const { name, cause } = error as Error;
    return (cause as NodeJS.ErrnoException | undefined)?.code ?? name;
  }
}
