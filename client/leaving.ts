import process from 'node:process';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The exit code of a shell command that Ctrl-C ended. */
const interrupted = 130;

/** Does `work`, which only watches a run. Ctrl-C ends the command and calls `say` first; the run goes on in Temporal. */
export async function mayLeave<Result>(say: () => void, work: () => Promise<Result>): Promise<Result> {
  const leave = () => {
    say();
    process.exit(interrupted);
  };
  for (const signal of signals) process.once(signal, leave);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, leave);
  }
}
