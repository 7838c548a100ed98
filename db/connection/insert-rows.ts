import { escape } from 'mysql2';
import type { Session } from './session.ts';

type Value = Parameters<typeof escape>[0];

// Larger statements are no faster, and the server keeps a whole one in memory.
const mostBytes = 1 << 20;

/**
 * Inserts rows with as few statements as the server's packets allow. `insert` is the statement up to VALUES; it also names
 * the statements in logs and errors.
 * @returns how many rows were inserted
 */
export async function insertRows(
  session: Session,
  insert: string,
  rows: Iterable<readonly Value[]>,
): Promise<number> {
  // Half of a packet leaves room for the beginning of the statement and for the protocol.
  const limitBytes = Math.min(mostBytes, session.maxPacketBytes / 2);
  const [label] = insert.split(' (', 1);
  let insertedCount = 0;
  let values: string[] = [];
  let sizeBytes = 0;
  const send = async () => {
    if (values.length === 0) return;
    const { affectedRows } = await session.run(`${insert} VALUES ${values.join(', ')}`, [], label);
    insertedCount += affectedRows;
    values = [];
    sizeBytes = 0;
  };
  for (const row of rows) {
    const value = `(${row.map((field) => escape(field, false, 'Z')).join(', ')})`;
    const valueBytes = Buffer.byteLength(value);
    if (sizeBytes + valueBytes > limitBytes) await send();
    values.push(value);
    sizeBytes += valueBytes;
  }
  await send();
  return insertedCount;
}
