/** A UTC time for people, `2026-11-30 08:00 UTC`, from ISO or from the database's format. */
export const utcMinute = (time: string): string => `${time.slice(0, 16).replace('T', ' ')} UTC`;
