/** What can go wrong with the page, a download or a file. These strings are failure types of the contract. */
export type NppesErrorCode =
  | 'PageUnreachable'
  | 'PageWithoutLinks'
  | 'ArchiveIncomplete'
  | 'DownloadFailed'
  | 'ReleaseUnavailable'
  | 'RedirectRefused'
  | 'NotAZip'
  | 'ZipDamaged'
  | 'ZipChanged'
  | 'UnsupportedCompression'
  | 'MemberMissing'
  | 'MemberAmbiguous'
  | 'FileDamaged'
  | 'ColumnMissing'
  | 'ArchiveMissing'
  | 'NoSpace';

/** An expected failure in this folder. Callers check `code`, never the message. */
export class NppesError extends Error {
  override readonly name = 'NppesError';
  readonly code: NppesErrorCode;

  constructor(code: NppesErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The code of a network or file error, or its message if it has no code of the operating system. */
export function reason(error: unknown): string {
  const { code, message } = error as Partial<NodeJS.ErrnoException>;
  const isOfUndici = code?.startsWith('UND_ERR') ?? false;
  return (isOfUndici ? undefined : code) ?? message ?? String(error);
}
