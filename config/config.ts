import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { loadClientConfigProfile, toClientOptions, type ClientConnectConfig } from '@temporalio/envconfig';
import { ConfigError } from './config-error.ts';
import { cronWarnings } from './cron.ts';
import { readEnvFile } from './env-file.ts';
import { nameProblems, unknownNames } from './names.ts';
import { runningStart } from './start-claim.ts';
import * as value from './values.ts';
import { proxyNames, variables, type Variables } from './variables.ts';
import { weeklySchedules, type Job } from '../contract/schedules.ts';
import type { LogOptions } from '../telemetry/log.ts';
import type { NotifyConfig } from '../telemetry/notify.ts';

/** Address and login of MySQL; `tls` turns TLS on. */
export interface DatabaseConfig {
  readonly host: string;
  readonly port: number;
  /** The application's schema, which holds `npi_data_*`. */
  readonly name: string;
  readonly login: { readonly user: string; readonly password: string } | { readonly secretId: string };
  /** CA certificates (PEM), or `rds` for the bundled certificates of Amazon RDS. */
  readonly tls?: { readonly caPem: string } | 'rds';
}

/** The proxies for requests to web servers. */
export interface Proxies {
  readonly http?: string;
  readonly https?: string;
  /** `NO_PROXY`: hosts that are reached without a proxy. */
  readonly exceptions: string;
}

/** The checked settings of this process. Never log the whole object: it holds passwords. */
export interface Config {
  /** One sentence for each variable that has no effect although its name looks like ours. */
  readonly warnings: readonly string[];
  readonly database?: DatabaseConfig;
  readonly searchSchema: string;
  readonly schedulerSchema: string;
  readonly nppes: {
    readonly url: string;
    readonly archiveDir: string;
    /** The folder is the same wherever a command runs: `NPI_ARCHIVE_DIR` is an absolute path. */
    readonly isArchiveDirAbsolute: boolean;
    /** How many releases of each kind stay in the archive; absent: all. */
    readonly archiveKeepCount?: number;
    /** A run that publishes checks one of this many parts of the registry; absent: no run does. */
    readonly checkPartCount?: number;
    /** How long the history is kept, back from the newest release; absent: all of it. */
    readonly historyKeepMs?: number;
    readonly workDir: string;
    /** A fraction: 0.001 is one row in a thousand. */
    readonly maxRefusedFraction: number;
    /** `auto`: load the newest monthly when none was loaded yet, or when weeklies are missing for good. */
    readonly baselineRule: 'auto' | 'never';
    /** A fraction of the last monthly's rows. */
    readonly minRowsFraction: number;
    /** While the server runs more statements than this, a load or an adoption pauses before each step. */
    readonly maxThreadsRunning: number;
    /** On how many connections a monthly is loaded and its keys are built. */
    readonly loadConnections: number;
    /** Whether loads fill the reference tables. */
    readonly hasReferences: boolean;
  };
  /** Five-field cron; absent: the default in `contract/schedules.ts`. `off`: the schedule exists, paused. */
  readonly crons: Readonly<Partial<Record<Job, string>>>;
  readonly timezone: string;
  readonly catchupMs: number;
  readonly temporal: ClientConnectConfig & {
    readonly isConfigured: boolean;
    /** Address of the Web UI, for links to runs. */
    readonly uiUrl?: string;
  };
  /** The worker deployment and the version of the worker in it; absent: the worker has no version. */
  readonly workerVersion?: { readonly deploymentName: string; readonly buildId: string };
  readonly temporalCliPath?: string;
  readonly proxies: Proxies;
  readonly log: LogOptions;
  readonly heartbeatTimeoutMs: number;
  /** Every job is a dry run. */
  readonly isShadow: boolean;
  /** Whether to start the worker inside a host application. */
  readonly isSchedulerEnabled: boolean;
  /** A run that finds more cases waits for an approval; absent: no run does. */
  readonly caseUpdateMax?: number;
  /** Where Prometheus reads the metrics, such as `127.0.0.1:9464`; absent: nowhere. */
  readonly metricsAddress?: string;
  /** Where an orchestrator asks for `/livez` and `/readyz`, such as `127.0.0.1:8080`; absent: nowhere. */
  readonly healthAddress?: string;
  readonly notify: NotifyConfig;
  /** Output may contain symbols beside plain letters: the locale is UTF-8, and `NO_COLOR` is not set. */
  readonly hasSymbols: boolean;
}

/** The state folder of `surgicase start`, in the folder where it runs. */
export const stateFolder = '.surgicase';

