import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { workflowCode } from '../../worker/bundle.ts';

const folder = fileURLToPath(new URL('../histories', import.meta.url));
type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

interface Run {
  readonly name: string;
  /** The workflow type. */
  readonly type: string;
  /** The outcome, and which of several ways the run took. */
  readonly kind: string;
  readonly history: History;
}

/**
 * Replays the runs that this process started, because an open run continues on the next deployment's code.
 * With EXPORT_HISTORIES=<version>, one run of each kind is saved in test/histories/<version>, so that later
 * versions can replay it.
 */
export async function replayRuns(handles: readonly WorkflowHandle[]): Promise<void> {
  const runs: Run[] = [];
  for (const handle of handles) {
    const { status, type } = await handle.describe();
    const outcome = status.name === 'COMPLETED' ? await outcomeOf(handle) : status.name.toLowerCase();
    const history = await handle.fetchHistory();
    runs.push({ name: handle.workflowId, type, kind: [outcome, ...waysOf(history)].join('-'), history });
  }
  const version = process.env['EXPORT_HISTORIES'];
  if (version !== undefined) for (const run of runs) keep(version, run);
  await replay(runs);
}

/** The parts of a run that not every run with its outcome has. */
function waysOf({ events }: History): string[] {
  const all = events ?? [];
  const activities = all.flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
  const count = (name: string) => activities.filter(({ activityType }) => activityType?.name === name).length;
  const text = (payloads: readonly { data?: Uint8Array | null }[] | null | undefined) =>
    (payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString()).join();
  const input = text(all[0]?.workflowExecutionStartedEventAttributes?.input?.payloads);
  const ways = {
    baseline: count('loadBaseline') > 0,
    report: activities.some((activity) => text(activity.input?.payloads).includes('NPPES_Deactivated')),
    file: input.includes('"file"'),
    checked: count('checkRegistry') > 0,
    waited: count('begin') > 1,
    approved: all.some(
      ({ workflowExecutionUpdateAcceptedEventAttributes: update }) =>
        update?.acceptedRequest?.input?.name === 'approve',
    ),
  };
  return Object.entries(ways).flatMap(([way, isTaken]) => (isTaken ? way : []));
}

async function outcomeOf(handle: WorkflowHandle): Promise<string> {
  return ((await handle.result()) as { outcome: string }).outcome.replace(' ', '-');
}

/** Keeps the longest history of each kind, because it tests the most steps. */
function keep(version: string, { type, kind, history }: Run): void {
  const workflow = type.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const path = join(folder, version, `${workflow}-${kind}.json`);
  // Remove the names of this machine, its workers and its folders.
  const text = historyToJSON(history)
    .replace(/("identity": )"[^"]*"/g, '$1"worker"')
    .replace(/"\d+@[\w.-]+"/g, '"sticky"')
    .replace(/("stackTrace": )"(?:[^"\\]|\\.)*"/g, '$1""');
  if (existsSync(path) && readFileSync(path, 'utf8').length > text.length) return;
  mkdirSync(join(folder, version), { recursive: true });
  writeFileSync(path, `${text}\n`);
}

/** The saved histories: `<version>/<name>` and the JSON. */
export function keptHistories(): { name: string; json: string }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, json: readFileSync(join(folder, name), 'utf8') }));
}

/**
 * Replays histories on the workflows of this checkout.
 * @throws Error naming the history that the code does not follow any more
 */
export async function replay(runs: readonly { name: string; history: unknown }[]): Promise<void> {
  const workflowBundle = { code: await workflowCode() };
  const histories = runs.map(({ name, history }) => ({ workflowId: name, history }));
  const results = Worker.runReplayHistories({ workflowBundle }, histories);
  for await (const { workflowId, error } of results) {
    if (error)
      throw new Error(`The history ${workflowId} cannot be replayed: ${error.message}`, { cause: error });
  }
}
