/** One failure that a person may meet: whether Temporal retries it, and what the person does next. */
export interface FailureKind {
  readonly isRetryable: boolean;
  /** How many tries a failure gets that is retried only a few times; absent: until the time of the activity is over. */
  readonly tries?: number;
  readonly nextStep: string;
}

/**
 * Every failure type of the pipelines. The Web UI, the command line and the logs show these texts; docs/troubleshooting.md has
 * a heading for each type, which test/unit/contract/failures.test.ts checks.
 */
export const failures = {
  PageUnreachable: {
    isRetryable: true,
    nextStep:
      'Check NPPES_URL and whether this host can reach it. The next run loads everything that is still due.',
  },
  PageWithoutLinks: {
    isRetryable: false,
    nextStep:
      'Open the page in a browser. Either a proxy answered instead of CMS, or CMS changed its file names.',
  },
  ArchiveIncomplete: {
    isRetryable: false,
    nextStep:
      'Put the missing zips into NPI_ARCHIVE_DIR, or end before them with `--until`. Nothing was changed.',
  },
  DownloadFailed: {
    isRetryable: true,
    nextStep: 'Run again. The download continues where it stopped.',
  },
  ReleaseUnavailable: {
    isRetryable: true,
    tries: 5,
    nextStep:
      'The server does not give out this file; the other releases are loaded. If you have the zip, run `surgicase npi load <zip>`.',
  },
  RedirectRefused: {
    isRetryable: false,
    nextStep:
      'If CMS has moved its page, set NPPES_URL to the new address. Redirects to another host are never followed.',
  },
  NotAZip: {
    isRetryable: false,
    nextStep:
      'Download the zip by hand and look at it. A proxy or a login page may have answered instead of CMS.',
  },
  ZipDamaged: {
    isRetryable: false,
    nextStep:
      'The zip was downloaded twice and was damaged both times. Ask CMS for a new file, then run again.',
  },
  UnsupportedCompression: {
    isRetryable: false,
    nextStep:
      'Unpack the zip, pack it again under the same name with `zip -r`, then run `surgicase npi load <zip>`.',
  },
  MemberMissing: {
    isRetryable: false,
    nextStep: 'List the files in the zip: the file that the message names is missing. Nothing was changed.',
  },
  MemberAmbiguous: {
    isRetryable: false,
    nextStep:
      'Ask CMS which file counts, or pack that file alone into a zip of the same name and run `surgicase npi load <zip>`.',
  },
  FileDamaged: {
    isRetryable: false,
    nextStep:
      'The file cannot be read to its end. Ask CMS for a new file. Nothing was published from the damaged file.',
  },
  ColumnMissing: {
    isRetryable: false,
    nextStep:
      'CMS renamed or dropped a column that the tables need. Update this service to read the new header, then run again.',
  },
  TooManyRefused: {
    isRetryable: false,
    nextStep: 'Read the reasons. If these rows should be refused, raise NPI_MAX_REFUSED and run again.',
  },
  CountsDiffer: {
    isRetryable: false,
    nextStep: 'Nothing was published. This is a defect: report it with the run id.',
  },
  DatabaseUnreachable: {
    isRetryable: true,
    nextStep: 'Check that MySQL is running and that DATABASE_URL or the secret is right.',
  },
  DatabaseRefused: {
    isRetryable: false,
    nextStep: "Read the server's message. docs/operations.md lists the privileges that this service needs.",
  },
  SecretRefused: {
    isRetryable: false,
    nextStep: 'Correct what the message names. The next run reads the secret again.',
  },
  SecretUnreachable: {
    isRetryable: true,
    nextStep: 'A run tries again by itself. Requests to AWS go through HTTPS_PROXY, if it is set.',
  },
  DatabaseReadOnly: {
    isRetryable: true,
    nextStep:
      'The server accepts no writes, as after a failover. A run retries for hours. If this is a reader endpoint, use the address of the writer.',
  },
  StatementFailed: {
    isRetryable: true,
    tries: 3,
    nextStep:
      'Temporal tries three times. Look up the number in the error reference of MySQL or MariaDB. If no setting of the server explains it, report it with the run id.',
  },
  DatabaseBusy: {
    isRetryable: true,
    nextStep:
      'Another session held a lock for too long, or MySQL rolled back a transaction to end a deadlock. A run retries automatically. End that session if it should not hold the lock.',
  },
  DatabaseNotReady: {
    isRetryable: false,
    nextStep:
      'Run `surgicase db migrate` to create missing tables. If an existing table has to change, run `surgicase db adopt`.',
  },
  NoSpace: {
    isRetryable: false,
    nextStep: 'Free the space that the message names, or move NPI_WORK_DIR or NPI_ARCHIVE_DIR.',
  },
  ArchiveMissing: {
    isRetryable: false,
    nextStep:
      'Mount the archive, or set NPI_ARCHIVE_DIR to its absolute path, or create the folder. Then run again.',
  },
  ZipChanged: {
    isRetryable: false,
    nextStep: 'CMS replaced the file during the run. Run again to load the new content.',
  },
  Unexpected: {
    isRetryable: true,
    tries: 3,
    nextStep: 'Temporal tries three times. If it still fails, this is a defect: report it with the run id.',
  },
  CasesNotReady: {
    isRetryable: false,
    nextStep:
      "Add the missing tables or columns to the application's database, or run `surgicase db adopt`, which adds the columns. Then run again. Nothing was moved.",
  },
  CasesRefused: {
    isRetryable: false,
    nextStep:
      "Find what refuses the change, such as a trigger or a constraint of the application's table, then run again. No case was moved.",
  },
  InputRefused: {
    isRetryable: false,
    nextStep: 'Start the run again with valid input, or without input. Nothing was changed.',
  },
  ResetTooLate: {
    isRetryable: false,
    nextStep:
      'Run the job again, or reset the first run to its first workflow task: `temporal workflow reset --type FirstWorkflowTask`.',
  },
  ApprovalTimedOut: {
    isRetryable: false,
    nextStep: 'Nothing was changed. Run the job again and approve it within 24 hours.',
  },
  TimedOut: {
    isRetryable: false,
    nextStep:
      'The run was open for 6 days. Its history in the Web UI shows what it waited for; the next run does its work.',
  },
  Terminated: {
    isRetryable: false,
    nextStep: 'Somebody terminated the run. Its lease expires after 60 s; then run the job again.',
  },
  RunNotUndoable: {
    isRetryable: false,
    nextStep: 'Use a run id that `surgicase cases history` lists. Nothing was changed.',
  },
  ShadowLost: {
    isRetryable: false,
    nextStep: 'Run again. This run published nothing of this release.',
  },
  RollbackRefused: {
    isRetryable: false,
    nextStep: 'Nothing was changed. `surgicase npi status` shows what is published and what is rolled back.',
  },
  AdoptionRefused: {
    isRetryable: false,
    nextStep: 'Do what the message says, then run `surgicase db adopt` again. The tables are unchanged.',
  },
  LeaseHeld: {
    isRetryable: true,
    nextStep: 'Another run of the same job holds the lease. This run continues when the other one has ended.',
  },
  FencedOut: {
    isRetryable: true,
    nextStep: 'No action is needed. A newer attempt or another run has taken over the work.',
  },
} as const satisfies Record<string, FailureKind>;

export type FailureType = keyof typeof failures;

/** What a person does next about a failure, and where to read more. The failures of runs and activities end with it. */
export function adviceFor(type: FailureType): string {
  return `${failures[type].nextStep} See docs/troubleshooting.md#${type.toLowerCase()}.`;
}

/** What is wrong with one release. The run goes on with the next one, and ends as failed. */
export const releaseFailures: ReadonlySet<string> = new Set<FailureType>([
  'DownloadFailed',
  'ReleaseUnavailable',
  'RedirectRefused',
  'NotAZip',
  'ZipDamaged',
  'ZipChanged',
  'UnsupportedCompression',
  'MemberMissing',
  'MemberAmbiguous',
  'FileDamaged',
  'ColumnMissing',
  'TooManyRefused',
  'CountsDiffer',
]);
