// A worker that sends a span for each attempt of an activity to an OpenTelemetry collector. Run it instead of
// `surgicase worker`, with the same configuration. In a checkout that was built once with `npm run build`:
//   cd examples/opentelemetry && npm install
//   OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npm start
import { context, trace, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { OpenTelemetryActivityInboundInterceptor } from '@temporalio/interceptors-opentelemetry';
import { runScheduler } from 'surgicase-pipelines';

const provider = new NodeTracerProvider({
  resource: Resource.default().merge(new Resource({ 'service.name': 'surgicase' })),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

/** All spans of a run are in one trace, on whichever worker they ran: its id is the run id without the dashes. */
const inTraceOfRun = ({ info }) => ({
  inbound: {
    execute(input, next) {
      const traceId = info.workflowExecution.runId.replaceAll('-', '');
      const run = { traceId, spanId: traceId.slice(0, 16), traceFlags: TraceFlags.SAMPLED, isRemote: true };
      return context.with(trace.setSpanContext(context.active(), run), () => next(input));
    },
  },
});

/** `RunActivity:publish`, with the ids of workflow, run and activity, and the failure of an attempt that failed. */
const withSpan = (activity) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(activity) });

try {
  await runScheduler({ activityInterceptors: [inTraceOfRun, withSpan] });
} finally {
  await provider.shutdown();
}
