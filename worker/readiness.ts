import type { NativeConnection, Worker } from '@temporalio/worker';
import type { Database } from '../db/connection/pool.ts';
import type { ReadinessCheck } from './probes.ts';

/** Ready while every worker polls its queue; not while one starts, drains or has failed. */
export const workersRun =
  (workers: readonly Worker[]): ReadinessCheck =>
  () => {
    const others = workers.map((worker) => worker.getState()).filter((state) => state !== 'RUNNING');
    return Promise.resolve(
      others.length === 0 ? undefined : `The worker is ${others.join(', ').toLowerCase()}.`,
    );
  };

/** Ready while the database answers a query. */
export const databaseAnswers =
  (database: Database): ReadinessCheck =>
  (signal) =>
    database
      .session(signal, (session) => session.query('SELECT 1'))
      .then(
        () => undefined,
        () => 'The database does not answer.',
      );

/** Ready while Temporal answers and knows the namespace. */
export const temporalAnswers =
  (connection: NativeConnection, namespace: string): ReadinessCheck =>
  async () => {
    try {
      await connection.workflowService.describeNamespace({ namespace });
      return undefined;
    } catch {
      return `Temporal does not answer for the namespace ${namespace}.`;
    }
  };
