/** What can be wrong with the page, a download or a file. The strings are the failure types of the contract. */
export type NppesErrorCode =
  | 'PageUnreachable'
  | 'PageWithoutLinks'
  | 'DownloadFailed'
  | 'RedirectRefused'
  | 'NotAZip'
  | 'ZipDamaged'
  | 'ZipChanged'
  | 'UnsupportedCompression'
  | 'MemberMissing'
  | 'FileDamaged'
  | 'ColumnMissing'
  | 'NoSpace';

/** An expected failure of this floor; told apart by `code`, never by its message. */
export class NppesError extends Error {
  override readonly name = 'NppesError';
  readonly code: NppesErrorCode;

  constructor(code: NppesErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
