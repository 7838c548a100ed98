import process from 'node:process';

/** Runs `clean` when a person stops the tests (Ctrl-C, SIGTERM, a closed terminal), and then ends this process. */
export function onStop(clean: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      clean();
      process.exit(130);
    });
  }
}
