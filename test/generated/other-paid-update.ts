import { sleep } from '@temporalio/workflow';

/** A workflow whose history no build of this service replays: it begins with a timer. */
export async function paidUpdate(): Promise<void> {
  await sleep(1);
}
