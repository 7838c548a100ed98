import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { LocalService } from './service.ts';

/** A MySQL server that a command started. */
export interface LocalMysql extends LocalService {
  /** `mysql://user:password@127.0.0.1:port/`, without a schema. */
  readonly url: string;
}

/** The version of a server; undefined when it does not answer or refuses the login. */
export async function versionOf(url: string): Promise<string | undefined> {
  try {
    const connection = await createConnection(url);
    const [[row]] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
    await connection.end();
    return String(row?.['version']);
  } catch {
    return undefined;
  }
}
