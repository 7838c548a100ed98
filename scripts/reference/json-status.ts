import { z } from 'zod';
import { count, flag, identity, nullableNumber, nullableText, oneOf, text, texts } from './json-fields.ts';

// The output of `status` and `npi status`.

const gap = z.object({ start: text('First missing day'), end: text('Last missing day') });
const newest = z
  .object({
    fileName: text('Name of the zip'),
    periodEnd: text('Last day of its period'),
    publishedAt: text('When it was published, UTC'),
  })
  .optional();
export const registry = z.object({
  dataUntil: z
    .string()
    .nullable()
    .describe('Last day that a loaded weekly or monthly covers; null before the first'),
  newest: z
    .object({ weekly: newest, monthly: newest, deactivation: newest })
    .describe('The newest loaded release of each kind'),
  gaps: z.array(gap).describe('Days that no loaded release covers'),
  refused: z
    .array(
      z.object({
        releaseId: count('Id of the release in the ledger; 0 for an adopted database'),
        fileName: z.string().nullable().describe('Name of the zip; null for an adopted database'),
        reason: text('Why the rows were refused'),
        rowCount: count('Number of rows'),
      }),
    )
    .describe('Refused rows that no later valid row has replaced'),
  unreported: count(
    'Providers that are deactivated in the tables but missing from the last deactivation report',
  ),
  references: text(
    '`complete`, or which reference tables lack rows and why; absent when `NPI_REFERENCE_FILES` is off',
  ).optional(),
  rolledBack: z
    .array(
      z.object({
        releaseId: count('Id of the release'),
        fileName: text('Name of the zip'),
        rolledBackAt: text('Since when, UTC'),
      }),
    )
    .describe('Releases that are taken back; while there is one, runs load nothing'),
});
export const problems = texts('What is wrong, one sentence each; empty when all is well');
export const unanswered = z.object({ error: text('Why the service did not answer') });
const failedRun = z.object({
  ...identity,
  status: oneOf(['failed', 'terminated', 'timed out'], 'How the run ended'),
  endedAt: text('End, UTC'),
  failureType: text('Failure type'),
  message: text('What happened, for people'),
});
const schedule = z.object({
  job: identity.job,
  state: oneOf(['active', 'paused', 'off', 'missing'], 'State of the schedule; `off`: by configuration'),
  note: text('Note of the schedule: who paused it and why, or what it does and when').optional(),
  pausedUntil: text('When the pause ends by itself, UTC').optional(),
  nextAt: text('Next run, UTC').optional(),
  activeSince: text('Since when the schedule can have fired, UTC').optional(),
  intervalMs: count('Longest time between two of the next runs').optional(),
});
const activity = z.object({
  name: text('Name of the activity'),
  id: text("The activity's id in Temporal"),
  attempt: count('Number of the attempt; while it waits to retry, of the next one'),
  state: oneOf(['running', 'retrying', 'paused'], 'State of the activity'),
  failure: z
    .object({ type: text('Failure type'), message: text('What happened, for people') })
    .optional()
    .describe('The last failure'),
  nextTryAt: text('Next try, UTC').optional(),
  pausedBy: text('Who paused it in Temporal, and why').optional(),
  heartbeat: z.looseObject({}).optional().describe('Progress of the activity'),
});
const openRun = z.object({
  workflowId: identity.workflowId,
  runId: identity.runId,
  workflowType: text('Workflow type'),
  startedAt: text('Start, UTC'),
  state: oneOf(
    ['working', 'approval', 'lease', 'paused', 'retrying', 'stuck', 'unserved'],
    '`approval`: a person has to answer; `lease`: another run of the job works; `paused`: in Temporal; `stuck`: the workflow code fails; `unserved`: no worker runs',
  ),
  phase: text('Current phase; absent while no worker answers').optional(),
  activity: activity.optional().describe('The activity that the run waits for'),
  taskAttempt: count('How often the workflow task of a stuck run has failed').optional(),
});
export const temporalStatus = z.object({
  isWorkerPolling: flag('A worker is running'),
  isWorkerHere: flag('A worker runs on the host of the command'),
  schedules: z.array(schedule).describe('One entry for each job'),
  openRuns: z.array(openRun).describe('Runs that have not ended'),
  failedRuns: z.array(failedRun).describe('The last run of each job that did not complete, if there is one'),
});
const finishedRun = z.object({
  ...identity,
  outcome: text('How the run ended'),
  failureType: nullableText('Failure type; null when it did not fail'),
  failureMessage: nullableText('What happened; null when it did not fail, and for an unexpected failure'),
  startedAt: text('Start, UTC'),
  finishedAt: text('End, UTC'),
  seconds: count('Duration, waits included'),
});
const warning = z.object({
  warningId: count('Number of the warning'),
  job: text(
    'The job; `npi-check` for what the check after a load found, with the part for rows, such as `npi-check 5/52`',
  ),
  remark: text('What a person should know'),
  runId: text('The last run that said it'),
  firstSeen: text('When a run first said it, UTC'),
  lastSeen: text('When a run last said it, UTC'),
  acknowledgedBy: nullableText('Who acknowledged it; null while it is open'),
  acknowledgedReason: nullableText('Why'),
});
const byJob = (meaning: string) => z.record(z.string(), z.number()).describe(meaning);
export const databaseStatus = z.object({
  obstacles: texts('What keeps loads from running; empty when the database is ready'),
  lastRuns: z.array(finishedRun).describe('The last finished run of each job'),
  recentRuns: z.array(finishedRun).describe('Up to seven finished runs of each job, oldest first'),
  dryRuns: z
    .array(
      z.object({
        job: identity.job,
        runId: identity.runId,
        finishedAt: text('End, UTC'),
        found: nullableNumber('Cases that it would have moved; null for a run of the registry'),
        source: nullableNumber('Status before; null for a run of the registry'),
        target: nullableNumber('Status after; null for a run of the registry'),
      }),
    )
    .describe('The last completed dry run of each job'),
  usualSeconds: byJob('Seconds that a good run usually takes (the median of the last ones), by job'),
  longestSeconds: byJob('Seconds of the longest of the last ten good runs, by job'),
  lastGood: z.record(z.string(), z.string()).describe('End of the last good run, UTC, by job'),
  unrecorded: z
    .array(failedRun)
    .describe('Runs that failed after the last run in the ledger and are not in it'),
  warnings: z.array(warning).describe('Remarks of runs that are open, or acknowledged and still true'),
  registry: registry
    .optional()
    .describe("The same as in `npi status`; absent when this service's tables are missing"),
  emptied: z
    .array(z.string())
    .describe('Tables of the registry that are empty although published releases have rows for them'),
  missingArchive: text(
    'Says that `NPI_ARCHIVE_DIR`, an absolute path, does not exist on the host of the command although releases were archived',
  ).optional(),
  otherLoader: text('Says that another program loads the registry too; absent when none does').optional(),
});
