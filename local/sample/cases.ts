import type { SampleCase } from '../../db/cases/sample-cases.ts';
import { hash } from './provider.ts';
import * as words from './words.ts';

// The statuses in the middle of a week: most cases are paid or closed, some are due on Monday and some on Thursday.
const statuses = [0, 0, 7, 10, 10, 10, 15, 15, 20, 20, 20, 20, 30, 40, 500, 500] as const;
const columnOf: Readonly<Record<number, string>> = {
  10: 'submitted_ts',
  15: 'pending_payment_ts',
  20: 'paid_to_provider_ts',
};
const insurers = ['EXAMPLE HEALTH', 'SAMPLE MUTUAL', 'GENERATED CARE', 'NO SUCH INSURANCE'];
const dayMs = 86_400_000;

const pick = <T>(list: readonly T[], number: number): T => list[number % list.length] as T;

/** Generates `count` cases as of `today` (ISO date), always the same for the same day. One in forty is inactive. */
export function sampleCases(count: number, today: string): SampleCase[] {
  return Array.from({ length: count }, (_, index) => sampleCase(index, Date.parse(today)));
}

function sampleCase(index: number, todayMs: number): SampleCase {
  const status = pick(statuses, hash(index, 101));
  const ageDays = 7 + (hash(index, 102) % 180);
  const at = (daysLater: number) =>
    new Date(todayMs - (ageDays - daysLater) * dayMs).toISOString().slice(0, 19).replace('T', ' ');
  const passed = Object.entries(columnOf).filter(([reached]) => Number(reached) <= status && status < 500);
  return {
    caseId: uuidOf(index),
    userId: `user-${hash(index, 103) % 60}`,
    caseDate: at(0).slice(0, 10),
    patientFirst: pick(words.firstNames, hash(index, 104)),
    patientLast: pick(words.nameStarts, hash(index, 105)) + pick(words.nameEnds, hash(index, 106)),
    insurer: pick(insurers, hash(index, 107)),
    status,
    isActive: hash(index, 108) % 40 !== 0,
    payAmount: `${200 + (hash(index, 109) % 20_000)}.00`,
    timestamps: Object.fromEntries(passed.map(([, column], step) => [column, at(step + 1)])),
  };
}

function uuidOf(index: number): string {
  const digits = [111, 112, 113, 114].map((salt) => hash(index, salt).toString(16).padStart(8, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
