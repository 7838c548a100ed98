import { defineQuery, setCurrentDetails, setHandler } from '@temporalio/workflow';
import type { CasesMoved, CasesSelected, FinishInput, RunOutcome } from '../contract/activities.ts';
import type { Decision } from '../contract/decisions.ts';
import type { RunJob } from '../contract/schedules.ts';
import {
  progressQuery,
  type CaseOutcome,
  type CasePhase,
  type CaseProgress,
  type CaseUpdateResult,
} from '../contract/workflows.ts';
import { LiveState } from './activity-state.ts';
import { Approval } from './approval.ts';
import { approvalDetails, endDetails, moveName, phaseDetails } from './case-details.ts';
import { Listing } from './listing.ts';
import { ResetGuard } from './reset-guard.ts';
import { caseActivities, firstHeartbeatTimeoutMs, shortActivities } from './phases.ts';
import { beginRun, failBegin, failRun, shadowRemark, type FailedEnd } from './run-lifecycle.ts';

/** What differs between runs that move cases. */
export interface CaseRunTask {
  readonly job: RunJob;
  /** Absent for an undo, which returns each case to its previous status. */
  readonly source?: number;
  readonly target?: number;
  readonly dryRun: boolean;
  /** For an undo: who started it and why. */
  readonly decision?: Decision;
  readonly limit?: number;
  /** Selects the cases and writes the selection to the ledger. */
  select(activities: ReturnType<typeof caseActivities>, dryRun: boolean): Promise<CasesSelected>;
}

/** One run that moves cases: select, wait for an approval if there are too many, move, report. */
export class CaseRun {
  readonly #task: CaseRunTask;
  readonly #listing: Listing;
  readonly #resetGuard = new ResetGuard();
  readonly #live: LiveState;
  readonly #startedAt = Date.now();
  #dryRun: boolean;
  readonly #remarks: string[] = [];
  #phase: CasePhase = 'begin';
  #selected: CasesSelected = { found: 0, leftForNextRun: 0 };
  #moved: CasesMoved = { updated: 0, exceptions: {} };
  #moveSeconds = 0;
  #limit: number | undefined;
  readonly #approval: Approval;

  constructor(task: CaseRunTask) {
    this.#task = task;
    this.#dryRun = task.dryRun;
    this.#approval = new Approval(task.job, {
      approve: 'Lets a waiting run move the cases that it has selected.',
      reject: 'Ends a waiting run; nothing is moved.',
    });
    setHandler(defineQuery<CaseProgress>(progressQuery), () => this.#progress(), {
      description: 'The phase, and how many cases were found and moved.',
    });
    this.#listing = new Listing(task.job);
    this.#live = new LiveState(
      () => this.#phase,
      () => setCurrentDetails(phaseDetails(this.#task, this.#phase, ...this.#live.table())),
    );
  }

  async run(): Promise<CaseUpdateResult> {
    const { job, dryRun, target, decision } = this.#task;
    const close = (end: FailedEnd) => this.#fail(end);
    const input = { job, dryRun, ...(target !== undefined && { target }), ...(decision && { decision }) };
    const begun = await beginRun(input, (holder) =>
      this.#enter('waiting', `${holder} holds the lease`),
    ).catch((error: unknown) => failBegin(error, close));
    this.#listing.begin(begun);
    this.#resetGuard.begin(begun);
    try {
      if (!begun.acquired) {
        this.#remarks.push(`${begun.holder} held the lease for 30 minutes.`);
        return await this.#end('skipped');
      }
      if (begun.shadow) {
        this.#dryRun = true;
        this.#remarks.push(shadowRemark);
      }
      return await this.#work(caseActivities(begun.heartbeatTimeoutMs));
    } catch (error) {
      return failRun(error, close);
    }
  }

  async #work(activities: ReturnType<typeof caseActivities>): Promise<CaseUpdateResult> {
    this.#enter('select');
    this.#selected = await this.#task.select(activities, this.#dryRun);
    const { found, waitAbove, leftForNextRun } = this.#selected;
    if (leftForNextRun > 0) {
      this.#remarks.push(
        `${leftForNextRun} cases reached status ${this.#task.source} after this run's scheduled time; they wait for the next run.`,
      );
    }
    if (this.#dryRun) return this.#end('dry run');
    if (found === 0) return this.#end('nothing due');
    const limit = this.#task.limit ?? waitAbove;
    if (limit !== undefined && found > limit) {
      if (!(await this.#isApproved(limit))) {
        this.#remarks.push('Rejected: nothing was moved.');
        return this.#end('rejected');
      }
    }
    this.#enter('move');
    const startedAt = Date.now();
    const summary = `${moveName(this.#task)}: ${found} cases`;
    this.#moved = await activities.moveCases.executeWithOptions({ summary }, [{ job: this.#task.job }]);
    this.#moveSeconds = (Date.now() - startedAt) / 1000;
    return this.#end('moved');
  }

  /** The selection does not change, however long the person takes. */
  async #isApproved(limit: number): Promise<boolean> {
    const { found } = this.#selected;
    this.#phase = 'approval';
    this.#limit = limit;
    setCurrentDetails(approvalDetails(this.#task, found, limit));
    const decision = await this.#approval.ask(`The move of ${found} cases (the limit is ${limit})`);
    this.#limit = undefined;
    return decision === 'approved';
  }

  #fail({ outcome, type, message }: FailedEnd): Promise<void> {
    setCurrentDetails(
      phaseDetails(this.#task, `${outcome}${type === undefined ? '' : `: ${type}`}`, message),
    );
    return this.#finish(outcome, {
      failureMessage: message,
      ...(type !== undefined && { failureType: type }),
    });
  }

  async #end(outcome: CaseOutcome): Promise<CaseUpdateResult> {
    await this.#finish(outcome);
    this.#phase = 'done';
    const { source, target } = this.#task;
    const { updated, exceptions } = this.#moved;
    const result: CaseUpdateResult = {
      outcome,
      ...(source !== undefined && { source }),
      ...(target !== undefined && { target }),
      found: this.#selected.found,
      updated,
      exceptions,
      leftForNextRun: this.#selected.leftForNextRun,
      remarks: this.#remarks,
      seconds: this.#seconds(),
      casesPerSecond: Math.round(updated / Math.max(this.#moveSeconds, 0.001)),
    };
    setCurrentDetails(endDetails(result));
    return result;
  }

  async #finish(
    outcome: RunOutcome,
    failure: Pick<FinishInput, 'failureType' | 'failureMessage'> = {},
  ): Promise<void> {
    const { finish } = shortActivities(firstHeartbeatTimeoutMs);
    const { job } = this.#task;
    const { updated, exceptions } = this.#moved;
    const exceptionCount = Object.values(exceptions).reduce((sum, cases) => sum + cases, 0);
    const counts = { found: this.#selected.found, updated, exceptions: exceptionCount };
    this.#listing.end({ outcome, cases: updated });
    const input = { job, dryRun: this.#dryRun, outcome, counts, seconds: this.#seconds(), ...failure };
    await finish.executeWithOptions({ summary: `close the run: ${outcome}` }, [input]);
  }

  #seconds(): number {
    return (Date.now() - this.#startedAt) / 1000;
  }

  #enter(phase: CasePhase, more?: string): void {
    this.#resetGuard.check();
    this.#phase = phase;
    this.#live.clear();
    setCurrentDetails(phaseDetails(this.#task, phase, more));
  }

  #progress(): CaseProgress {
    return {
      phase: this.#phase,
      found: this.#selected.found,
      updated: this.#moved.updated,
      ...(this.#limit !== undefined && { limit: this.#limit }),
    };
  }
}
