import { Runtime } from '@temporalio/worker';
import type { Metrics } from '../telemetry/metrics.ts';

/** Measurements among Temporal's own metrics, wherever those go (`METRICS_ADDRESS`). */
export function temporalMetrics(): Metrics {
  const meter = Runtime.instance().metricMeter;
  return {
    count: (name, labels) => meter.createCounter(name, 'int').add(1, { ...labels }),
    recordTiming: (name, ms, labels) => meter.createHistogram(name, 'float', 'ms').record(ms, { ...labels }),
    setGauge: (name, value, labels) => meter.createGauge(name, 'int').set(value, { ...labels }),
  };
}
