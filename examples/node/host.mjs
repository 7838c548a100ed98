// A host application: a web server with its own log and its own shutdown, and the scheduler in the same process when
// ENABLE_SCHEDULER=true. Set DATABASE_URL and TEMPORAL_ADDRESS, or run `npm start` in the same folder, then:
//   ENABLE_SCHEDULER=true PORT=8000 node examples/node/host.mjs
//   curl localhost:8000/health
//   curl localhost:8000/cases/status -d '{"caseIds": ["…"], "newStatus": 30}'
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { bulkUpdateCaseStatus, InputError, setupWeeklyScheduler, startScheduler } from 'surgicase-pipelines';

// The host's log. The scheduler and the bulk update write their lines to it. A pino logger takes them as
// `(message, fields) => logger[level](fields, message)`.
const write = (level) => (message, fields) =>
  console.log(JSON.stringify({ app: 'host', level, message, ...fields }));
const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };

// It returns at once: the host serves its users also while Temporal or the database is away.
const scheduler = startScheduler({ log });
scheduler.onStopped((error) => log.error('the host goes on without its scheduler', { error: error.message }));

const routes = {
  'GET /': () => [200, 'the application'],
  'GET /health': async () => {
    const health = await scheduler.health();
    return [health.state === 'not ready' ? 503 : 200, health];
  },
  // A real application checks here who is asking.
  'POST /cases/status': async (request) => [200, await bulkUpdateCaseStatus(await json(request), { log })],
};

async function answer(request, response) {
  try {
    const route = routes[`${request.method} ${request.url}`] ?? (() => [404, 'not found']);
    const [status, body] = await route(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  } catch (error) {
    const isInput = error instanceof InputError || error instanceof SyntaxError;
    response.writeHead(isInput ? 400 : 500).end(isInput ? error.message : 'The request failed.');
    if (!isInput) log.error('a request failed', { error: error.message });
  }
}

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
await once(server, 'listening');
log.info('listening', { port: server.address().port });

// Changes of SCHEDULE_* reach Temporal. Without this, the scheduler only creates missing schedules.
scheduler.ready
  .then(() => scheduler.health())
  .then(({ state }) => (state === 'off' ? undefined : setupWeeklyScheduler()))
  .catch((error) => log.warn('the schedules were not applied', { error: error.message }));

// The host handles its signals and decides the order: first no new requests, then the scheduler. Running activities finish
// or resume on another worker.
await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
server.close();
await scheduler.stop();
log.info('stopped');
