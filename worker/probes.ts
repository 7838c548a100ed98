import { once } from 'node:events';
import { createServer } from 'node:http';
import { ConfigError } from '../config/config-error.ts';

/** What a probe asks a dependency: resolves with one sentence when it is not ready, and with undefined when it is. */
export type ReadinessCheck = (signal: AbortSignal) => Promise<string | undefined>;

export interface Probes {
  /** From now on `/readyz` answers with what these checks say. */
  checkWith(checks: readonly ReadinessCheck[]): void;
  close(): void;
}

// An orchestrator waits one second unless told otherwise; ours is told three.
const answerMs = 2000;

/**
 * Serves `/livez` and `/readyz` for an orchestrator. `/livez` answers 200 while this process can answer at all; it does not
 * ask the database or Temporal, because a restart of the worker repairs neither. `/readyz` answers 200 when every check
 * passes within 2 s, and otherwise 503 with a line for each that does not.
 * @throws ConfigError when nothing can listen at `address`
 */
export async function serveProbes(address: string): Promise<Probes> {
  let checks: readonly ReadinessCheck[] = [() => Promise.resolve('The worker is starting.')];
  const server = createServer((request, response) => {
    const answer = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
    if (request.url === '/livez') answer(200, 'ok');
    else if (request.url === '/readyz')
      void problemsOf(checks).then((problems) =>
        problems.length === 0 ? answer(200, 'ok') : answer(503, problems.join('\n')),
      );
    else answer(404, 'There are /livez and /readyz.');
  });
  const colon = address.lastIndexOf(':');
  try {
    server.listen(Number(address.slice(colon + 1)), address.slice(0, colon).replace(/^\[|\]$/g, ''));
    await once(server, 'listening');
    // Such as too many open files when a probe arrives. The next probe is answered; without a listener, this process ends.
    server.on('error', () => undefined);
  } catch (error) {
    throw new ConfigError(
      `The configuration is not valid:\n  HEALTH_ADDRESS: found ${address}; nothing can listen there: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return {
    checkWith(given) {
      checks = given;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A sentence for each check that does not pass within 2 s. */
export async function problemsOf(checks: readonly ReadinessCheck[]): Promise<string[]> {
  const signal = AbortSignal.timeout(answerMs);
  const late = once(signal, 'abort').then(() => 'A dependency did not answer within 2 s.');
  const answers = await Promise.all(checks.map((check) => Promise.race([check(signal), late])));
  return answers.filter((problem) => problem !== undefined);
}
