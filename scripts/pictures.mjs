// Takes the pictures of the Web UI in docs/images. Run it in a folder where a fresh `surgicase start --source sample` is up:
// `node <checkout>/scripts/pictures.mjs`. It needs `chromium` on PATH, and runs jobs of that start.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { WebSocket } from 'undici';

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs', 'images');
const [, uiUrl] = /^TEMPORAL_UI_URL=(.*)$/m.exec(readFileSync('.surgicase/services.env', 'utf8')) ?? [];

async function surgicase(...args) {
  const command = [join(root, 'bin', 'surgicase.mjs'), ...args, '--json'];
  return JSON.parse((await promisify(execFile)(process.execPath, command)).stdout);
}

const address = ({ workflowId, runId }) =>
  `${uiUrl}/namespaces/default/workflows/${encodeURIComponent(workflowId)}/${runId}`;

/** Chromium's DevTools protocol, for one page. */
async function openPage() {
  const profile = mkdtempSync(join(tmpdir(), 'surgicase-pictures-'));
  const args = [
    '--headless=new',
    '--no-sandbox',
    '--remote-debugging-port=0',
    `--user-data-dir=${profile}`,
    '--hide-scrollbars',
  ];
  const browser = spawn('chromium', args, {
    env: { ...process.env, TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let port;
  for await (const line of createInterface(browser.stderr)) {
    [, port] = /^DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line) ?? [];
    if (port !== undefined) break;
  }
  const target = await fetch(`http://127.0.0.1:${port}/json/new`, { method: 'PUT' });
  const socket = new WebSocket((await target.json()).webSocketDebuggerUrl);
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  const waiting = new Map();
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    if (error) throw new Error(error.message);
    waiting.get(id)?.(result);
  });
  let lastId = 0;
  const send = (method, params = {}) =>
    new Promise((resolve) => {
      lastId += 1;
      waiting.set(lastId, resolve);
      socket.send(JSON.stringify({ id: lastId, method, params }));
    });
  const close = async () => {
    const ended = new Promise((resolve) => browser.once('exit', resolve));
    await send('Browser.close');
    await ended;
    rmSync(profile, { recursive: true, force: true });
  };
  return { send, close };
}

const page = await openPage();

const valueOf = async (expression) =>
  (await page.send('Runtime.evaluate', { expression, returnByValue: true })).result.value;

/** The smallest visible element with this text or label, as an expression of the page. */
const element = (
  text,
) => `[...document.querySelectorAll('a, button, [role=menuitem], h1, h2, h3, span, td, div')]
  .filter((one) => one.checkVisibility() && [one.innerText?.trim(), one.ariaLabel].includes(${JSON.stringify(text)}))
  .at(-1)`;

async function waitFor(expression, what) {
  for (let tries = 0; tries < 1200; tries += 1) {
    if (await valueOf(expression)) return;
    await sleep(100);
  }
  throw new Error(`The page does not show ${what}.`);
}

/** Opens an address, waits for a text, clicks elements by their texts, and keeps what the window shows. */
async function picture(name, { url, height, shows, clicks = [] }) {
  await page.send('Emulation.setDeviceMetricsOverride', {
    width: 1500,
    height,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await page.send('Page.navigate', { url });
  await waitFor(`document.body.innerText.includes(${JSON.stringify(shows)})`, shows);
  for (const text of clicks) {
    await waitFor(`Boolean(${element(text)})`, text);
    await valueOf(`${element(text)}.click()`);
    await sleep(1000);
  }
  // The timeline and the code blocks are drawn after the text is there.
  await sleep(2500);
  const { data } = await page.send('Page.captureScreenshot', { format: 'png' });
  writeFileSync(join(images, `${name}.png`), Buffer.from(data, 'base64'));
}

try {
  const { lastRuns } = (await surgicase('status')).database;
  const addressOf = (job) => address(lastRuns.find((run) => run.job === job));
  const npi = addressOf('npi-update');
  await picture('run-history', { url: `${npi}/timeline`, height: 1150, shows: 'archive' });
  await picture('run-details', { url: npi, height: 900, shows: 'Workflow Type', clicks: ['User Metadata'] });
  const cases = addressOf('pending-payment-update');
  await picture('case-update', { url: `${cases}/timeline`, height: 960, shows: 'moveCases' });
  for (let times = 0; times < 3; times += 1) await surgicase('run', 'pending-payment-update');
  const schedule = `${uiUrl}/namespaces/default/schedules/pending-payment-update`;
  await picture('schedule-triggers', {
    url: schedule,
    height: 620,
    shows: 'Recent Runs',
    clicks: ['Schedule Actions'],
  });
  const waiting = address(await surgicase('run', 'paid-update', '--limit', '500', '--no-wait'));
  const clicks = ['User Metadata', 'More Actions'];
  await picture('approval', { url: waiting, height: 680, shows: 'Workflow Type', clicks });
  // A zip that is none: the run fails and says what to do.
  const zip = join(
    mkdtempSync(join(tmpdir(), 'surgicase-pictures-')),
    'NPPES_Data_Dissemination_111626_112226_Weekly_V2.zip',
  );
  writeFileSync(zip, 'not a zip');
  const failed = address(await surgicase('npi', 'load', zip, '--no-wait'));
  await picture('failed-run', { url: `${failed}/history`, height: 760, shows: 'Failed' });
  // What a person chooses with the button *Configure columns*.
  const columns = ['Status', 'Workflow ID', 'SurgicaseOutcome', 'SurgicaseRelease', 'Start', 'End'];
  const chosen = JSON.stringify({ default: columns.map((label) => ({ label })) });
  await valueOf(`localStorage.setItem('namespace-workflow-table-columns', ${JSON.stringify(chosen)})`);
  await picture('run-list', {
    url: `${uiUrl}/namespaces/default/workflows`,
    height: 620,
    shows: 'npi-update-manual',
  });
} finally {
  await page.close();
}
