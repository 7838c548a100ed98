import type { z } from 'zod';
import { variables, type Documented } from '../../config/variables.ts';
import { code, generatedPage, table } from './markdown.ts';

const libraryVariables = [
  [
    '`TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE`',
    "Temporal's envconfig",
    "`host:port`, or a profile of Temporal's config file. Temporal is configured when one of them is set.",
  ],
  [
    '`TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS`, `TEMPORAL_TLS_CLIENT_CERT_PATH`, `TEMPORAL_TLS_CLIENT_KEY_PATH`, `TEMPORAL_TLS_SERVER_CA_CERT_PATH`, `TEMPORAL_TLS_SERVER_NAME`, `TEMPORAL_CONFIG_FILE`',
    "Temporal's envconfig",
    'The same as for every Temporal client. An API key turns TLS on.',
  ],
  [
    '`AWS_REGION`, `AWS_ENDPOINT_URL`, and the usual credential variables',
    'AWS SDK',
    'Used only with `DB_SECRET_ID`.',
  ],
  ['`NO_COLOR`', 'Node', 'Turns off colors on the terminal, and symbols in `surgicase status`.'],
  [
    '`LC_ALL`, `LC_CTYPE`, `LANG`',
    'the operating system',
    'With UTF-8 in the first one that is set, `surgicase status` prints symbols.',
  ],
];

/** docs/configuration.md: every environment variable with its default and meaning. */
export function configurationPage(): string {
  return [
    generatedPage('Configuration', '`config/variables.ts`'),
    'All settings are environment variables. A `.env` file in the working directory adds variables; the environment takes precedence over',
    'it. An empty value counts as not set. Settings are read when a process starts.\n',
    'Wrong values stop a command at start with exit code 2. One message lists all of them, each with its name, the value that',
    'was found (passwords masked) and the values that are accepted. A name that differs from a name in the table by a letter or two',
    'stops a command in the same way.\n',
    'When neither a database nor Temporal is configured, all commands except `start` use the services of the',
    '`surgicase start` that runs in the same folder (`.surgicase/services.env`).\n',
    '## Variables of this service\n',
    `${table(['name', 'default', 'meaning'], Object.entries(variables.shape).map(row))}\n`,
    'A change of a `SCHEDULE_…` variable takes effect with `surgicase schedules apply` or `surgicase start`, not when a worker',
    'starts. More about `file:` addresses in `NPPES_URL`:',
    '[where CMS cannot be reached](operations.md#where-cms-cannot-be-reached-from-the-server).\n',
    '## Variables of the libraries\n',
    `${table(['name', 'read by', 'meaning'], libraryVariables)}\n`,
  ].join('\n');
}

function row([name, schema]: readonly [string, z.ZodType]): string[] {
  const { description, shownDefault } = schema.meta() as Documented;
  return [code(name), shownDefault ?? defaultOf(schema), description];
}

function defaultOf(schema: z.ZodType): string {
  const { defaultValue } = schema.def as { defaultValue?: string | number };
  return defaultValue === undefined ? '' : code(String(defaultValue));
}
