import { defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import type { Heartbeat } from '../contract/activities.ts';
import { activityStateSignal, type ActivityState } from '../contract/workflows.ts';
import { grouped } from './details.ts';

/** What the activity under way last said about itself, for the details of the run. */
export class LiveState {
  #state: ActivityState | undefined;

  /** `onChange` is called when the activity of the phase that `phase` returns, or the first or last one, has said something new. */
  constructor(phase: () => string, onChange: () => void) {
    setHandler(
      defineSignal<[ActivityState]>(activityStateSignal),
      (state) => {
        const isCurrent = [phase(), 'begin', 'finish'].includes(state.progress.phase);
        if (state.runId !== workflowInfo().runId || !isCurrent) return;
        this.#state = state;
        onChange();
      },
      { description: 'Sent by an activity while it works, and before it is retried.' },
    );
  }

  clear(): void {
    this.#state = undefined;
  }

  /** A table in Markdown; nothing when the activity has said nothing yet. */
  table(): string[] {
    return this.#state === undefined ? [] : [stateTable(this.#state)];
  }
}

function stateTable({ progress, attempt, reason, nextTryAt }: ActivityState): string {
  const rows = [
    ['progress', progressText(progress)],
    ['attempt', `${attempt}${reason === undefined ? '' : ', failed'}`],
    ['reason', reason?.replace(/\s+/g, ' ').replaceAll('|', '\\|')],
    ['next try', nextTryAt?.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
  ].flatMap(([name, text]) => (text === undefined || text === '' ? [] : [`| ${name} | ${text} |`]));
  return ['| | |', '| --- | --- |', ...rows].join('\n');
}

function progressText({ bytes, totalBytes, rows, cases, step }: Heartbeat): string {
  const isKnown = bytes !== undefined && totalBytes !== undefined && totalBytes > 0;
  const parts = [
    isKnown ? `${Math.floor((100 * bytes) / totalBytes)} %` : undefined,
    rows === undefined ? undefined : `${grouped(rows)} rows`,
    cases === undefined ? undefined : `${grouped(cases)} cases`,
    step,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}
