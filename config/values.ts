import { z } from 'zod';

/** `DATABASE_URL` taken apart; `caPath` is not read yet. */
export interface DatabaseUrl {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly login: { readonly user: string; readonly password: string };
  readonly caPath?: string;
}

const parsedUrl = (found: string) => (URL.canParse(found) ? new URL(found) : undefined);
const parsedWebUrl = (found: string) => {
  const url = parsedUrl(found);
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
};

/** A value of the environment: `read` gives what it means, or undefined when it is none of what `accepted` says. */
function text<T>(accepted: string, read: (found: string) => T | undefined) {
  return z.string().transform((found, context): T => {
    const meaning = read(found.trim());
    if (meaning !== undefined) return meaning;
    context.addIssue({ code: 'custom', message: `accepted: ${accepted}` });
    return z.NEVER;
  });
}

const matching = (pattern: RegExp) => (found: string) => (pattern.test(found) ? found : undefined);
const numberBetween = (least: number, most: number) => (found: string) => {
  const count = /^\d+$/.test(found) ? Number(found) : Number.NaN;
  return count >= least && count <= most ? count : undefined;
};

export const oneOf = <const T extends string>(names: readonly T[]) =>
  text(names.join(', '), (found) => names.find((name) => name === found));
export const host = text('a host name or an address', matching(/^[\w.:[\]-]+$/));
export const port = text('a port from 1 to 65535', numberBetween(1, 65_535));
/** `9464`, `:9464` and `127.0.0.1:9464` are the same: loopback unless told otherwise. */
export const listenAddress = text('a port, or an address and a port as 0.0.0.0:9464', (found) => {
  const [, address = '127.0.0.1', digits = ''] =
    /^(?:([\w.-]+|\[[\da-fA-F:]+\])?:)?(\d{1,5})$/.exec(found) ?? [];
  return Number(digits) >= 1 && Number(digits) <= 65_535 ? `${address}:${digits}` : undefined;
});
export const positiveCount = text('a whole number from 1', numberBetween(1, Number.MAX_SAFE_INTEGER));
/** Schema names stand in SQL text, so they are held to what needs no escaping. */
const isSchemaName = /^[A-Za-z_][A-Za-z0-9_$]{0,63}$/;
export const schemaName = text('a schema name of letters, digits and _ (at most 64)', matching(isSchemaName));
export const timezone = text('a time zone of the IANA list, as UTC or America/New_York', (found) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: found }).resolvedOptions().timeZone && found;
  } catch {
    return undefined;
  }
});

/** A fraction out of a percentage: `0.1%`, `0.1 %` and `0.1` are all 0.001. */
export const percentage = text('a percentage from 0 to 100, as 0.1%', (found) => {
  const percent = /^(\d+(?:\.\d+)?)\s*%?$/.exec(found)?.[1];
  return percent === undefined || Number(percent) > 100 ? undefined : Number(percent) / 100;
});

const msByUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const durationBetween = (leastMs: number, mostMs: number) => (found: string) => {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(found) ?? [];
  const ms = Number(count) * (msByUnit[unit] ?? Number.NaN);
  return ms >= leastMs && ms <= mostMs ? ms : undefined;
};
const weekMs = 7 * 86_400_000;
export const catchup = text(
  'a duration above 0 and under 7 days, as 6h or 2d',
  durationBetween(1, weekMs - 1),
);
export const heartbeat = text('a duration from 500ms to 10m, as 10s', durationBetween(500, 600_000));

const cronFields = [
  { least: 0, most: 59, names: [] },
  { least: 0, most: 23, names: [] },
  { least: 1, most: 31, names: [] },
  { least: 1, most: 12, names: 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ') },
  { least: 0, most: 7, names: 'SUN MON TUE WED THU FRI SAT'.split(' ') },
] as const;

function isCronField(field: string, { least, most, names }: (typeof cronFields)[number]): boolean {
  return field.split(',').every((part) => {
    const [, from, to, step] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part) ?? [];
    const numbers = [from, to]
      .filter((bound) => bound !== undefined && bound !== '*')
      .map((bound) => {
        const position = (names as readonly string[]).indexOf(String(bound).toUpperCase());
        return position < 0 ? Number(bound) : position + least;
      });
    const isOrdered = numbers.length < 2 || Number(numbers[0]) <= Number(numbers[1]);
    const isStarred = from !== '*' || to === undefined;
    const isInside = numbers.every((bound) => Number.isInteger(bound) && bound >= least && bound <= most);
    return (
      from !== undefined && isStarred && isInside && isOrdered && (step === undefined || Number(step) > 0)
    );
  });
}

export const cron = text('five cron fields, as 0 8 * * 2, or off', (found) => {
  if (found === 'off') return found;
  const fields = found.split(/\s+/);
  const isCron = fields.length === 5 && cronFields.every((range, i) => isCronField(fields[i] ?? '', range));
  return isCron ? fields.join(' ') : undefined;
});

// Credentials in it would be written into every workflow history, where they cannot be erased.
const webAddress = (found: string) => {
  const url = parsedWebUrl(found);
  return url?.username === '' && url.password === '' ? url.href : undefined;
};
export const webUrl = text('an http(s) address without user and password', webAddress);

/** Three slashes: what stands after two is a host, and none serves files. */
const diskAddress = (found: string) => {
  const url = /^file:\/\/\//i.test(found) ? parsedUrl(found) : undefined;
  return url && !/%2f/i.test(url.pathname) ? url.href : undefined;
};
export const pageUrl = text(
  'an http(s) address without user and password, or file:///path/of/a/folder/ or file:///path/of/page.html',
  (found) => webAddress(found) ?? diskAddress(found),
);

export const webhookUrl = text('an http(s) address', (found) => parsedWebUrl(found)?.href);

const urlForm =
  'mysql://user:password@host:3306/schema, at most with ?ssl-ca=/path/of/ca.pem (percent-encode special characters)';
export const databaseUrl = text(urlForm, (found): DatabaseUrl | undefined => {
  const url = parsedUrl(found);
  const name = url?.pathname.slice(1) ?? '';
  if (url?.protocol !== 'mysql:' || !url.hostname || !url.username || url.hash || !isSchemaName.test(name))
    return undefined;
  const { 'ssl-ca': caPath, ...others } = Object.fromEntries(url.searchParams);
  if (Object.keys(others).length > 0 || caPath === '') return undefined;
  try {
    const login = { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    const place = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 3306), name };
    return { ...place, login, ...(caPath !== undefined && { caPath }) };
  } catch {
    return undefined;
  }
});

/** What an error may show of a found value: addresses without password and query, nothing where a password may hide. */
export function shown(name: string, found: string): string {
  if (name === 'NOTIFY_WEBHOOK_URL') return 'a text that is no such address (not shown: it may hold a token)';
  if (name !== 'DATABASE_URL' && name !== 'NPPES_URL') return JSON.stringify(found.slice(0, 80));
  const url = parsedUrl(found.trim());
  // A password with an unescaped / or # moves its parts into the host or the path, where masking would miss them.
  const isClear = url !== undefined && url.hash === '' && (url.username !== '' || !found.includes('@'));
  if (!isClear) return 'a text that is no such address (not shown: it may hold a password)';
  const login = url.username === '' ? '' : `${url.username}${url.password && ':***'}@`;
  const options = [...url.searchParams.keys()].map((option) => `${option}=…`).join('&');
  return `${url.protocol}//${login}${url.host}${url.pathname}${options && `?${options}`}`;
}
