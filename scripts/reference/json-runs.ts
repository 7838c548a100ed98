import { z } from 'zod';
import { count, counts, flag, identity, nullableNumber, nullableText, text, texts } from './json-fields.ts';

// What the ledger and the case table say of runs and cases.

export const casePreview = z.object({
  job: identity.job,
  source: count('Status before'),
  target: count('Status after'),
  count: count('Number of cases'),
  caseIds: texts('Case ids, up to `--limit`'),
});
export const caseRun = z.object({
  runId: identity.runId,
  job: identity.job,
  startedAt: text('Start, UTC'),
  finishedAt: nullableText('End, UTC; null while it is running'),
  outcome: nullableText('How the run ended; null while it is running'),
  sourceStatus: nullableNumber('Status before; null when the run takes cases of any status'),
  targetStatus: nullableNumber('Status after; null for an undo'),
  undoes: nullableText('The run that this undo reverts'),
  selectedCount: count('Selected cases'),
  leftCount: count('Cases with the status before that wait for the next run'),
  movedCount: count('Moved cases'),
  exceptionCount: count('Cases that did not move'),
});
export const caseStep = z.object({
  runId: identity.runId,
  job: identity.job,
  state: text('`selected`, `moved`, `exception`, and so on'),
  fromStatus: nullableNumber('Status before'),
  toStatus: nullableNumber('Status after'),
  previousTs: nullableText('Timestamp of the new status before the move'),
  stateAt: text('When, UTC'),
  reason: nullableText('Why the case did not move'),
});
export const caseException = z.object({
  caseId: text('Case id'),
  reason: text('Why the case did not move'),
  status: nullableNumber('Current status; null when the case does not exist'),
  attemptedStatus: nullableNumber('Status that the run tried to set'),
});

export const caseComparison = z.object({
  runId: identity.runId,
  job: identity.job,
  at: text('When the dry run looked, UTC'),
  source: count('Status before'),
  target: count('Status after'),
  found: count('Cases that the dry run would have moved: `moved`, `unmoved` and `changed` together'),
  moved: count('Cases of them that got the status since'),
  overChange: texts('Ids of moved cases that had got another status between the dry run and the move'),
  unmoved: count('Cases of them that still have the status before'),
  changed: count('Cases of them that got another status or became inactive instead'),
  others: count('Cases that got the status since, although the dry run did not find them'),
});

export const recordedRun = {
  ...identity,
  isDryRun: flag('The run published and moved nothing'),
  startedAt: text('Start, UTC'),
  finishedAt: nullableText('End, UTC; null while it is open'),
  outcome: nullableText('How the run ended; null while it is open'),
  failureType: nullableText('Failure type; null when it did not fail'),
  failureMessage: nullableText('What happened; null when it did not fail, and for an unexpected failure'),
};
export const runDetails = z.object({
  ...recordedRun,
  decisions: z
    .array(
      z.object({
        what: text(
          '`approve`, `reject`, `cancel`, `undo`, `replace`, `rebuild`, `rollback`, `bring forward` or `give up`',
        ),
        by: text('Who decided; `unknown` when the person gave no name'),
        reason: nullableText('Why; null when the person gave no reason'),
        at: text('When, UTC'),
        runId: nullableText('The run that recorded it: this one, or the undo of this one'),
      }),
    )
    .describe('What people decided about the run, oldest first'),
  releases: z
    .array(z.looseObject({ releaseId: count('Id in the ledger'), fileName: text('Name of the zip') }))
    .describe('What the run published'),
  cases: z
    .object({
      sourceStatus: nullableNumber('Status before; null when the run takes cases of any status'),
      targetStatus: nullableNumber('Status after; null for an undo'),
      selectedCount: count('Selected cases; a dry run would have moved them'),
      leftCount: count('Cases with the status before that wait for the next run'),
      movedCount: count('Moved cases'),
      undoes: nullableText('The run that this undo reverts'),
      exceptions: counts('Cases that did not move, by reason'),
    })
    .nullable()
    .describe('What the run did to cases, or would have done as a dry run; null for a run of the registry'),
});
