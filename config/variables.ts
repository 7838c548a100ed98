import { z } from 'zod';
import * as value from './values.ts';

const cmsPage = 'https://download.cms.gov/nppes/NPI_Files.html';

/** For docs/configuration.md: what a variable means, and its default where the schema does not show it as people write it. */
export interface Documented {
  readonly description: string;
  readonly shownDefault?: string;
}

const documented = <T extends z.ZodType>(schema: T, description: string, shownDefault?: string): T =>
  schema.meta({ description, ...(shownDefault !== undefined && { shownDefault }) } satisfies Documented);

/** Every variable that this service reads itself. docs/configuration.md is generated from it (`npm run docs`). */
export const variables = z.object({
  DATABASE_URL: documented(
    value.databaseUrl.optional(),
    'Address and login of MySQL: `mysql://user:password@host:3306/allstars`, with special characters percent-encoded. `?ssl-ca=/path/of/ca.pem` turns on TLS and verifies the certificate and the host name; `?ssl=rds` does so with the bundled certificates of Amazon RDS.',
  ),
  DB_SECRET_ID: documented(
    z.string().optional(),
    'Instead of `DATABASE_URL`: name or ARN of an AWS Secrets Manager secret that holds `{"username","password"}`.',
  ),
  DB_HOST: documented(value.host.optional(), 'Host of the database; required when `DB_SECRET_ID` is set.'),
  DB_PORT: documented(value.port.default(3306), 'Port of the database, used with `DB_SECRET_ID`.'),
  DB_NAME: documented(
    value.schemaName.optional(),
    "The application's schema; required when `DB_SECRET_ID` is set.",
  ),
  DB_SSL_CA: documented(
    z.string().optional(),
    'File with CA certificates (PEM), used with `DB_SECRET_ID`: turns on TLS and verifies the certificate and the host name.',
  ),
  DB_SSL: documented(
    value.oneOf(['rds']).optional(),
    '`rds`: the same with the bundled certificates of Amazon RDS.',
  ),
  SEARCH_SCHEMA: documented(
    value.schemaName.default('search_surgeon_facility'),
    'Schema of the 54 search tables.',
  ),
  SCHEDULER_SCHEMA: documented(
    value.schemaName.default('surgicase_scheduler'),
    "Schema of this service's own tables.",
  ),
  NPPES_URL: documented(
    value.pageUrl.default(cmsPage),
    "The page that lists the zips: any http(s) address without user and password, such as a mirror. Also `file:///path/of/a/folder/` (loads the folder's zips) or `file:///path/of/NPI_Files.html` (a saved page; its links to CMS mean the zips beside it) on the worker's host.",
    "CMS's page",
  ),
  NPI_ARCHIVE_DIR: documented(
    z.string().default('.surgicase/archive'),
    'Folder for published zips, named as CMS names them. The first run creates it; when it is missing later, a run fails instead of beginning a second archive.',
  ),
  NPI_ARCHIVE_KEEP: documented(
    value.positiveCount.optional(),
    'How many releases of each kind (weekly, monthly, deactivation report) stay in the archive. The newest monthly and every release after it always stay. `surgicase run npi-update --dry-run` names the zips that the next run would remove.',
    'all',
  ),
  NPI_CHECK_PARTS: documented(
    value.partCount.optional(),
    'Checks the registry after each load: a run of `npi-update` that publishes something compares the next of this many parts with the archived zips, and the search tables and the ledger completely ([checking the registry](operations.md#checking-the-registry)). With `52`, a year of weekly runs checks every row; `1` checks every row each time.',
    'no check',
  ),
  NPI_HISTORY_KEEP: documented(
    value.historyKeep.optional(),
    'How long the [history](history.md#where-the-history-begins) is kept: at least `90d`, such as `730d`, counted back from the newest release. Each run that loads a release deletes what is older; what is deleted does not come back. `surgicase run npi-update --dry-run` says what the next run would delete.',
    'everything is kept',
  ),
  NPI_WORK_DIR: documented(
    z.string().default('.surgicase/work'),
    "Folder for unfinished downloads, and for a monthly's rows while it loads. `surgicase npi replace --dry-run` shows how much space a monthly needs.",
  ),
  NPI_MAX_REFUSED: documented(
    value.percentage.default(0.001),
    'A release with a larger share of refused rows is not published.',
    '`0.1%`',
  ),
  NPI_BASELINE: documented(
    value.oneOf(['auto', 'never']).default('auto'),
    '`auto`: the newest monthly loads when no monthly was loaded yet, or when weeklies are missing for good. `never`: a missing week is only reported, and a monthly loads only with `surgicase npi replace`.',
    '`auto`; `never` when `surgicase start` starts its own database',
  ),
  NPI_REFERENCE_FILES: documented(
    value.oneOf(['on', 'off']).default('off'),
    '`on`: loads also fill `npi_other_name`, `npi_practice_location` and `npi_endpoint` ([reference tables](tables.md#reference-tables)). Run `surgicase db migrate` after turning it on. Set it for the worker and for the commands.',
  ),
  NPI_MIN_ROWS: documented(
    value.percentage.default(0.97),
    'A monthly waits for approval when its individuals, organizations or deactivated providers are fewer than this share of those in the last monthly.',
    '`97%`',
  ),
  NPI_MAX_THREADS_RUNNING: documented(
    value.positiveCount.default(4),
    'While MySQL runs more statements than this (`Threads_running`), a load or an adoption pauses before each of its steps, for at most two seconds. Its own one or two statements count. A larger number means fewer pauses.',
  ),
  NPI_LOAD_CONNECTIONS: documented(
    value.positiveCount.default(2),
    'On how many connections a monthly is loaded and its keys are built. `1` takes longer and leaves more of the server to others.',
  ),
  SCHEDULE_PENDING_PAYMENT_UPDATE: documented(
    value.cron.optional(),
    'When `pending-payment-update` runs: five cron fields, or `off` (the schedule exists, paused).',
    '`0 8 * * 1`',
  ),
  SCHEDULE_NPI_UPDATE: documented(
    value.cron.optional(),
    'When `npi-update` runs, in the same form.',
    '`0 8 * * 2`',
  ),
  SCHEDULE_PAID_UPDATE: documented(
    value.cron.optional(),
    'When `paid-update` runs, in the same form.',
    '`0 8 * * 4`',
  ),
  SCHEDULE_TIMEZONE: documented(
    value.timezone.default('UTC'),
    'Time zone of the schedules: a name from the IANA list, such as `America/New_York`.',
  ),
  SCHEDULE_CATCHUP: documented(
    value.catchup.default(24 * 3_600_000),
    'How late a missed run may still start: more than 0 and less than 7 days, such as `6h`.',
    '`1d`',
  ),
  ENABLE_SCHEDULER: documented(
    value.oneOf(['true', 'false']).default('false'),
    '`true` runs the worker inside a host application ([embedding](embedding.md)).',
  ),
  CASE_UPDATE_MAX: documented(
    value.positiveCount.optional(),
    'A run that finds more cases than this waits up to 24 hours for `surgicase runs approve` or `reject`.',
    'none',
  ),
  SHADOW: documented(
    value.oneOf(['true', 'false']).default('false'),
    '`true`: every job runs as a dry run, however it is started, and reports what it would have done. An undo and `bulkUpdateCaseStatus` are refused. Set it for the worker and for the commands.',
  ),
  METRICS_ADDRESS: documented(
    value.listenAddress.optional(),
    'Address for Prometheus: a port on loopback, or an address and a port such as `0.0.0.0:9464`.',
  ),
  HEALTH_ADDRESS: documented(
    value.listenAddress.optional(),
    'Address where the worker answers `/livez` and `/readyz` ([probes](deployment.md#probes)): a port on loopback, or an address and a port such as `0.0.0.0:8080`.',
  ),
  NOTIFY_WEBHOOK_URL: documented(
    value.webhookUrl.optional(),
    'Receives a POST with JSON (`event`, `job`, `runId`, `text`) for each event of `NOTIFY_ON`. Slack and compatible chat services show `text`.',
  ),
  NOTIFY_ON: documented(
    value.noticeEvents.default(['failure', 'gap', 'waiting', 'overdue']),
    'Which events are posted: `failure` (a run failed, the check after a load found a difference, or another program loads the registry too), `gap` (a week is missing for good), `waiting` (a run waits for approval), `overdue` (a run is late or was skipped), `success` (a run succeeded).',
    '`failure,gap,waiting,overdue`',
  ),
  HEARTBEAT_URL: documented(
    value.webhookUrl.optional(),
    'Receives a GET after each successful run, for a service that reports when the requests stop. Dry runs send none.',
  ),
  HTTPS_PROXY: documented(
    value.proxyUrl.optional(),
    "Proxy for requests to https addresses: CMS, webhooks and AWS, such as `http://proxy:3128`. `https_proxy` wins over it. Nothing for this machine goes through a proxy, and neither do MySQL and the worker's connection to Temporal.",
  ),
  HTTP_PROXY: documented(
    value.proxyUrl.optional(),
    'The same for http addresses. `http_proxy` wins over it.',
  ),
  NO_PROXY: documented(
    z.string().default(''),
    'Hosts that are reached without a proxy, separated by commas: names (with their subdomains), `host:port`, addresses, networks such as `10.0.0.0/8`, or `*`. `no_proxy` wins over it.',
    'none',
  ),
  TEMPORAL_DEPLOYMENT_NAME: documented(
    z.string().optional(),
    'With `TEMPORAL_WORKER_BUILD_ID`: name of the [worker deployment](deployment.md#versions), such as `surgicase`. The Temporal Worker Controller sets both.',
    'the worker has no version',
  ),
  TEMPORAL_WORKER_BUILD_ID: documented(
    z.string().optional(),
    'Version of this worker in its deployment, such as a commit or an image tag.',
  ),
  TEMPORAL_CLI_PATH: documented(
    z.string().optional(),
    'Path of the `temporal` binary for `surgicase start`.',
  ),
  TEMPORAL_UI_URL: documented(value.webUrl.optional(), 'Address of the Web UI, for links to runs.'),
  LOG_LEVEL: documented(
    value.oneOf(['debug', 'info', 'warn', 'error']).default('info'),
    '`debug`, `info`, `warn` or `error`. `debug` also logs the duration of each SQL statement.',
  ),
  LOG_FORMAT: documented(
    value.oneOf(['json', 'pretty']).optional(),
    '`json` or `pretty`.',
    '`pretty` on a terminal, otherwise `json`',
  ),
  LOG_FILE: documented(z.string().optional(), 'File that also receives every log line, as JSON.'),
  ACTIVITY_HEARTBEAT_TIMEOUT: documented(
    value.heartbeat.default(10_000),
    'An activity that sends no heartbeat for this long counts as dead, and Temporal retries it: `500ms` to `10m`.',
    '`10s`',
  ),
});

/** Variables that other programs read too, so a similar name is not a typing error. */
export const proxyNames: readonly string[] = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

export type Variables = z.infer<typeof variables>;
