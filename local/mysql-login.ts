import { createConnection } from 'mysql2/promise';
import type { LocalService } from './service.ts';

/** A MySQL server that a command started. */
export interface LocalMysql extends LocalService {
  /** `mysql://user:password@127.0.0.1:port/`, without a schema. */
  readonly url: string;
}

/** Whether a server answers and accepts the login. */
export async function answers(url: string): Promise<boolean> {
  try {
    const connection = await createConnection(url);
    await connection.end();
    return true;
  } catch {
    return false;
  }
}
