import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createLog, hostLog, logContext, type LogOptions } from '../../../telemetry/log.ts';

function linesOf(options: LogOptions): string[] {
  const lines: string[] = [];
  const log = createLog(options, (line) => lines.push(line));
  log.debug('SELECT 1', { ms: 3 });
  logContext.run({ job: 'npi-update', runId: 'r1', release: 'w1' }, () =>
    log.warn('rows refused', { refused: 2n }),
  );
  log.error('load failed', { error: new TypeError('no such column') });
  return lines;
}

test('JSON lines have time, level, message and every bound field', () => {
  const [first, second, ...more] = linesOf({ level: 'info', format: 'json' }).map(
    (line) => JSON.parse(line) as object,
  );
  const bound = { job: 'npi-update', runId: 'r1', release: 'w1' };
  expect(first).toEqual({
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    level: 'warn',
    message: 'rows refused',
    ...bound,
    refused: '2',
  });
  expect(second).toMatchObject({ level: 'error', error: 'TypeError: no such column' });
  expect(more).toEqual([]);
});

test('pretty lines are readable', () => {
  const lines = linesOf({ level: 'debug', format: 'pretty' });
  expect(lines.map((line) => line.slice(9))).toEqual([
    'DEBUG SELECT 1 ms=3\n',
    'WARN  rows refused job=npi-update runId=r1 release=w1 refused="2"\n',
    'ERROR load failed error="TypeError: no such column"\n',
  ]);
});

test('the log of a host gets the bound fields and only the lines of LOG_LEVEL, also when one call throws', () => {
  const seen: unknown[] = [];
  const take = (message: string, fields?: object) => {
    if (message === 'broken') throw new Error('the host has a bug');
    seen.push([message, fields]);
  };
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const log = hostLog(
    { level: 'info', format: 'pretty' },
    { debug: take, info: take, warn: take, error: take },
  );
  logContext.run({ runId: 'r1' }, () => log.info('broken'));
  logContext.run({ runId: 'r1' }, () => log.warn('rows refused', { refused: 2 }));
  log.debug('SELECT 1');
  expect(seen).toEqual([['rows refused', { runId: 'r1', refused: 2 }]]);
  expect(stderr).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('"message":"broken","runId":"r1"'));
  stderr.mockRestore();
});

test('a log file gets the lines as JSON in addition to stderr', () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'));
  const file = join(folder, 'surgicase.log');
  linesOf({ level: 'warn', format: 'pretty', file });
  const levels = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { level: string }).level);
  expect(levels).toEqual(['warn', 'error']);
  rmSync(folder, { recursive: true });
});

test('a log file that cannot be written is reported once, and the lines still reach the stream', () => {
  const folder = mkdtempSync(join(tmpdir(), 'surgicase-log-'));
  const file = join(folder, 'missing', 'log');
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'pretty', file }, (line) => lines.push(line.trimEnd()));
  log.info('one');
  log.info('two');
  mkdirSync(join(folder, 'missing'));
  log.info('three');
  expect(lines.map((line) => line.replace(/^\S+ INFO +/, ''))).toEqual([
    'one',
    `The log file ${file} cannot be written (ENOENT). Its lines are missing until it can.`,
    'two',
    'three',
  ]);
  expect(readFileSync(file, 'utf8')).toContain('"message":"three"');
  rmSync(folder, { recursive: true });
});
