import { defineSearchAttributeKey } from '@temporalio/common';
import { patched, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import type { Begun, RunOutcome } from '../contract/activities.ts';
import type { RunJob } from '../contract/schedules.ts';
import type { SearchAttributeName } from '../contract/search-attributes.ts';

const keyword = (name: SearchAttributeName) => defineSearchAttributeKey(name, 'KEYWORD');
const keywords = (name: SearchAttributeName) => defineSearchAttributeKey(name, 'KEYWORD_LIST');

/** How a run ended, as Temporal's list of runs shows it. */
export interface ListedEnd {
  readonly outcome: RunOutcome;
  /** The releases that the run loaded. */
  readonly releases?: readonly string[];
  /** Rows of these releases. */
  readonly rows?: number;
  /** Cases that the run moved. */
  readonly cases?: number;
}

/**
 * What Temporal's list of runs shows beside the status: a completed run may have published, found nothing due, or only
 * tried. The memo is always set, the search attributes where they are registered.
 */
export class Listing {
  readonly #job: RunJob;
  #hasAttributes: boolean | undefined;

  constructor(job: RunJob) {
    this.#job = job;
  }

  begin({ searchAttributes }: Begun): void {
    this.#hasAttributes = searchAttributes;
    if (searchAttributes && isNew())
      upsertSearchAttributes([{ key: keyword('SurgicaseJob'), value: this.#job }]);
  }

  end(end: ListedEnd): void {
    if (!isNew()) return;
    upsertMemo({ ...end });
    if (!this.#hasAttributes) return;
    const { outcome, releases = [] } = end;
    upsertSearchAttributes([{ key: keyword('SurgicaseOutcome'), value: outcome }]);
    if (releases.length > 0)
      upsertSearchAttributes([{ key: keywords('SurgicaseRelease'), value: [...releases] }]);
  }
}

/** Runs of earlier versions set neither. */
const isNew = () => patched('outcome-in-list');
