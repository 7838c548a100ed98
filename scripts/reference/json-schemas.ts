import { pastProvider, providerHistory, releaseChanges } from './json-history.ts';
import { z } from 'zod';
import { count, counts, flag, identity, nullableText, oneOf, text, texts } from './json-fields.ts';
import { proof, registryCheck } from './json-proof.ts';
import { databaseStatus, problems, registry, temporalStatus, unanswered } from './json-status.ts';
import {
  caseComparison,
  caseException,
  casePreview,
  caseRun,
  caseStep,
  recordedRun,
  runDetails,
} from './json-runs.ts';

// The JSON output of every command. docs/json-output.md is generated from these schemas, and test/bed/cli.ts checks the
// output of every command that a test runs with --json.

const failure = {
  isDone: z.literal(false).describe('Whether the run ended without a failure'),
  failureType: text(
    'A failure type of [troubleshooting](troubleshooting.md), or `Cancelled`, `Terminated`, `TimedOut`, `Error`',
  ),
  message: text('What happened, for people'),
};
const release = z.object({
  release: text('File name of the zip, without its ending'),
  kind: z.literal('monthly').optional().describe('Present for a monthly'),
  sizeBytes: count('Size of the zip'),
  counts: counts(
    '`rows` = `inserted` + `updated` + `unchanged` + `stale` + `refused` + `duplicates`; `deactivated` is part of `inserted` and `updated`',
  ),
  refusedByReason: counts('Refused rows by reason'),
  references: z
    .array(
      z.object({
        table: text('Name of the reference table'),
        rows: count('Rows of the file: the sum of the following counts'),
        written: count('Rows written to the table'),
        duplicates: count('Rows that repeat another row of the file byte for byte'),
        stale: count('Rows of providers whose rows come from a later release'),
        refused: count('Refused rows'),
      }),
    )
    .optional()
    .describe('The reference files that were loaded; absent when none was'),
  search: counts('Search tables: rows `written` and `deleted`, and the number of `tables` touched'),
  seconds: counts('Seconds for `download`, `stage`, `publish`, `index` (part of `publish`) and `archive`'),
});
const npiResult = z.object({
  outcome: oneOf(
    [
      'published',
      'nothing due',
      'rolled back',
      'brought forward',
      'resumed',
      'dry run',
      'rejected',
      'skipped',
    ],
    'How the run ended',
  ),
  releases: z.array(release).describe('The loaded releases, in order'),
  rolled: z
    .array(
      z.object({
        release: text('Name of the release'),
        providers: count('Providers whose row was changed; 0 for one that was given up'),
        searchRows: count('Changed search rows'),
      }),
    )
    .optional()
    .describe('Only of a rollback: the releases that it took back, brought forward or gave up'),
  remarks: texts('Why nothing, or not everything, was loaded'),
  seconds: count('Duration of the run'),
});
const caseResult = z.object({
  outcome: oneOf(['moved', 'nothing due', 'dry run', 'rejected', 'skipped'], 'How the run ended'),
  source: z.number().optional().describe('Status before; absent for an undo'),
  target: z.number().optional().describe('Status after; absent for an undo'),
  found: count('Selected cases'),
  updated: count('Moved cases'),
  exceptions: counts('Cases that did not move, by reason'),
  leftForNextRun: count('Cases that another job has just moved here; the next run moves them'),
  remarks: texts('Remarks for people'),
  seconds: count('Duration of the run'),
  casesPerSecond: count('Moved cases per second'),
});
const isDone = z.literal(true).describe('Whether the run ended without a failure');
const npiEnd = z.object({ ...identity, isDone, result: npiResult.describe('Result of the run') });
const caseEnd = z.object({ ...identity, isDone, result: caseResult.describe('Result of the run') });
const failedEnd = z.object({ ...identity, ...failure });
const started = z.object(identity);
const answered = { workflowId: identity.workflowId, runId: identity.runId };
const exitCode = { exitCode: count('Exit code of this run') };

const scheduleChange = z.object({
  job: identity.job,
  action: oneOf(['created', 'updated', 'unchanged'], 'What happens to the schedule'),
  differences: texts('One text for each difference'),
});
const schedule = z.object({
  job: identity.job,
  exists: z
    .literal(true)
    .describe('Whether the schedule exists; if it does not, the other fields except `job` are absent'),
  cron: text('Five-field cron'),
  timezone: text('Time zone of the cron'),
  isPaused: flag('The schedule is paused'),
  pausedUntil: text('When the pause ends by itself, UTC').optional(),
  note: text('Note of the schedule: who paused it and why, or what it does and when'),
  nextAt: texts('The next three runs, UTC'),
  lastRuns: z
    .array(z.object({ at: text('Start, UTC'), workflowId: identity.workflowId }))
    .describe('The last three runs'),
});
const missingSchedule = z.object({
  job: identity.job,
  exists: z
    .literal(false)
    .describe('Whether the schedule exists; if it does not, the other fields except `job` are absent'),
});

