import { DbError } from '../../db/connection/errors.ts';

/** The error of a promise; undefined when it succeeds. */
export const failureOf = (promise: Promise<unknown>): Promise<Error | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => error as Error,
  );

/** The code of the DbError of a promise; any other error as it is; undefined when the promise succeeds. */
export async function failureCode(promise: Promise<unknown>): Promise<unknown> {
  const error = await failureOf(promise);
  return error instanceof DbError ? error.code : error;
}
