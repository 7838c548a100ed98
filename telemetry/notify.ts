import { setTimeout as sleep } from 'node:timers/promises';
import { request, type Dispatcher } from 'undici';
import type { Log } from './log.ts';

/** What people can be told about; `NOTIFY_ON` selects from these. */
export type NoticeEvent = 'failure' | 'gap' | 'waiting' | 'overdue' | 'success';

/** Something that a person should know. It contains only counts, days, and names of releases, runs and failures. */
export interface Notice {
  readonly event: NoticeEvent;
  readonly job: string;
  /** Absent when there is no run, such as for a firing that was skipped. */
  readonly runId?: string;
  /** One or more sentences. Slack and other chat services show this field. */
  readonly text: string;
}

/** Sends a notice in the background. It never throws and never waits, so a webhook that is down cannot hold up a run. */
export type Notify = (notice: Notice) => void;

/** Where notices go. Both addresses may contain a token and are never logged. */
export interface NotifyConfig {
  readonly webhookUrl?: string;
  readonly events: readonly NoticeEvent[];
  /** Gets a request after each good run, for a service that reports when the requests stop. */
  readonly heartbeatUrl?: string;
}

/** Notices that are being sent. */
export interface Notifier {
  readonly notify: Notify;
  /** Waits for notices that are being sent, at most 5 seconds. */
  settle(): Promise<void>;
}

const timeoutMs = 10_000;
const settleMs = 5000;
const retryAfterMs = [2000, 30_000];

/** Posts notices as JSON to the webhook, up to three times each. Logs a warning when the webhook accepts none of them. */
export function createNotifier(
  { webhookUrl, events, heartbeatUrl }: NotifyConfig,
  { log, dispatcher }: { readonly log: Log; readonly dispatcher: Dispatcher },
  delaysMs: readonly number[] = retryAfterMs,
): Notifier {
  const sending = new Set<Promise<void>>();
  const send = (what: string, url: string, event: NoticeEvent, body?: string) => {
    const report = async () => {
      const failure = await deliver(url, { dispatcher, delaysMs }, body);
      // Without the address, because it may contain a token.
      if (failure !== undefined) log.warn(`${what} (${failure})`, { event, failure });
    };
    const sent = report().finally(() => sending.delete(sent));
    sending.add(sent);
  };
  return {
    notify(notice) {
      const { event } = notice;
      if (webhookUrl !== undefined && events.includes(event))
        send('the webhook did not accept a notification', webhookUrl, event, JSON.stringify(notice));
      if (heartbeatUrl !== undefined && event === 'success')
        send('HEARTBEAT_URL did not accept a ping', heartbeatUrl, event);
    },
    async settle() {
      await Promise.race([Promise.all(sending), sleep(settleMs, undefined, { ref: false })]);
    },
  };
}

/** Sends once, and once more after each delay. Returns why the last try failed, or undefined. */
async function deliver(
  url: string,
  { dispatcher, delaysMs }: { readonly dispatcher: Dispatcher; readonly delaysMs: readonly number[] },
  body?: string,
): Promise<string | undefined> {
  let failure = await attempt(url, dispatcher, body);
  for (const ms of delaysMs) {
    if (failure === undefined) return undefined;
    await sleep(ms, undefined, { ref: false });
    failure = await attempt(url, dispatcher, body);
  }
  return failure;
}

async function attempt(
  url: string,
  dispatcher: Dispatcher,
  body: string | undefined,
): Promise<string | undefined> {
  try {
    const { statusCode, body: answer } = await request(url, {
      method: body === undefined ? 'GET' : 'POST',
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(timeoutMs),
      dispatcher,
    });
    await answer.dump();
    return statusCode >= 200 && statusCode < 300 ? undefined : `status ${statusCode}`;
  } catch (error) {
    // The message can contain the address.
    const { code, name } = error as NodeJS.ErrnoException;
    return code ?? name;
  }
}
