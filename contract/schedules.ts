/** One weekly job: its schedule, the workflow behind it and the variable that moves or stops it. */
export interface WeeklySchedule {
  readonly workflowType: string;
  /** Five-field cron, UTC unless `SCHEDULE_TIMEZONE` says otherwise. */
  readonly cron: string;
  readonly variable: string;
  /** One line for people, shown in the Web UI's list (200 bytes at most). */
  readonly summary: string;
}

/** The schedules by id; a job is called by the id of its schedule everywhere. */
export const weeklySchedules = {
  'pending-payment-update': {
    workflowType: 'pendingPaymentUpdate',
    cron: '0 8 * * 1',
    variable: 'SCHEDULE_PENDING_PAYMENT_UPDATE',
    summary: 'Cases ready for billing (10) go to pending payment (15)',
  },
  'npi-update': {
    workflowType: 'npiUpdate',
    cron: '0 8 * * 2',
    variable: 'SCHEDULE_NPI_UPDATE',
    summary: 'NPPES registry: every due weekly file, from the CMS page to the search tables',
  },
  'paid-update': {
    workflowType: 'paidUpdate',
    cron: '0 8 * * 4',
    variable: 'SCHEDULE_PAID_UPDATE',
    summary: 'Cases with payment pending (15) go to paid (20)',
  },
} as const satisfies Record<string, WeeklySchedule>;

export type Job = keyof typeof weeklySchedules;
/** The jobs that move cases, with the statuses between which they do. */
export const caseMoves = {
  'pending-payment-update': { source: 10, target: 15 },
  'paid-update': { source: 15, target: 20 },
} as const satisfies Partial<Record<Job, { readonly source: number; readonly target: number }>>;
export type CaseJob = keyof typeof caseMoves;
/** What the run ledger and the lease call a run: a job, or the undoing of a case update. */
export type RunJob = Job | 'case-undo';
export const jobs = Object.keys(weeklySchedules) as Job[];
