import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { asFailure } from '../../../activities/failure.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';
import { individual, npidataCsv, writeWeekly } from '../../generated/release-zip.ts';
import { exhaustive } from '../../bed/extent.ts';

// The page is away for six hours. A pause of an hour takes a few seconds here.
const faster = 1000;
const hourMs = 3_600_000;
let awayMs = 0;

vi.mock('../../../activities/failure.ts', async (original) => {
  const real = await original<{ asFailure: typeof asFailure }>();
  return {
    ...real,
    asFailure: (...given: Parameters<typeof asFailure>) => {
      const failure = real.asFailure(...given);
      const { type, message, nonRetryable, nextRetryDelay } = failure;
      awayMs += Number(nextRetryDelay ?? 0);
      return ApplicationFailure.create({
        type: type ?? '',
        message,
        nonRetryable: nonRetryable ?? false,
        ...(nextRetryDelay && { nextRetryDelay: Math.ceil(Number(nextRetryDelay) / faster) }),
      });
    },
  };
});

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline('npi_page_away');
});
afterAll(() => pipeline.stop());

it(
  'the run of the week waits for a page that is away for six hours, says so, and publishes',
  exhaustive,
  async () => {
    await writeWeekly(pipeline.site, '20260907-20260913', npidataCsv([individual(1, 'SMITH', '09/08/2026')]));
    let tries = 0;
    pipeline.page.intercept = (request, response) => {
      if (request.url?.endsWith('.html') !== true || awayMs > 6 * hourMs) return false;
      tries += 1;
      response.writeHead(503).end();
      return true;
    };
    const handle = await pipeline.start();
    await expect.poll(() => tries, { timeout: 30_000 }).toBeGreaterThan(12);
    const shown = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
    expect(shown.currentDetails).toContain('returned status 503');
    expect(await handle.result()).toMatchObject({
      outcome: 'published',
      releases: [{ counts: { inserted: 1 } }],
    });
    expect(awayMs).toBeGreaterThan(6 * hourMs);
    const { events } = await handle.fetchHistory();
    const discover = events?.find(
      ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'discover',
    )?.activityTaskScheduledEventAttributes;
    const patienceMs = Number(discover?.scheduleToCloseTimeout?.seconds) * 1000;
    expect(patienceMs).toBeGreaterThan(awayMs);
  },
);
