import { goodOutcomes } from '../db/ledger/runs.ts';
import { failures, type FailureType } from '../contract/failures.ts';
import type { FinishInput, RunOutcome } from '../contract/activities.ts';
import type { Notice } from '../telemetry/notify.ts';

const isGood = (outcome: RunOutcome) => goodOutcomes.some((good) => good === outcome);

/** What people are told about the end of a run; undefined for an end that a person chose: rejected, canceled, a dry run. */
export function endNotice(input: FinishInput, runId: string): Notice | undefined {
  const { job, outcome } = input;
  if (outcome === 'failed') return { event: 'failure', job, runId, text: failureText(input, runId) };
  if (outcome === 'skipped') {
    const text = `${job} was skipped: another run of the job held the lease for 30 minutes. \`surgicase status\` shows the open runs.`;
    return { event: 'overdue', job, runId, text };
  }
  return isGood(outcome) ? { event: 'success', job, runId, text: successText(input) } : undefined;
}

/** The message of a failure, but not of an unexpected one, which nobody has checked for values of rows. */
export function checkedMessage({
  failureType = 'Unexpected',
  failureMessage,
}: FinishInput): string | undefined {
  const isKnown = Object.hasOwn(failures, failureType) && failureType !== 'Unexpected';
  return isKnown ? failureMessage : undefined;
}

function failureText(input: FinishInput, runId: string): string {
  const { job, failureType = 'Unexpected' } = input;
  const what = checkedMessage(input) ?? failures[knownType(failureType)].nextStep;
  return `${job} failed: ${failureType}. ${what} Run ${runId}.`;
}

function knownType(type: string): FailureType {
  return Object.hasOwn(failures, type) ? (type as FailureType) : 'Unexpected';
}

function successText({ job, outcome, counts, seconds }: FinishInput): string {
  const took = seconds === undefined ? '' : ` in ${seconds.toFixed(1)} s`;
  const rows = Object.entries(counts ?? {}).map(([name, count]) => `${name} ${count}`);
  return `${job}: ${outcome}${took}${rows.length > 0 ? ` (${rows.join(', ')})` : ''}.`;
}

/** Asks people for an answer to a run. */
export function waitingNotice(job: string, runId: string, why: string): Notice {
  const text = `${job} waits for an approval: ${why}. Run \`surgicase runs approve ${runId}\`, or \`reject\`, within 24 hours.`;
  return { event: 'waiting', job, runId, text };
}
