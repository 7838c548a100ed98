// A host application with a web server, and the worker in the same process when ENABLE_SCHEDULER=true. Set DATABASE_URL
// and TEMPORAL_ADDRESS, or run `npm start` in the same folder, then: node examples/node/host.mjs
import { once } from 'node:events';
import { createServer } from 'node:http';
import { runSchedulerInBackground, setupWeeklyScheduler } from 'surgicase-pipelines';

const server = createServer((_request, response) => response.end('the application\n'));
await new Promise((resolve) => server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', resolve));

const scheduler = await runSchedulerInBackground();
if (scheduler) await setupWeeklyScheduler();
const stopSignal = once(process, 'SIGTERM');
console.log(`listening on ${server.address().port}, the scheduler is ${scheduler ? 'on' : 'off'}`);

// The host handles the signals. It stops its own work first, then the worker; running activities finish or resume on
// another worker.
await stopSignal;
server.close();
await scheduler?.stop();
console.log('stopped');
