import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DbError } from './errors.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Asked for every new connection, so a rotated password reaches a running worker. */
export interface Credentials {
  login(): Promise<Login>;
  /** The server refused the last login; true when asking again may bring another one. */
  forget(): boolean;
}

/** The login of `DATABASE_URL`, the same for ever. */
export function staticCredentials(login: Login): Credentials {
  return { login: () => Promise.resolve(login), forget: () => false };
}

/**
 * The login in an AWS Secrets Manager secret, as RDS writes it: `{"username","password"}`.
 *
 * Cached until `forget`. Region, endpoint and our own identity come from the SDK's usual chain.
 * `login` throws DbError DatabaseRefused (no such secret, no right to it, another content) or
 * DatabaseUnreachable (AWS did not answer); both name the secret, never its value.
 */
export function secretCredentials(secretId: string): Credentials {
  let cached: Promise<Login> | undefined;
  let client: SecretsManagerClient | undefined;

  async function fetchLogin(): Promise<Login> {
    // Loaded on demand: the SDK costs every start a fraction of a second, and only this login needs it.
    const aws = await import('@aws-sdk/client-secrets-manager');
    client ??= new aws.SecretsManagerClient({});
    const command = new aws.GetSecretValueCommand({ SecretId: secretId });
    const answer = await client.send(command).catch((error: unknown) => {
      throw secretError(secretId, error);
    });
    return loginOf(secretId, answer.SecretString);
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
  };
}

function secretError(secretId: string, error: unknown): DbError {
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  const isRefused =
    status === undefined ? name === 'CredentialsProviderError' : status >= 400 && status < 500;
  const isMisconfigured = message === 'Region is missing';
  const code = isRefused || isMisconfigured ? 'DatabaseRefused' : 'DatabaseUnreachable';
  return new DbError(
    code,
    `The secret ${secretId} cannot be read from AWS Secrets Manager: ${name}: ${message}`,
  );
}

function loginOf(secretId: string, secret: string | undefined): Login {
  try {
    const { username, password } = JSON.parse(secret ?? '') as { username?: unknown; password?: unknown };
    if (typeof username === 'string' && typeof password === 'string') return { user: username, password };
  } catch {
    // The parser's message quotes the secret, so it must not be passed on; the error below says what is wrong.
  }
  throw new DbError('DatabaseRefused', `The secret ${secretId} is not JSON with "username" and "password".`);
}
