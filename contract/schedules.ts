/** One weekly job: its schedule, its workflow, and the variable that sets the schedule or turns it off. */
export interface WeeklySchedule {
  readonly workflowType: string;
  /** Five-field cron; UTC unless `SCHEDULE_TIMEZONE` names another time zone. */
  readonly cron: string;
  readonly variable: string;
  /** What a run does, for people, without a period. The Web UI shows it for a run and a schedule. At most 200 bytes. */
  readonly summary: string;
}

/** The schedules by id. The id of a schedule is the name of its job everywhere. */
export const weeklySchedules = {
  'pending-payment-update': {
    workflowType: 'pendingPaymentUpdate',
    cron: '0 8 * * 1',
    variable: 'SCHEDULE_PENDING_PAYMENT_UPDATE',
    summary: 'Moves every active case from status 10 (ready for billing) to 15 (pending payment)',
  },
  'npi-update': {
    workflowType: 'npiUpdate',
    cron: '0 8 * * 2',
    variable: 'SCHEDULE_NPI_UPDATE',
    summary: 'Loads every due NPPES file from the CMS page into the provider and search tables',
  },
  'paid-update': {
    workflowType: 'paidUpdate',
    cron: '0 8 * * 4',
    variable: 'SCHEDULE_PAID_UPDATE',
    summary: 'Moves every active case from status 15 (pending payment) to 20 (paid)',
  },
} as const satisfies Record<string, WeeklySchedule>;

/** Temporal ends a run after this time, so that a stuck run cannot keep its schedule from firing next week. */
export const runTimeoutDays = 6;

export type Job = keyof typeof weeklySchedules;
/** The jobs that move cases, from status `source` to status `target`. */
export const caseMoves = {
  'pending-payment-update': { source: 10, target: 15 },
  'paid-update': { source: 15, target: 20 },
} as const satisfies Partial<Record<Job, { readonly source: number; readonly target: number }>>;
export type CaseJob = keyof typeof caseMoves;
/** What the run ledger and the lease call a run: a job, or the undo of a case update. */
export type RunJob = Job | 'case-undo';
export const jobs = Object.keys(weeklySchedules) as Job[];
