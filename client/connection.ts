import { Client, Connection } from '@temporalio/client';
import type { Config } from '../config.ts';
import { CommandError, exitCodes } from './exit.ts';

const connectTimeoutMs = 5000;

/** Runs `use` with a client of the configured Temporal, and closes the connection after it. */
export async function withClient<Result>(
  { temporal }: Config,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { connectionOptions, namespace } = temporal;
  const connection = await Connection.connect({
    ...connectionOptions,
    connectTimeout: connectTimeoutMs,
  }).catch((error: unknown) => {
    const address = connectionOptions.address ?? 'localhost:7233';
    throw new CommandError(
      exitCodes.unreachable,
      `Temporal at ${address} does not answer: ${(error as Error).message}. ` +
        'Check TEMPORAL_ADDRESS, or start one here with `npm start`.',
    );
  });
  try {
    return await use(new Client({ connection, namespace: namespace ?? 'default' }));
  } finally {
    await connection.close();
  }
}
