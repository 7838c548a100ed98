import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DbError } from './errors.ts';

export interface UserAndPassword {
  readonly user: string;
  readonly password: string;
}

/** How this service logs in. `refresh` forgets what the server refused; absent where there is nothing to ask again. */
export interface Login {
  get(): Promise<UserAndPassword>;
  refresh?(): void;
}

/** The login that `DATABASE_URL` carries. */
export function fixedLogin(login: UserAndPassword): Login {
  return { get: () => Promise.resolve(login) };
}

/**
 * The login in an AWS Secrets Manager secret (`{"username","password"}`, as RDS rotates them), cached until
 * `refresh`. Region, endpoint and AWS's own credentials come from the SDK's usual chain.
 * @throws DbError DatabaseRefused naming the secret, never what it holds.
 */
export function secretLogin(secretId: string): Login {
  let cached: Promise<UserAndPassword> | undefined;
  return {
    get: () => (cached ??= fetchLogin(secretId)),
    refresh: () => (cached = undefined),
  };
}

async function fetchLogin(secretId: string): Promise<UserAndPassword> {
  const client = new SecretsManagerClient({});
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretId }));
    return parseSecret(secretId, SecretString);
  } catch (error) {
    if (error instanceof DbError) throw error;
    throw new DbError(
      'DatabaseRefused',
      `AWS Secrets Manager gave no secret ${secretId}: ${(error as Error).name}.`,
    );
  } finally {
    client.destroy();
  }
}

function parseSecret(secretId: string, text: string | undefined): UserAndPassword {
  try {
    const { username, password } = JSON.parse(text ?? '') as { username?: unknown; password?: unknown };
    if (typeof username === 'string' && typeof password === 'string') return { user: username, password };
  } catch {
    // The message of JSON.parse quotes the text; the error below does not.
  }
  throw new DbError('DatabaseRefused', `Secret ${secretId} is not {"username": …, "password": …}.`);
}
