import { Client, Connection } from '@temporalio/client';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/loopback.ts';
import { NamespaceGone } from '../worker/namespace.ts';
import { isAway } from './away.ts';
import { CommandError, exitCodes } from './exit.ts';

const connectTimeoutMs = 5000;
// gRPC's library reads http_proxy and https_proxy itself, and would send a request for this machine to the proxy.
const withoutProxy = { 'grpc.enable_http_proxy': 0 };
const isOnLoopback = (address = 'localhost:7233') => isLoopback(address.replace(/:\d+$/, ''));

/** Runs `use` with a client of the configured Temporal, then closes the connection. */
export async function withClient<Result>(
  { temporal }: Config,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { connectionOptions, namespace } = temporal;
  const connection = await Connection.connect({
    ...connectionOptions,
    connectTimeout: connectTimeoutMs,
    channelArgs: {
      // The default grows to two minutes, in which Temporal may have come back long ago.
      'grpc.max_reconnect_backoff_ms': 5000,
      ...(isOnLoopback(connectionOptions.address) && withoutProxy),
    },
  }).catch(asUnreachable({ temporal }));
  try {
    return await use(new Client({ connection, namespace: namespace ?? 'default' }));
  } catch (error) {
    if (isAway(error)) throw unreachable({ temporal }, (error as Error).cause);
    if (!(error instanceof Error) || error.name !== 'NamespaceNotFoundError') throw error;
    throw new CommandError(
      exitCodes.usage,
      `Temporal has no namespace ${namespace}. Check TEMPORAL_NAMESPACE.`,
    );
  } finally {
    await connection.close();
  }
}

/**
 * Turns the connection errors of Temporal's clients into a CommandError. The native client throws a class of its own, so
 * the error is recognized by name and message.
 */
export function asUnreachable({ temporal }: Pick<Config, 'temporal'>): (error: unknown) => never {
  return (error) => {
    if (error instanceof ConfigError) throw error;
    if (error instanceof NamespaceGone) throw new CommandError(exitCodes.unreachable, error.message);
    if (!(error instanceof Error) || !/connect|transport/i.test(`${error.name} ${error.message}`))
      throw error;
    throw unreachable({ temporal }, error);
  };
}

function unreachable({ temporal }: Pick<Config, 'temporal'>, cause: unknown): CommandError {
  const address = temporal.connectionOptions.address ?? 'localhost:7233';
  return new CommandError(
    exitCodes.unreachable,
    `Temporal at ${address} does not answer: ${(cause as Error).message}. ` +
      'Check TEMPORAL_ADDRESS, or start Temporal here with `npm start`.',
  );
}
