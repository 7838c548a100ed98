import { DbError } from '../db/connection/errors.ts';

/** Another run of the job has taken the lease of one that waited, and dropped its shadow tables. */
export function shadowLost(): DbError {
  return new DbError(
    'ShadowLost',
    'Another run of the job has begun meanwhile and dropped the tables that this one made ready.',
  );
}
