import type { Session } from './session.ts';

// MySQL sorts the keys of millions of rows in runs of this size and then merges all runs. Its default is 1 MB.
// Two threads: a baseline builds two tables at a time, and the measured hosts have two cores.
const wanted = {
  innodb_ddl_buffer_size: 16 << 20,
  innodb_ddl_threads: 2,
  innodb_parallel_read_threads: 2,
} as const;

/** Runs `work` with session settings for building large keys. Skips those that the server lacks (before MySQL 8.0.27). */
export async function withBulkSettings<T>(session: Session, work: () => Promise<T>): Promise<T> {
  const names = Object.keys(wanted) as (keyof typeof wanted)[];
  const known = await session.query<{ Variable_name: keyof typeof wanted }>(
    `SHOW SESSION VARIABLES WHERE Variable_name IN ('${names.join("', '")}')`,
  );
  const set = async (valueOf: (name: keyof typeof wanted) => string | number) => {
    if (known.length === 0) return;
    const sets = known.map(({ Variable_name: name }) => `${name} = ${valueOf(name)}`);
    await session.query(`SET SESSION ${sets.join(', ')}`);
  };
  await set((name) => wanted[name]);
  try {
    return await work();
  } finally {
    await set(() => 'DEFAULT');
  }
}
