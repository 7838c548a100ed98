import { Runtime } from '@temporalio/worker';
import type { Metrics } from '../telemetry/metrics.ts';

/** Writes our measurements to Temporal's own metrics, which `METRICS_ADDRESS` serves. */
export function temporalMetrics(): Metrics {
  const meter = Runtime.instance().metricMeter;
  return {
    count: (name, labels) => meter.createCounter(name, 'int').add(1, { ...labels }),
    recordTiming: (name, ms, labels) => meter.createHistogram(name, 'float', 'ms').record(ms, { ...labels }),
    setGauge: (name, value, labels) => meter.createGauge(name, 'int').set(value, { ...labels }),
  };
}
