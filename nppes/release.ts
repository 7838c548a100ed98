export type ReleaseKind = 'weekly' | 'monthly' | 'deactivation';

/** One file that CMS publishes, as its file name (and later its member's name) tells it. Plain JSON: it travels as a payload. */
export interface Release {
  readonly kind: ReleaseKind;
  /** `V2` since 2026 (longer names); both were listed side by side in 2025. */
  readonly layout: 'V1' | 'V2';
  /** As CMS names it, with `.zip`. */
  readonly fileName: string;
  /** First and last day that the file covers, ISO dates. */
  readonly periodStart: string;
  readonly periodEnd: string;
}
