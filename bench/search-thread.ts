import { parentPort, workerData } from 'node:worker_threads';
import { createPool, type RowDataPacket } from 'mysql2/promise';
import type { Answer, SearchOrder } from './searches.ts';

// Searches at a fixed rate in its own thread, so that nothing else delays the measurement. The time of a search starts when
// the search is due, not when a connection is free; otherwise one long wait would hide the searches queued behind it.

const { login, questions, perSecond, connectionCount } = workerData as SearchOrder;
const pool = createPool({ ...login, connectionLimit: connectionCount });
const everyMs = 1000 / perSecond;
const answers: Answer[] = [];
const asked: Promise<void>[] = [];

async function ask(turn: number, dueMs: number): Promise<void> {
  const place = turn % questions.length;
  const { sql = '', npi = '' } = questions[place] ?? {};
  const found = await pool.query<RowDataPacket[]>(sql).then(
    ([rows]) => ({ name: rows.find((row) => String(row['npi']) === npi)?.['name'] as string | undefined }),
    (error: unknown) => ({ error: String((error as { errno?: number }).errno ?? error) }),
  );
  answers.push({ question: place, ms: performance.now() - dueMs, ...found });
}

// Warm up every connection, because its first search waits for things that no operation causes.
const connections = await Promise.all(Array.from({ length: connectionCount }, () => pool.getConnection()));
for (const connection of connections) connection.release();
for (const { sql } of questions.slice(0, 20 * connectionCount)) await pool.query(sql);
parentPort?.postMessage('ready');

const startedMs = performance.now();
const timer = setInterval(() => {
  for (; startedMs + asked.length * everyMs <= performance.now();)
    asked.push(ask(asked.length, startedMs + asked.length * everyMs));
}, 1);

parentPort?.once('message', () => {
  clearInterval(timer);
  void Promise.all(asked)
    .then(() => pool.end())
    .then(() => parentPort?.postMessage(answers));
});
