import { z } from 'zod';
import { parseCron } from './cron.ts';
import type { NoticeEvent } from '../telemetry/notify.ts';

/** How to verify the server: with the certificates in a file, which is not read yet, or with those of Amazon RDS. */
export type Ssl = { readonly caPath: string } | 'rds';

/** The parts of `DATABASE_URL`. */
export interface DatabaseUrl {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly login: { readonly user: string; readonly password: string };
  readonly ssl?: Ssl;
}

const parsedUrl = (found: string) => (URL.canParse(found) ? new URL(found) : undefined);
const parsedWebUrl = (found: string) => {
  const url = parsedUrl(found);
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
};

/** A value of the environment. `read` returns its meaning, or undefined when it is not what `accepted` describes. */
function text<T>(accepted: string, read: (found: string) => T | undefined) {
  return z.string().transform((found, context): T => {
    const meaning = read(found.trim());
    if (meaning !== undefined) return meaning;
    context.addIssue({ code: 'custom', message: `must be ${accepted}` });
    return z.NEVER;
  });
}

const matching = (pattern: RegExp) => (found: string) => (pattern.test(found) ? found : undefined);
const numberBetween = (least: number, most: number) => (found: string) => {
  const count = /^\d+$/.test(found) ? Number(found) : Number.NaN;
  return count >= least && count <= most ? count : undefined;
};

export const oneOf = <const T extends string>(names: readonly T[]) =>
  text(`one of ${names.join(', ')}`, (found) => names.find((name) => name === found));
export const host = text('a host name or an IP address', matching(/^[\w.:[\]-]+$/));
export const port = text('a port from 1 to 65535', numberBetween(1, 65_535));
/** `9464`, `:9464` and `127.0.0.1:9464` mean the same: the default address is loopback. */
export const listenAddress = text('a port, or an address and a port such as 0.0.0.0:9464', (found) => {
  const [, address = '127.0.0.1', digits = ''] =
    /^(?:([\w.-]+|\[[\da-fA-F:]+\])?:)?(\d{1,5})$/.exec(found) ?? [];
  return Number(digits) >= 1 && Number(digits) <= 65_535 ? `${address}:${digits}` : undefined;
});
/** `surgicase npi check --subset` accepts the same numbers. */
export const partCount = text('a whole number from 1 to 9999', numberBetween(1, 9999));
export const positiveCount = text('a whole number, 1 or more', numberBetween(1, Number.MAX_SAFE_INTEGER));
/** Schema names become part of SQL text, so only characters that need no escaping are allowed. */
const isSchemaName = /^[A-Za-z_][A-Za-z0-9_$]{0,63}$/;
export const schemaName = text(
  'a schema name of at most 64 letters, digits, _ and $, which does not begin with a digit or $',
  matching(isSchemaName),
);
/** In its canonical form: Temporal knows only the names of the time zone database, and in their exact spelling. */
export const timezone = text('an IANA time zone, such as UTC or America/New_York', (found) => {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: found }).resolvedOptions();
    // Node 22 also resolves an offset such as +05:30, which is not a name.
    return /^[A-Z]/.test(timeZone) ? timeZone : undefined;
  } catch {
    return undefined;
  }
});

/** A percentage as a fraction: `0.1%`, `0.1 %` and `0.1` all mean 0.001. */
export const percentage = text('a percentage from 0 to 100, such as 0.1%', (found) => {
  const percent = /^(\d+(?:\.\d+)?)\s*%?$/.exec(found)?.[1];
  return percent === undefined || Number(percent) > 100 ? undefined : Number(percent) / 100;
});

const msByUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Reads a duration such as 500ms, 12h or 2d as milliseconds; undefined outside of the limits. */
export const durationBetween = (leastMs: number, mostMs: number) => (found: string) => {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(found) ?? [];
  const ms = Number(count) * (msByUnit[unit] ?? Number.NaN);
  return ms >= leastMs && ms <= mostMs ? ms : undefined;
};
const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
export const catchup = text(
  'a duration above 0 and under 7 days, such as 6h or 2d',
  durationBetween(1, weekMs - 1),
);
export const historyKeep = text(
  'a duration from 90d to 36500d, such as 730d',
  durationBetween(90 * dayMs, 36_500 * dayMs),
);
export const heartbeat = text('a duration from 500ms to 10m, such as 10s', durationBetween(500, 600_000));

