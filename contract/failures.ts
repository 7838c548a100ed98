/** One failure that a person may meet: whether Temporal tries again, and what the person does next. */
export interface FailureKind {
  readonly isRetryable: boolean;
  readonly nextStep: string;
}

/**
 * Every failure type of the pipelines. The Web UI, the command line, the logs and the headings of
 * docs/operations.md use these strings; test/unit/contract/failures.test.ts holds the headings to them.
 */
export const failures = {
  PageUnreachable: {
    isRetryable: true,
    nextStep: 'Check NPPES_URL and that this host may reach it; the next run picks up what is due.',
  },
  PageWithoutLinks: {
    isRetryable: false,
    nextStep:
      'Open the page in a browser: a proxy may answer in its place, or CMS has changed its file names.',
  },
  DownloadFailed: {
    isRetryable: true,
    nextStep: 'Run again: what has arrived is kept and the download goes on from there.',
  },
  RedirectRefused: {
    isRetryable: false,
    nextStep:
      'If CMS has moved, point NPPES_URL at the new page; a redirect to another host is never followed.',
  },
  NotAZip: {
    isRetryable: false,
    nextStep: 'Download the address by hand: a proxy or a login page probably answers in its place.',
  },
  ZipDamaged: {
    isRetryable: false,
    nextStep: 'It was downloaded twice and thrown away twice: ask CMS for the file again, then run again.',
  },
  UnsupportedCompression: {
    isRetryable: false,
    nextStep: 'Unpack the zip and pack it again with Deflate (zip -r), then serve it through NPPES_URL.',
  },
  MemberMissing: {
    isRetryable: false,
    nextStep: 'Look into the zip: it lacks the file that the message names. Nothing was changed.',
  },
  FileDamaged: {
    isRetryable: false,
    nextStep: 'It cannot be read to its end: ask CMS for the file again. Nothing of it was published.',
  },
  ColumnMissing: {
    isRetryable: false,
    nextStep: 'CMS has renamed or dropped a column that the tables need; the load waits for a new layout.',
  },
  TooManyRefused: {
    isRetryable: false,
    nextStep: 'Read the reasons; if the rows are rightly refused, raise NPI_MAX_REFUSED and run again.',
  },
  CountsDiffer: {
    isRetryable: false,
    nextStep: 'Nothing was published. This is a defect: report it with the run id.',
  },
  DatabaseUnreachable: {
    isRetryable: true,
    nextStep: 'Check that MySQL runs and that DATABASE_URL or the secret is right.',
  },
  DatabaseRefused: {
    isRetryable: false,
    nextStep: "Read the server's message; missing rights are listed in docs/operations.md.",
  },
  DatabaseBusy: {
    isRetryable: true,
    nextStep: 'A lock was held for too long or a deadlock was broken; it is tried again by itself.',
  },
  DatabaseNotReady: {
    isRetryable: false,
    nextStep:
      'Run `surgicase db migrate`, which creates what is absent; tables that are there and not as needed take `surgicase db adopt`.',
  },
  NoSpace: {
    isRetryable: false,
    nextStep: 'Free the space that the message names, or move NPI_WORK_DIR or NPI_ARCHIVE_DIR.',
  },
  ZipChanged: {
    isRetryable: false,
    nextStep: 'CMS has replaced the file meanwhile: run again, and the new content is loaded.',
  },
  Unexpected: {
    isRetryable: true,
    nextStep: 'It is tried three times; if it stays, this is a defect: report it with the run id.',
  },
  CasesNotReady: {
    isRetryable: false,
    nextStep:
      "Have the application's database given what the message names, then run again. Nothing was moved.",
  },
  InputRefused: {
    isRetryable: false,
    nextStep: 'Start the run again with a value that the message accepts, or with none. Nothing was changed.',
  },
  ApprovalTimedOut: {
    isRetryable: false,
    nextStep: 'Cases and registry are as they were. Run the job again, and approve it within 24 hours.',
  },
  RunNotUndoable: {
    isRetryable: false,
    nextStep: 'Take a run id that `surgicase cases history` lists. Nothing was changed.',
  },
  ShadowLost: {
    isRetryable: false,
    nextStep: 'Run it again: the live tables are as the other run left them.',
  },
  AdoptionRefused: {
    isRetryable: false,
    nextStep: 'Do what the message says, then run `surgicase db adopt` again. The tables are as they were.',
  },
  LeaseHeld: {
    isRetryable: true,
    nextStep: 'Another run of the same job is at work; this one goes on when it has ended.',
  },
  FencedOut: {
    isRetryable: true,
    nextStep: 'Nothing to do: a newer attempt or another run has taken over, and its rows win.',
  },
} as const satisfies Record<string, FailureKind>;

export type FailureType = keyof typeof failures;