/** Where `surgicase start` writes the addresses of the services that it started, in the form of a `.env`. */
export const servicesFile = `${stateFolder}/services.env`;

/** The services of this folder belong to a `surgicase start` that no longer runs. */
export class StartStopped extends ConfigError {
  override readonly exitCode = 3;
}

/** The environment of this process as it was started, if no command has completed it yet. */
// oxlint-disable-next-line node/no-process-env -- the one place that reads it
export const startedWith = (): Environment => ({ ...process.env });

/** The environment of this process, completed from `.env` in the working directory. A variable that is set wins over the file. */
export function processEnvironment(): Environment {
  return complete(readEnvFile('.env'));
}

/**
 * The same. Where neither a database nor Temporal is configured, it also has the services of the `surgicase start` that
 * runs in this folder.
 * @throws StartStopped when that start has ended, because services of another folder may use its ports by now
 */
export function processEnvironmentWithServices(): Environment {
  return complete(servicesBeside(processEnvironment()));
}

/**
 * The same for a host application, whose `process.env` stays as it is.
 * @throws ConfigError when `.env` has a variable that only the AWS SDK reads, from `process.env`; StartStopped
 */
export function hostEnvironment(): Environment {
  const own = startedWith();
  const file = readEnvFile('.env');
  const environment = { ...file, ...own };
  const ofAws = Object.keys(file).filter((name) => name.startsWith('AWS_') && own[name] === undefined);
  if (environment['DB_SECRET_ID'] && ofAws.length > 0) {
    throw new ConfigError(
      `The configuration is not valid:\n  ${ofAws.join(', ')}: found only in .env, where the AWS SDK of a host application does not see it; ` +
        'set it in the environment of the host',
    );
  }
  return { ...servicesBeside(environment), ...environment };
}

/** The variables of `servicesFile`, when they are needed. */
function servicesBeside(environment: Environment): Record<string, string> {
  const { DATABASE_URL, DB_SECRET_ID, TEMPORAL_ADDRESS, TEMPORAL_PROFILE } = environment;
  const isConfigured = DATABASE_URL || DB_SECRET_ID || TEMPORAL_ADDRESS || TEMPORAL_PROFILE;
  if (isConfigured || !existsSync(servicesFile)) return {};
  if (runningStart(stateFolder) === undefined) {
    throw new StartStopped(
      'The `surgicase start` of this folder is not running. Start it with `npm start`, or set DATABASE_URL and ' +
        'TEMPORAL_ADDRESS to use other services.',
    );
  }
  return readEnvFile(servicesFile);
}