export const cron = text('five cron fields such as 0 8 * * 2, or off', (found) => {
  if (found === 'off') return found;
  return parseCron(found) && found.split(/\s+/).join(' ');
});

// No credentials: they would be written into every workflow history, where nobody can delete them.
const webAddress = (found: string) => {
  const url = parsedWebUrl(found);
  return url?.username === '' && url.password === '' ? url.href : undefined;
};
export const webUrl = text('an http(s) address without user and password', webAddress);

/** Requires three slashes. After two slashes comes a host, and files on another host cannot be read. */
const diskAddress = (found: string) => {
  const url = /^file:\/\/\//i.test(found) ? parsedUrl(found) : undefined;
  return url && !/%2f/i.test(url.pathname) ? url.href : undefined;
};
export const pageUrl = text(
  'an http(s) address without user and password, file:///path/of/a/folder/ or file:///path/of/page.html',
  (found) => webAddress(found) ?? diskAddress(found),
);

const events = ['failure', 'gap', 'waiting', 'overdue', 'success'] as const satisfies readonly NoticeEvent[];
/** Names of events, separated by commas. */
export const noticeEvents = text(`a list of ${events.join(', ')}`, (found) => {
  const names = found.split(',').map((name) => events.find((event) => event === name.trim()));
  return names.includes(undefined) ? undefined : names.filter((name) => name !== undefined);
});

/** curl also accepts a proxy without `http://`. */
export const proxyUrl = text('the http(s) address of a proxy, such as http://proxy:3128', (found) => {
  const url = parsedWebUrl(/^[a-z][a-z\d+.-]*:\/\//i.test(found) ? found : `http://${found}`);
  return url?.href;
});

export const webhookUrl = text('an http(s) address', (found) => parsedWebUrl(found)?.href);

const urlForm =
  'mysql://user:password@host:3306/schema, optionally with ?ssl-ca=/path/of/ca.pem or ?ssl=rds (percent-encode special characters)';
function sslOf(options: URLSearchParams): Ssl | 'unknown' | undefined {
  const [option, ...others] = Array.from(options);
  if (option === undefined) return undefined;
  const [name, found] = option;
  if (others.length > 0 || found === '') return 'unknown';
  if (name === 'ssl-ca') return { caPath: found };
  return name === 'ssl' && found === 'rds' ? 'rds' : 'unknown';
}

export const databaseUrl = text(urlForm, (found): DatabaseUrl | undefined => {
  const url = parsedUrl(found);
  const name = url?.pathname.slice(1) ?? '';
  if (url?.protocol !== 'mysql:' || !url.hostname || !url.username || url.hash || !isSchemaName.test(name))
    return undefined;
  const ssl = sslOf(url.searchParams);
  if (ssl === 'unknown') return undefined;
  try {
    const login = { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    const place = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 3306), name };
    return { ...place, login, ...(ssl && { ssl }) };
  } catch {
    return undefined;
  }
});

const mayHoldPassword: ReadonlySet<string> = new Set([
  'DATABASE_URL',
  'NPPES_URL',
  'HTTP_PROXY',
  'HTTPS_PROXY',
]);

/** The part of a value that an error may show. Addresses lose password and query; a value that may hide a secret is not shown. */
export function shown(name: string, found: string): string {
  if (name === 'NOTIFY_WEBHOOK_URL' || name === 'HEARTBEAT_URL')
    return 'a value that is not an address (not shown, because it may contain a token)';
  if (!mayHoldPassword.has(name)) return JSON.stringify(found.slice(0, 80));
  const url = parsedUrl(found.trim());
  // With an unescaped / or # in the password, URL parsing puts parts of it into host or path, where masking would miss them.
  const isClear = url !== undefined && url.hash === '' && (url.username !== '' || !found.includes('@'));
  if (!isClear) return 'a value that is not an address (not shown, because it may contain a password)';
  const login = url.username === '' ? '' : `${url.username}${url.password && ':***'}@`;
  const options = [...url.searchParams.keys()].map((option) => `${option}=…`).join('&');
  return `${url.protocol}//${login}${url.host}${url.pathname}${options && `?${options}`}`;
}