const adopted = z.object({
  outcome: oneOf(
    ['nothing', 'adopted', 'kept'],
    '`kept`: adopted earlier, and the original tables still exist',
  ),
  counts: counts('Rows by what the adoption did to them').optional(),
  originals: texts('Original tables that are kept'),
  addedCaseColumns: texts('Columns added to `cases`'),
  releases: texts('Zips that `npi_update_log` names as loaded').optional(),
});
const adoptPreview = z.object({
  isNeeded: flag('The registry needs an adoption'),
  obstacles: texts('What prevents the adoption'),
  lacks: texts('What a load needs and the tables lack'),
  rows: z.looseObject({}).optional().describe('Counts of what is wrong with the rows'),
  cases: z
    .object({ hasTable: flag('`cases` exists'), columns: texts('Missing columns') })
    .describe('The table `cases`'),
  logged: z
    .looseObject({ unknownCount: count('Lines that name no release') })
    .describe('What `npi_update_log` says'),
  originals: texts('Original tables that an earlier adoption kept'),
  statements: z
    .array(z.object({ what: text('What it does'), sql: text('The statement') }))
    .describe('The statements, in order'),
});

const provider = z
  .object({
    table: text('Table of the row'),
    columns: z.record(z.string(), z.union([z.string(), z.number()])).describe('Columns that have a value'),
  })
  .nullable();
const address = {
  address: nullableText('First line of the practice location'),
  city: nullableText('City'),
  state: nullableText('State'),
  zip: nullableText('Postal code'),
};
const surgeon = z.object({
  kind: z.literal('surgeon').describe('Kind of provider'),
  npi: count('NPI'),
  first_name: nullableText('First name'),
  last_name: nullableText('Last name'),
  ...address,
});
const facility = z.object({
  kind: z.literal('facility').describe('Kind of provider'),
  npi: count('NPI'),
  facility_name: nullableText('Name'),
  ...address,
});
const replacePreview = z.object({
  release: text('The newest monthly'),
  url: text('Its address'),
  sizeBytes: z.number().nullable().describe('Size of the zip; null when the server does not report it'),
  estimate: counts('`rows`, `csvBytes`, `workBytes`, `archiveBytes`, `tableBytes`, `loadSeconds`'),
  folders: z
    .array(
      z.object({
        name: oneOf(['NPI_WORK_DIR', 'NPI_ARCHIVE_DIR'], 'Variable of the folder'),
        path: text('Path on this host'),
        neededBytes: count('Space that the load needs'),
        freeBytes: count('Free space'),
      }),
    )
    .describe('Disk space'),
});

const offeredRelease = z.object({
  fileName: text('Name of the zip'),
  kind: oneOf(['weekly', 'monthly', 'deactivation'], 'Kind of release'),
  periodStart: text('First day of its period'),
  periodEnd: text('Last day of its period, from its name'),
  state: oneOf(
    ['published', 'superseded', 'rolled back', 'given up', 'not loaded'],
    '`superseded`: a loaded monthly contains it; `given up`: taken back for good with `npi rollback --resume`',
  ),
  publishedAt: nullableText('When it was published, UTC; null unless it is'),
});

/** One form of a command's output, and when it appears. */
export interface JsonForm {
  readonly when: string;
  readonly schema: z.ZodType;
}

const form = (when: string, schema: z.ZodType): JsonForm => ({ when, schema });
const failed = form('The run failed', failedEnd);
const ends = (end: z.ZodType) => [form('The run has ended', end), failed];

