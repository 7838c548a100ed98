import { DbError } from './errors.ts';

const credentialsAreWrong = 'The AWS credentials of this process are wrong or have expired. Replace them.';
const notAllowed =
  'Allow it secretsmanager:GetSecretValue on this secret, and kms:Decrypt if the secret has a key of its own.';

interface Refusal {
  readonly advice: string;
  /** AWS's text names only identities, regions and secrets. Texts about a signature quote the request, with its token. */
  readonly isTextShown: boolean;
}
const shown = (advice: string): Refusal => ({ advice, isTextShown: true });
const hidden = (advice: string): Refusal => ({ advice, isTextShown: false });

/** The errors of the SDK and of Secrets Manager that no repetition repairs, by name, and what to do. */
const refusals: Readonly<Record<string, Refusal>> = {
  CredentialsProviderError: shown(
    'Give the task or host of this process a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  ),
  AccessDeniedException: shown(notAllowed),
  DecryptionFailure: shown(notAllowed),
  ResourceNotFoundException: shown(
    'Correct DB_SECRET_ID, or AWS_REGION if the secret is in another region. Of another account, name the ARN.',
  ),
  InvalidRequestException: shown('If the secret is scheduled for deletion, restore it.'),
  ValidationException: shown('Correct DB_SECRET_ID.'),
  InvalidParameterException: shown('Correct DB_SECRET_ID.'),
  UnrecognizedClientException: hidden(credentialsAreWrong),
  InvalidSignatureException: hidden(credentialsAreWrong),
  SignatureDoesNotMatch: hidden(credentialsAreWrong),
  ExpiredTokenException: hidden(credentialsAreWrong),
  InvalidClientTokenId: hidden(credentialsAreWrong),
};
const noRegion = 'Set AWS_REGION to the region of the secret, such as us-east-1.';

/** Which secret, and where it was looked for. `region` is absent when none is configured, or one that cannot be. */
export interface SecretPlace {
  readonly secretId: string;
  readonly region?: string | undefined;
}

/** Why a secret could not be read: SecretRefused when somebody has to correct something, otherwise SecretUnreachable. */
export function secretError({ secretId, region }: SecretPlace, error: unknown): DbError {
  const { name, message, code = name } = error as NodeJS.ErrnoException;
  const what = `Could not read the secret ${secretId} from AWS Secrets Manager`;
  if (region === undefined) return new DbError('SecretRefused', `${what}: ${ended(message)} ${noRegion}`);
  const refusal = refusals[name];
  if (refusal) {
    const text = refusal.isTextShown ? `${name}: ${ended(message.split('\n', 1)[0] ?? '')}` : `${name}.`;
    return new DbError('SecretRefused', `${what} in the region ${region}: ${text} ${refusal.advice}`);
  }
  return new DbError(
    'SecretUnreachable',
    `${what} in the region ${region}: it did not answer (${code}). Check AWS_REGION, AWS_ENDPOINT_URL and the way from this host to AWS.`,
  );
}

const ended = (text: string) => (/[.?!]$/.test(text) ? text : `${text}.`);

/** The secret has another form. `fault` says what it lacks, never what it contains. */
export function malformedSecret({ secretId }: SecretPlace, fault: string): DbError {
  return new DbError(
    'SecretRefused',
    `The secret ${secretId} ${fault}. It must be a JSON object with the strings "username" and "password", as RDS writes it.`,
  );
}
