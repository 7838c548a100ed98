import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { withDatabase } from '../../../client/database.ts';
import { diagnose } from '../../../client/doctor/doctor.ts';
import { readConfig } from '../../../config/config.ts';
import { secretsManager } from '../../bed/secrets-manager.ts';

const folder = mkdtempSync(join(tmpdir(), 'surgicase-secrets-'));
// Both stand for what must never be shown.
const [password, token] = ['hunter2', 'session-token'];
let answer: [status: number, body: object] = [200, {}];
let aws: Awaited<ReturnType<typeof secretsManager>>;

beforeEach(async () => {
  aws = await secretsManager(() => answer);
  // The SDK looks nowhere else for credentials and a region.
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('HOME', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  aws.server.close();
  aws.server.closeAllConnections();
});
afterAll(() => rmSync(folder, { recursive: true }));

const variables = {
  DB_SECRET_ID: 'rds!cluster',
  DB_HOST: '127.0.0.1',
  DB_NAME: 'allstars',
  NPPES_URL: 'http://127.0.0.1:9/',
  NPI_WORK_DIR: join(folder, 'work'),
  NPI_ARCHIVE_DIR: join(folder, 'archive'),
};
const refusedBy = (type: string, Message: string) => () => {
  answer = [400, { __type: type, Message }];
};
const holding = (SecretString?: string) => () => {
  answer = [200, { SecretString }];
};
const without = (name: string, value?: string) => vi.stubEnv(name, value);
const shape = 'It must be a JSON object with the strings "username" and "password"';
const inRegion = 'Could not read the secret rds!cluster from AWS Secrets Manager in the region us-east-1: ';

it.each([
  {
    fault: 'no credentials',
    plant: () => ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].forEach((name) => without(name)),
    says: [inRegion, 'CredentialsProviderError', 'AWS_PROFILE'],
    exitCode: 2,
  },
  {
    fault: 'no permission',
    plant: refusedBy('AccessDeniedException', 'User: arn:aws:iam::1:user/x is not authorized'),
    says: [inRegion, 'user/x is not authorized. Allow it secretsmanager:GetSecretValue'],
    exitCode: 2,
  },
  {
    fault: 'no such secret',
    plant: refusedBy('ResourceNotFoundException', "Secrets Manager can't find the specified secret."),
    says: [inRegion, "can't find the specified secret. Correct DB_SECRET_ID, or AWS_REGION"],
    exitCode: 2,
  },
  {
    fault: 'wrong keys, whose message quotes the request',
    plant: refusedBy('InvalidSignatureException', `x-amz-security-token:${token}`),
    says: [inRegion, 'InvalidSignatureException. The AWS credentials of this process are wrong'],
    exitCode: 2,
  },
  {
    fault: 'a secret that is not JSON',
    plant: holding(`${password} is not JSON`),
    says: ['The secret rds!cluster is not JSON.', shape],
    exitCode: 2,
  },
  {
    fault: 'a JSON text',
    plant: holding(`"${password}"`),
    says: ['is not a JSON object.', shape],
    exitCode: 2,
  },
  { fault: 'a binary secret', plant: holding(), says: ['is binary.', shape], exitCode: 2 },
  {
    fault: 'a secret without a username',
    plant: holding(JSON.stringify({ user: 'a', password })),
    says: ['has no text "username".', shape],
    exitCode: 2,
  },
  {
    fault: 'a secret without a password',
    plant: holding(JSON.stringify({ username: 'a', password: [password] })),
    says: ['has no text "password".', shape],
    exitCode: 2,
  },
  {
    fault: 'no region',
    plant: () => without('AWS_REGION'),
    says: ['Region is missing. Set AWS_REGION to the region of the secret'],
    exitCode: 2,
  },
  {
    fault: 'a region that cannot be one',
    plant: () => {
      without('AWS_ENDPOINT_URL');
      without('AWS_REGION', 'us east 1');
    },
    says: ['region="us east 1" is not a valid hostname component. Set AWS_REGION'],
    exitCode: 2,
  },
  {
    fault: 'too many requests',
    plant: refusedBy('ThrottlingException', 'Rate exceeded'),
    says: [inRegion, 'it did not answer (ThrottlingException)'],
    exitCode: 3,
  },
  {
    fault: 'no answer',
    plant: () => {
      without('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
    },
    says: [inRegion, 'it did not answer (ECONNREFUSED). Check AWS_REGION, AWS_ENDPOINT_URL'],
    exitCode: 3,
  },
])(
  '$fault: a command ends with $exitCode and says what to do, and so does doctor',
  async ({ plant, says, exitCode }) => {
    plant();
    const config = readConfig(variables);
    const { signal } = new AbortController();
    const ended = await withDatabase(config, (database) =>
      database.session(signal, (session) => session.query('SELECT 1')),
    ).catch((error: unknown) => error as Error);
    expect(ended).toMatchObject({ name: 'CommandError', exitCode });
    const lines = await diagnose({ read: () => config, variables, folder });
    const { text } = lines.find(({ check, state }) => check === 'database' && state === 'wrong') ?? {};
    for (const words of says) {
      expect((ended as Error).message).toContain(words);
      expect(text).toContain(words);
    }
    const everything = JSON.stringify([lines, (ended as Error).message, (ended as Error).stack]);
    for (const secret of [password, token]) expect(everything).not.toContain(secret);
  },
);
