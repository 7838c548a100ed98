import { describe, expect, it } from 'vitest';
import type { RunSnapshot } from '../../../client/follow.ts';
import { progressLine, stepName } from '../../../client/progress.ts';
import { utcMinute } from '../../../telemetry/times.ts';

const snapshot = {
  progress: {
    phase: 'stage',
    releasesDone: 0,
    releasesDue: 1,
    release: 'NPPES_Data_Dissemination_110926_111526_Weekly_V2',
  },
  activity: { state: 'running', heartbeat: { phase: 'stage', rows: 18_000, bytes: 50, totalBytes: 100 } },
} as unknown as RunSnapshot;
const text = '40 %  stage: 110926_111526_Weekly_V2, 18,000 rows, 0.0 MB';

describe('a progress line', () => {
  it.each([
    [120, `[##########--------------]  ${text}`],
    [72, `[####-------]  ${text}`],
    [40, text],
  ])('shows its whole text, and the bar where %i columns leave room for it', (columns, line) => {
    expect(progressLine(snapshot, 'run', columns)).toBe(line);
  });
});

describe('the step of a piped run', () => {
  it('says what fails, which attempt comes next, and when', () => {
    const failure = { type: 'DatabaseUnreachable', message: 'Could not reach MySQL.' };
    const activity = { state: 'retrying', attempt: 5, failure, nextTryAt: '2026-11-24T08:02:10.123Z' };
    expect(stepName({ ...snapshot, activity } as RunSnapshot, 'run')).toBe(
      'stage: 110926_111526_Weekly_V2, attempt 5: DatabaseUnreachable: Could not reach MySQL.; next try at 08:02:10 UTC',
    );
    const paused = { state: 'paused', pausedBy: 'by ops@host: month end' };
    expect(stepName({ ...snapshot, activity: paused } as RunSnapshot, 'run')).toContain(
      'paused in Temporal by ops@host: month end',
    );
  });
});

describe('a time', () => {
  it.each(['2026-11-30T08:00:59.999Z', '2026-11-30 08:00:59.999'])('%s is shown in one format', (time) => {
    expect(utcMinute(time)).toBe('2026-11-30 08:00 UTC');
  });
});