/** The forms of each command's output. `worker` prints nothing on stdout. */
export const jsonForms: Readonly<Record<string, readonly JsonForm[]>> = {
  start: [
    form(
      'The first runs have ended',
      z.object({
        services: texts('One line for each service'),
        runs: z
          .array(
            z.looseObject({
              job: identity.job,
              workflowId: identity.workflowId.optional(),
              runId: identity.runId.optional(),
              isDone: flag('Whether the run ended without a failure'),
              ...exitCode,
            }),
          )
          .describe(
            'One entry for each job: the fields of `surgicase run`, and `exitCode`. Without ids when the job could not start',
          ),
        seconds: z
          .number()
          .describe('Seconds until the runs had ended; under `npm start` with installing and building'),
        steps: z
          .array(z.object({ step: text('What was done'), seconds: z.number() }))
          .describe('Seconds by step; some steps run side by side'),
      }),
    ),
  ],
  run: [
    form('`npi-update` has ended', npiEnd),
    form('A job that moves cases has ended', caseEnd),
    failed,
    form('With `--no-wait`', started),
  ],
  status: [
    form('With `--check`', z.object({ problems })),
    form(
      'With `--acknowledge`',
      z.object({
        acknowledged: count('Number of the warning'),
        by: text('Who acknowledged it'),
        reason: text('Why').optional(),
      }),
    ),
    form(
      'Otherwise',
      z.object({
        problems,
        temporal: z
          .union([temporalStatus, unanswered])
          .describe('Temporal, or `error` when it does not answer'),
        database: z
          .union([databaseStatus, unanswered])
          .describe('The database, or `error` when it does not answer'),
      }),
    ),
  ],
  doctor: [
    form(
      'Always',
      z.object({
        isHealthy: flag('Nothing is wrong, and every check was made'),
        lines: z
          .array(
            z.object({
              check: text('Name of the check'),
              state: oneOf(['ok', 'warning', 'wrong', 'not checked'], 'What it found'),
              text: text('What was found, or why the check was not made'),
              fix: z.string().optional().describe('What to do'),
            }),
          )
          .describe('At least one entry for each check'),
      }),
    ),
  ],
  'schedules apply': [form('Always', z.array(scheduleChange))],
  'schedules diff': [form('Always', z.array(scheduleChange))],
  'schedules list': [form('One entry for each job', z.array(z.union([schedule, missingSchedule])))],
  'schedules pause': [
    form(
      'Always',
      z.object({
        job: identity.job,
        isPaused: flag('The schedule is paused'),
        until: text('When the pause ends by itself, UTC; only with `--for`').optional(),
      }),
    ),
  ],
  'schedules resume': [
    form('Always', z.object({ job: identity.job, isPaused: flag('The schedule is paused') })),
  ],
  'db migrate': [
    form('Without options', z.object({ created: texts('Created tables and columns') })),
    form('With `--dry-run`', z.object({ statements: texts('The statements that it would run') })),
  ],
  'db check': [
    form(
      'Always',
      z.object({
        registry: texts('What the loads need and the database lacks'),
        cases: texts('What the case updates need and the database lacks'),
        surplus: texts('Statements that drop keys which serve no search and cost every load'),
      }),
    ),
  ],
  'db grants': [
    form(
      'Always',
      z.object({
        everyJob: texts('For every job'),
        monthly: texts('For a monthly, beside those'),
        adoption: texts('For `db adopt`, beside both'),
      }),
    ),
  ],
  'db adopt': [
    form('Without options', adopted),
    form('With `--dry-run`', adoptPreview),
    form('With `--finish`', z.object({ dropped: texts('Dropped original tables') })),
  ],
  'npi status': [form('Always', registry)],
  'npi releases': [form('One entry for each file on the page', z.array(offeredRelease))],
  'npi lookup': [
    form('`null`, and exit code 1, when there is no such provider', provider),
    form('With `--as-of`', pastProvider),
  ],
  'npi history': [form('Exit code 1 when the provider was never loaded', providerHistory)],
  'npi changes': [form('Without `--csv`', releaseChanges)],
  'npi rollback': [...ends(npiEnd), form('With `--no-wait`', started)],
  'npi search': [form('One entry for each provider', z.array(z.union([surgeon, facility])))],
  'npi prove': [form('`null`, and exit code 1, when there is no such provider', proof)],
  'npi check': [form('Always', registryCheck)],
  'npi load': [...ends(npiEnd), form('With `--no-wait`', started)],
  'npi replace': [
    ...ends(npiEnd),
    form('With `--no-wait`', started),
    form('With `--dry-run`', replacePreview),
  ],
  'npi rebuild': [...ends(npiEnd), form('With `--no-wait`', started)],
  'cases preview': [form('One entry for each job', z.array(casePreview))],
  'cases history': [
    form('Without a case: one entry for each run', z.array(caseRun)),
    form('With a case: one entry for each run that selected it', z.array(caseStep)),
  ],
  'cases compare': [form('The dry run and what became of its cases', caseComparison)],
  'cases exceptions': [form('One entry for each case', z.array(caseException))],
  'cases undo': ends(caseEnd),
  'runs list': [form('Always', z.array(z.object(recordedRun)))],
  'runs show': [form('Always', runDetails)],
  'runs cancel': [
    form(
      'Always',
      z.object({ ...answered, isWorkerPolling: flag('A worker is running, so the run will end soon') }),
    ),
  ],
  'runs approve': [form('Always', z.object({ ...answered, decision: text('`approved`') }))],
  'runs reject': [form('Always', z.object({ ...answered, decision: text('`rejected`') }))],
};

/** The output of every command that cannot do its work. */
export const errorForm = form(
  'The command could not do its work',
  z.object({
    error: z
      .object({
        message: text('What happened and what to do next'),
        exitCode: count('Exit code of the command'),
      })
      .describe('The error'),
  }),
);
