import type { Dispatcher } from 'undici';
import type { Config } from '../config/config.ts';
import { startMysql } from './mysql.ts';
import { killOwned, type LocalService, type StartContext } from './service.ts';
import { openSource, type Source, type SourceName } from './source.ts';
import { startTemporal } from './temporal.ts';

/** The services of a start: configured ones, and those that it started. */
export interface Services {
  /** Environment variables for the services that were not configured. */
  readonly variables: Readonly<Record<string, string>>;
  /** The source of the registry; absent when NPPES_URL names it. */
  readonly source?: Source;
  /** One line for each service: which one it is, and why. */
  readonly lines: readonly string[];
  /** Resolves with a sentence for people when a service exits unexpectedly. */
  readonly failed: Promise<string>;
  stop(): Promise<void>;
}

/** What a start needs to know to start the services. */
export interface ServicesWanted extends StartContext {
  readonly config: Config;
  /** Sends requests to CMS's page, through a proxy or not. */
  readonly dispatcher: Dispatcher;
  /** `NPPES_URL` is set. */
  readonly isPageGiven: boolean;
  readonly source?: SourceName;
  readonly today: string;
}

const applicationSchema = 'allstars';

/** Starts in parallel the services that are not configured. When one cannot start, or `signal` fires, stops the others. */
export async function startServices(start: ServicesWanted): Promise<Services> {
  const failure = new AbortController();
  const signal = AbortSignal.any([start.signal, failure.signal]);
  const wanted = { ...start, signal };
  const { config } = start;
  const starting = [
    config.temporal.isConfigured
      ? given('Temporal', config.temporal.connectionOptions.address ?? 'from the profile')
      : startTemporal({ ...wanted, ...cliPath(config) }).then((service) => ({
          ...service,
          name: 'Temporal',
          variables: {
            TEMPORAL_ADDRESS: service.address,
            TEMPORAL_UI_URL: service.uiUrl,
            TEMPORAL_CLI_PATH: service.cliPath,
          },
        })),
    config.database
      ? given('MySQL', `${config.database.host}:${config.database.port}`)
      : startMysql(wanted).then((service) => ({
          ...service,
          name: 'MySQL',
          variables: { DATABASE_URL: `${service.url}${applicationSchema}` },
        })),
    openRegistry(wanted),
  ] satisfies Promise<Part>[];
  for (const part of starting) part.catch((error: unknown) => failure.abort(error));
  const ends = await Promise.allSettled<Part>(starting);
  const parts = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  const stop = async () => {
    await Promise.all(parts.map((part) => part.stop()));
  };
  if (signal.aborted) {
    // A person waits. Servers that have just started recover from a kill; to end in order takes them seconds.
    killOwned();
    await stop();
    throw signal.reason;
  }
  const source = parts.find((part) => part.source)?.source;
  return {
    variables: Object.assign({}, ...parts.map((part) => part.variables)) as Record<string, string>,
    ...(source && { source }),
    lines: parts.map(({ name, line }) => `${name.padEnd(9)} ${line}`),
    failed: Promise.race(parts.map((part) => endOf(part))),
    stop,
  };
}

/** One of the three services, with its name in the summary of a start. */
interface Part extends LocalService {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly source?: Source;
}

function given(name: string, place: string): Promise<Part> {
  return Promise.resolve({
    name,
    variables: {},
    line: `${place} (configured)`,
    stop: () => Promise.resolve(),
  });
}

async function openRegistry(start: ServicesWanted): Promise<Part> {
  const { config, isPageGiven, source: name } = start;
  const { url } = config.nppes;
  if (isPageGiven && name === undefined) return given('Registry', url);
  // A configured database gets generated providers only when they are asked for.
  const wanted = name ?? (config.database ? 'cms' : undefined);
  const source = await openSource({ ...start, cmsUrl: url, ...(wanted && { wanted }) });
  return { ...source, name: 'Registry', variables: { NPPES_URL: source.pageUrl }, source };
}

const cliPath = ({ temporalCliPath }: Config) =>
  temporalCliPath === undefined ? {} : { cliPath: temporalCliPath };

async function endOf({ name, ended, line }: Part): Promise<string> {
  await (ended ?? new Promise(() => undefined));
  return `${name} exited unexpectedly: ${line}.`;
}
