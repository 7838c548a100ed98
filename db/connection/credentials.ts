import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { request, type Dispatcher } from 'undici';
import { malformedSecret, secretError, type SecretPlace } from './secret-errors.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Every new connection calls `login`, so a running worker gets a rotated password. */
export interface Credentials {
  login(): Promise<Login>;
  /** Call it when the server refused the last login. True if `login` may return another one now. */
  forget(): boolean;
  /** Whether a server has accepted one of these logins. A later refusal then is probably a rotation. */
  hasWorked: boolean;
}

/** The login of `DATABASE_URL`, which never changes. */
export function staticCredentials(login: Login): Credentials {
  return { login: () => Promise.resolve(login), forget: () => false, hasWorked: false };
}

/**
 * The login in an AWS Secrets Manager secret, in the form that RDS writes: `{"username","password"}`.
 *
 * Requests go through `dispatcher`. Cached until `forget`. The region, the endpoint and the AWS credentials come from the
 * SDK's usual chain.
 * `login` throws DbError SecretRefused (no credentials, no region, or the secret is missing, denied or malformed) or
 * SecretUnreachable (AWS did not answer). Both name the secret, never its value.
 */
export function secretCredentials(secretId: string, dispatcher: Dispatcher): Credentials {
  let cached: Promise<Login> | undefined;
  let client: SecretsManagerClient | undefined;

  async function fetchLogin(): Promise<Login> {
    // Imported on demand: the SDK would slow every start by a fraction of a second, and only this login needs it.
    const aws = await import('@aws-sdk/client-secrets-manager');
    client ??= new aws.SecretsManagerClient({ requestHandler: sentThrough(dispatcher) });
    const command = new aws.GetSecretValueCommand({ SecretId: secretId });
    const { region } = client.config;
    const answer = await client.send(command).catch(async (error: unknown) => {
      throw secretError({ secretId, region: await region().catch(() => undefined) }, error);
    });
    return loginOf({ secretId }, answer.SecretString);
  }

  return {
    login() {
      cached ??= fetchLogin().catch((error: unknown) => {
        cached = undefined;
        throw error;
      });
      return cached;
    },
    forget() {
      cached = undefined;
      return true;
    },
    hasWorked: false,
  };
}

/** A request of the AWS SDK. */
interface AwsRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Record<string, string | string[] | null>;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const timeoutMs = 10_000;

/** Sends the SDK's requests through the dispatcher, because the SDK's own handler knows no proxy. */
function sentThrough(dispatcher: Dispatcher) {
  return {
    async handle({ protocol, hostname, port, path, query = {}, method, headers, body }: AwsRequest) {
      const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
      for (const [name, found] of Object.entries(query))
        for (const each of [found ?? ''].flat()) url.searchParams.append(name, each);
      const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
      const response = await request(url, { method, headers, body, dispatcher, ...timeouts });
      return { response };
    },
  };
}

function loginOf(place: SecretPlace, secret: string | undefined): Login {
  if (secret === undefined) throw malformedSecret(place, 'is binary');
  const { username: user, password } = parsed(place, secret);
  const missing = Object.entries({ username: user, password }).filter(
    ([, found]) => typeof found !== 'string',
  );
  if (typeof user === 'string' && typeof password === 'string') return { user, password };
  throw malformedSecret(place, `has no text ${missing.map(([name]) => `"${name}"`).join(' and no text ')}`);
}

function parsed(place: SecretPlace, secret: string): { username?: unknown; password?: unknown } {
  try {
    const found = JSON.parse(secret) as unknown;
    if (typeof found === 'object' && found !== null) return found;
  } catch {
    // The parser's message quotes the secret, so it is dropped.
    throw malformedSecret(place, 'is not JSON');
  }
  throw malformedSecret(place, 'is not a JSON object');
}
