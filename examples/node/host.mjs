// A host application with the scheduler inside: its own web server, and the worker when ENABLE_SCHEDULER=true.
// Run it where DATABASE_URL and TEMPORAL_ADDRESS are set (or beside `npm start`): node examples/node/host.mjs
import { once } from 'node:events';
import { createServer } from 'node:http';
import { runSchedulerInBackground, setupWeeklyScheduler } from 'surgicase-pipelines';

const server = createServer((_request, response) => response.end('the application\n'));
await new Promise((resolve) => server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', resolve));

const scheduler = await runSchedulerInBackground();
if (scheduler) await setupWeeklyScheduler();
console.log(`listening on ${server.address().port}, the scheduler is ${scheduler ? 'on' : 'off'}`);

// The host owns the signals: first its own work, then the worker, whose activities end or are resumed elsewhere.
await once(process, 'SIGTERM');
server.close();
await scheduler?.stop();
console.log('stopped');
