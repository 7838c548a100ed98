import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cacheDir } from '../../../local/bootstrap/host.js';
import { fileProblem } from '../../../local/file-problem.ts';

const fileError = (code: string, path?: string, syscall = 'open') =>
  Object.assign(new Error(code), { code, path, syscall });

describe('an error of the file system', () => {
  it.each([
    [
      fileError('EACCES', '/srv/x/.surgicase'),
      /^\/srv\/x\/\.surgicase belongs to another user.*Start in a folder/,
    ],
    [fileError('EROFS', '/srv/x/.surgicase'), /is on a read-only disk \(EROFS\)\. Start in a folder/],
    [fileError('ENOENT', '/srv/x/.surgicase', 'mkdir'), /cannot be created: its disk is read-only/],
    [
      fileError('EACCES', join(cacheDir(), 'mysql')),
      /Set XDG_CACHE_HOME to a folder that you can write to\.$/,
    ],
    [
      fileError('ENOSPC'),
      /^A file of this start does not fit on its disk, which is full \(ENOSPC\)\. Free some space/,
    ],
  ])('says what to do: %o', (error, message) => {
    expect(fileProblem(error)?.message).toMatch(message);
  });

  it.each([fileError('ENOENT', '/srv/x'), fileError('ECONNREFUSED'), new Error('a bug')])(
    'is told apart from %o',
    (error) => {
      expect(fileProblem(error)).toBeUndefined();
    },
  );
});
