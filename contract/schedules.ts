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
  'npi-update': {
    workflowType: 'npiUpdate',
    cron: '0 8 * * 2',
    variable: 'SCHEDULE_NPI_UPDATE',
    summary: 'NPPES registry: every due weekly file, from the CMS page to the search tables',
  },
} as const satisfies Record<string, WeeklySchedule>;

export type Job = keyof typeof weeklySchedules;
export const jobs = Object.keys(weeklySchedules) as Job[];
