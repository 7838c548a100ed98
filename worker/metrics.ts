import { Runtime } from '@temporalio/worker';
import type { Metrics } from '../telemetry/metrics.ts';

/** Writes our measurements to Temporal's own metrics, which `METRICS_ADDRESS` serves. */
export function temporalMetrics(): Metrics {
  const meter = Runtime.instance().metricMeter;
  const counter = once((name) => meter.createCounter(name, 'int'));
  // The exporter appends the unit to the name as it is given.
  const milliseconds = once((name) => meter.createHistogram(name, 'float', 'milliseconds'));
  const seconds = once((name) => meter.createHistogram(name, 'float', 'seconds'));
  const gauge = once((name) => meter.createGauge(name, 'float'));
  return {
    count: (name, labels) => counter(name).add(1, { ...labels }),
    recordTiming: (name, ms, labels) => milliseconds(name).record(ms, { ...labels }),
    recordSeconds: (name, duration, labels) => seconds(name).record(duration, { ...labels }),
    setGauge: (name, value, labels) => gauge(name).set(value, { ...labels }),
  };
}

/** Every statement is measured, so an instrument is made only once. */
function once<Instrument>(make: (name: string) => Instrument): (name: string) => Instrument {
  const made = new Map<string, Instrument>();
  return (name) => {
    const instrument = made.get(name) ?? make(name);
    made.set(name, instrument);
    return instrument;
  };
}
