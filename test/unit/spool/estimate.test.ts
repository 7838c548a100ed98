import { describe, expect, it } from 'vitest';
import { estimateMonthly, loadRowsPerSecond } from '../../../spool/estimate.ts';

describe('what a monthly takes', () => {
  it('is, for the zip of September 2026, what is known of that month', () => {
    const { rows, csvBytes, workBytes, archiveBytes, tableBytes, loadSeconds } = estimateMonthly(1.16e9);
    expect({ rows, csvBytes, archiveBytes }).toEqual({
      rows: 9_798_758,
      csvBytes: 11.7e9,
      archiveBytes: 1.16e9,
    });
    expect(workBytes / 1e9).toBeCloseTo(1.16 + 0.55 * 11.7);
    expect(tableBytes / 1e9).toBeCloseTo(9.798758 * (0.62 + 0.48));
    expect(loadSeconds).toBe(rows / loadRowsPerSecond);
  });

  it('grows with the zip, and is that month where the size is unknown', () => {
    const [half, whole] = [estimateMonthly(0.58e9), estimateMonthly(1.16e9)];
    for (const name of ['workBytes', 'archiveBytes', 'tableBytes', 'loadSeconds'] as const)
      expect(whole[name] / half[name]).toBeCloseTo(2);
    expect(estimateMonthly()).toEqual(whole);
  });
});
