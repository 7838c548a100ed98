import { parseArgs } from 'node:util';

/** The options of a benchmark. */
export interface BenchOptions {
  readonly rows?: number;
  /** Size of the server's buffer pool, in MB. */
  readonly poolMb?: number;
  /** Turn the server's binary log on, with MySQL's own defaults: every commit flushes it. */
  readonly binlog: boolean;
  readonly json: boolean;
  /** Also measure loading without this project. */
  readonly compare: boolean;
}

/** Reads the arguments after `npm run bench --`. */
export function readOptions(args: readonly string[]): { readonly name: string } & BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rows: { type: 'string' },
      pool: { type: 'string' },
      binlog: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      compare: { type: 'boolean', default: false },
    },
  });
  const { rows, pool, binlog, json, compare } = values;
  return {
    name: positionals[0] ?? '',
    binlog,
    json,
    compare,
    ...(rows !== undefined && { rows: Number(rows) }),
    ...(pool !== undefined && { poolMb: Number(pool) }),
  };
}
