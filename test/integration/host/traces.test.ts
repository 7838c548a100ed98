import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startPipeline } from '../../bed/pipeline.ts';
import { casesOf, writeCases } from '../../generated/cases.ts';

// Runs examples/opentelemetry beside a collector of its own, if the packages of the example are installed.
const folder = fileURLToPath(new URL('../../../examples/opentelemetry/', import.meta.url));
const isInstalled = existsSync(`${folder}node_modules`);
if (!isInstalled)
  console.warn(
    'SKIPPED: examples/opentelemetry needs its packages: cd examples/opentelemetry && npm install --no-package-lock',
  );

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly status: { readonly code: number };
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}
interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: Pick<Span, 'attributes'>;
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** A collector that keeps what it is sent. */
async function startCollector() {
  const sent: Sent[] = [];
  const server = createServer((request, response) => {
    const keep = async () => {
      sent.push((await json(request)) as Sent);
      response.end('{}');
    };
    void keep();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { sent, address, server };
}

it.skipIf(!isInstalled)(
  'the example sends a span for each activity, all of a run in the trace with the id of the run',
  async () => {
    const pipeline = await startPipeline('traces', {}, { hasWorker: false });
    const collector = await startCollector();
    const worker = spawn(process.execPath, ['worker.mjs'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...pipeline.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.address },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await writeCases(pipeline, casesOf(10, 3));
    const handle = await pipeline.startCases('pending-payment-update');
    expect(await handle.result()).toMatchObject({ outcome: 'moved' });
    const { runId } = await handle.describe();
    worker.kill('SIGTERM');
    expect(await once(worker, 'exit')).toEqual([0, null]);
    const resources = collector.sent.flatMap(({ resourceSpans }) => resourceSpans);
    const spans = resources
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap((scope) => scope.spans)
      .filter(({ attributes }) => attributes.some(({ value }) => value.stringValue === runId));
    expect(spans.map(({ name }) => name)).toEqual(
      ['begin', 'selectCases', 'moveCases', 'finish'].map((name) => `RunActivity:${name}`),
    );
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([runId.replaceAll('-', '')]));
    const names = resources[0]?.resource.attributes.find(({ key }) => key === 'service.name');
    expect(names?.value.stringValue).toBe('surgicase');
    collector.server.close();
    await pipeline.stop();
  },
);
