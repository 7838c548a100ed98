/** Receives measurements: Temporal's metrics by default, or what a host application passes. Labels never contain case ids. */
export interface Metrics {
  /** Adds one. */
  count(name: string, labels: Readonly<Record<string, string>>): void;
  /** One duration in milliseconds. Only `bulk_update_case_status` has this unit, as in the Python application. */
  recordTiming(name: string, ms: number, labels: Readonly<Record<string, string>>): void;
  /** One duration in seconds. */
  recordSeconds(name: string, seconds: number, labels: Readonly<Record<string, string>>): void;
  setGauge(name: string, value: number, labels: Readonly<Record<string, string>>): void;
}

/** Passes measurements to a host's metrics. If they throw, the measurement is lost and `onError` is called; no run fails. */
export function hostMetrics(theirs: Metrics, onError: (error: unknown) => void): Metrics {
  const safely =
    <Arguments extends unknown[]>(record: (...values: Arguments) => void) =>
    (...values: Arguments) => {
      try {
        record(...values);
      } catch (error) {
        onError(error);
      }
    };
  return {
    count: safely((name, labels) => theirs.count(name, labels)),
    recordTiming: safely((name, ms, labels) => theirs.recordTiming(name, ms, labels)),
    recordSeconds: safely((name, seconds, labels) => theirs.recordSeconds(name, seconds, labels)),
    setGauge: safely((name, value, labels) => theirs.setGauge(name, value, labels)),
  };
}

/** Counts a case update, as a success or as a partial failure, and records how long it took. */
export function recordCaseUpdate(
  metrics: Metrics,
  { job, ms, exceptionCount }: { readonly job: string; readonly ms: number; readonly exceptionCount: number },
): void {
  metrics.count(exceptionCount === 0 ? 'case_update_success' : 'case_update_partial_failure', {
    job_name: job,
  });
  metrics.recordTiming('bulk_update_case_status', ms, { job_name: job });
}