/** Adds variables to those of the process. A variable that is set wins, even if it is empty. */
function complete(more: Record<string, string>): Environment {
  // oxlint-disable-next-line node/no-process-env -- the same place, which also completes it
  const { env } = process;
  for (const [name, found] of Object.entries(more)) env[name] ??= found;
  return env;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Checks the whole environment and returns it as one frozen object. An empty value counts as absent.
 * `need` lists the services that this command requires.
 * @throws ConfigError naming every wrong or missing variable, the value found (secrets masked) and what is accepted.
 */
export function readConfig(
  environment: Environment,
  need: readonly ('database' | 'temporal')[] = [],
): Config {
  const env = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => Boolean(entry[1]?.trim())),
  );
  for (const name of proxyNames) {
    // Both forms are in use. The one in lower case wins, as for curl.
    const lower = env[name.toLowerCase()];
    if (lower !== undefined) env[name] = lower;
  }
  const parsed = variables.safeParse(env);
  const problems = (parsed.error?.issues ?? []).map((issue) => {
    const name = String(issue.path[0]);
    return `${name}: found ${value.shown(name, env[name] ?? '')}; ${issue.message}`;
  });
  const known = Object.keys(variables.shape).filter((name) => !proxyNames.includes(name));
  problems.push(...nameProblems(env, known));
  if (env['NOTIFY_ON'] && !env['NOTIFY_WEBHOOK_URL'])
    problems.push('NOTIFY_ON needs NOTIFY_WEBHOOK_URL, which receives the notifications');
  const version = ['TEMPORAL_DEPLOYMENT_NAME', 'TEMPORAL_WORKER_BUILD_ID'].filter((name) => env[name]);
  if (version.length === 1)
    problems.push(
      `${version[0]} is set alone; set both TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID`,
    );
  const temporal = readTemporal(env, problems);
  const database = readDatabase(env, parsed.data, problems);
  const isDatabaseGiven = Boolean(env['DATABASE_URL'] ?? env['DB_SECRET_ID']);
  if (need.includes('database') && !isDatabaseGiven) {
    problems.push(
      'DATABASE_URL is required: set it to mysql://user:password@host:3306/schema, or set DB_SECRET_ID, DB_HOST and DB_NAME. ' +
        '`npm start` starts a MySQL; commands in the same folder use it while neither this nor TEMPORAL_ADDRESS is set.',
    );
  }
  if (need.includes('temporal') && !temporal.isConfigured) {
    problems.push(
      'TEMPORAL_ADDRESS is required: set it to host:port, or set TEMPORAL_PROFILE and provide a config file. ' +
        '`npm start` starts a Temporal server; commands in the same folder use it while neither this nor DATABASE_URL is set.',
    );
  }
  checkLogFile(parsed.data?.LOG_FILE, problems);
  if (problems.length > 0 || !parsed.data) {
    throw new ConfigError(
      `The configuration is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    );
  }
  return Object.freeze({
    ...assemble(parsed.data, database, temporal),
    hasSymbols: !env['NO_COLOR'] && /utf-?8/i.test(env['LC_ALL'] ?? env['LC_CTYPE'] ?? env['LANG'] ?? ''),
    warnings: [...unknownNames(env, known), ...scheduleWarnings(parsed.data)],
  });
}

function readTemporal(env: Record<string, string>, problems: string[]): Config['temporal'] {
  try {
    const profile = loadClientConfigProfile({ overrideEnvVars: env });
    const isConfigured = profile.address !== undefined || env['TEMPORAL_PROFILE'] !== undefined;
    return { ...toClientOptions(profile), isConfigured };
  } catch (error) {
    problems.push(
      `TEMPORAL_*: ${(error as Error).message}; use the variables and the config file of the Temporal CLI`,
    );
    return { connectionOptions: {}, isConfigured: true };
  }
}

function readDatabase(env: Record<string, string>, given: Variables | undefined, problems: string[]) {
  if (env['DATABASE_URL'] && env['DB_SECRET_ID']) {
    problems.push('DATABASE_URL and DB_SECRET_ID are both set; set only one of them');
  }
  if (env['DB_SECRET_ID'] && !env['DATABASE_URL']) {
    for (const name of ['DB_HOST', 'DB_NAME']) {
      if (!env[name]) problems.push(`${name} is required when DB_SECRET_ID is set`);
    }
  }
  if (env['DATABASE_URL'] && (env['DB_SSL'] || env['DB_SSL_CA'])) {
    problems.push(
      'DB_SSL and DB_SSL_CA belong to DB_SECRET_ID; with DATABASE_URL write ?ssl=rds or ?ssl-ca=/path/of/ca.pem',
    );
  }
  if (env['DB_SSL'] && env['DB_SSL_CA']) {
    problems.push('DB_SSL and DB_SSL_CA are both set; set only one of them');
  }
  if (given?.DATABASE_URL) {
    const { ssl, ...database } = given.DATABASE_URL;
    return { ...database, ...readTls('DATABASE_URL', ssl, problems) };
  }
  if (!given?.DB_SECRET_ID || !given.DB_HOST || !given.DB_NAME) return undefined;
  const { DB_HOST: host, DB_PORT: port, DB_NAME: name, DB_SECRET_ID: secretId } = given;
  const caPath = given.DB_SSL_CA;
  const ssl = caPath === undefined ? given.DB_SSL : { caPath };
  return { host, port, name, login: { secretId }, ...readTls('DB_SSL_CA', ssl, problems) };
}

function workerVersionOf({
  TEMPORAL_DEPLOYMENT_NAME: deploymentName,
  TEMPORAL_WORKER_BUILD_ID: buildId,
}: Variables): Pick<Config, 'workerVersion'> {
  return deploymentName === undefined || buildId === undefined
    ? {}
    : { workerVersion: { deploymentName, buildId } };
}

function readTls(
  variable: string,
  ssl: value.Ssl | undefined,
  problems: string[],
): Pick<DatabaseConfig, 'tls'> {
  if (ssl === undefined) return {};
  if (ssl === 'rds') return { tls: ssl };
  const { caPath } = ssl;
  try {
    return { tls: { caPem: readFileSync(caPath, 'utf8') } };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const found = variable === 'DATABASE_URL' ? `ssl-ca=${caPath}` : caPath;
    problems.push(`${variable}: found ${found} (${code}); must be the path of a readable PEM file`);
    return {};
  }
}

function checkLogFile(path: string | undefined, problems: string[]): void {
  if (path === undefined) return;
  try {
    closeSync(openSync(path, 'a'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    problems.push(
      `LOG_FILE: found ${path} (${code}); must be a file that this user can write, in an existing folder`,
    );
  }
}

function assemble(
  given: Variables,
  database: DatabaseConfig | undefined,
  temporal: Config['temporal'],
): Omit<Config, 'warnings' | 'hasSymbols'> {
  const { NPI_ARCHIVE_KEEP: keep, NPI_CHECK_PARTS: parts, NPI_HISTORY_KEEP: historyKeep } = given;
  return {
    ...(database && { database }),
    searchSchema: given.SEARCH_SCHEMA,
    schedulerSchema: given.SCHEDULER_SCHEMA,
    nppes: {
      url: given.NPPES_URL,
      archiveDir: resolve(given.NPI_ARCHIVE_DIR),
      isArchiveDirAbsolute: isAbsolute(given.NPI_ARCHIVE_DIR),
      ...(keep !== undefined && { archiveKeepCount: keep }),
      ...(parts !== undefined && { checkPartCount: parts }),
      ...(historyKeep !== undefined && { historyKeepMs: historyKeep }),
      workDir: resolve(given.NPI_WORK_DIR),
      maxRefusedFraction: given.NPI_MAX_REFUSED,
      baselineRule: given.NPI_BASELINE,
      minRowsFraction: given.NPI_MIN_ROWS,
      maxThreadsRunning: given.NPI_MAX_THREADS_RUNNING,
      loadConnections: given.NPI_LOAD_CONNECTIONS,
      hasReferences: given.NPI_REFERENCE_FILES === 'on',
    },
    crons: cronsOf(given),
    timezone: given.SCHEDULE_TIMEZONE,
    catchupMs: given.SCHEDULE_CATCHUP,
    temporal: {
      ...temporal,
      ...(given.TEMPORAL_UI_URL !== undefined && { uiUrl: given.TEMPORAL_UI_URL.replace(/\/$/, '') }),
    },
    ...workerVersionOf(given),
    ...(given.TEMPORAL_CLI_PATH !== undefined && { temporalCliPath: given.TEMPORAL_CLI_PATH }),
    log: {
      level: given.LOG_LEVEL,
      format: given.LOG_FORMAT ?? (process.stderr.isTTY ? 'pretty' : 'json'),
      ...(given.LOG_FILE !== undefined && { file: given.LOG_FILE }),
    },
    proxies: {
      ...(given.HTTP_PROXY !== undefined && { http: given.HTTP_PROXY }),
      ...(given.HTTPS_PROXY !== undefined && { https: given.HTTPS_PROXY }),
      exceptions: given.NO_PROXY,
    },
    heartbeatTimeoutMs: given.ACTIVITY_HEARTBEAT_TIMEOUT,
    isShadow: given.SHADOW === 'true',
    isSchedulerEnabled: given.ENABLE_SCHEDULER === 'true',
    ...(given.CASE_UPDATE_MAX !== undefined && { caseUpdateMax: given.CASE_UPDATE_MAX }),
    ...(given.METRICS_ADDRESS !== undefined && { metricsAddress: given.METRICS_ADDRESS }),
    ...(given.HEALTH_ADDRESS !== undefined && { healthAddress: given.HEALTH_ADDRESS }),
    notify: {
      events: given.NOTIFY_ON,
      ...(given.NOTIFY_WEBHOOK_URL !== undefined && { webhookUrl: given.NOTIFY_WEBHOOK_URL }),
      ...(given.HEARTBEAT_URL !== undefined && { heartbeatUrl: given.HEARTBEAT_URL }),
    },
  };
}

function scheduleWarnings(given: Variables): string[] {
  const now = new Date();
  return Object.entries(cronsOf(given)).flatMap(([job, cron]) =>
    cronWarnings(cron, given.SCHEDULE_TIMEZONE, now).map(
      (warning) => `${weeklySchedules[job as Job].variable}: ${warning}.`,
    ),
  );
}

function cronsOf(given: Variables): Config['crons'] {
  const { SCHEDULE_PENDING_PAYMENT_UPDATE, SCHEDULE_NPI_UPDATE, SCHEDULE_PAID_UPDATE } = given;
  return {
    ...(SCHEDULE_PENDING_PAYMENT_UPDATE !== undefined && {
      'pending-payment-update': SCHEDULE_PENDING_PAYMENT_UPDATE,
    }),
    ...(SCHEDULE_NPI_UPDATE !== undefined && { 'npi-update': SCHEDULE_NPI_UPDATE }),
    ...(SCHEDULE_PAID_UPDATE !== undefined && { 'paid-update': SCHEDULE_PAID_UPDATE }),
  };
}
