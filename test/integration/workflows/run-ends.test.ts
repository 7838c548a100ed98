import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { casesOf, countByStatus, writeCases } from '../../generated/cases.ts';
import { startPipeline, type Pipeline } from '../../bed/pipeline.ts';

const name = 'run_ends';
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await startPipeline(name);
});
afterAll(() => pipeline.stop());
beforeEach(() => pipeline.reset());

async function failureOf(started: Promise<WorkflowHandle>): Promise<ApplicationFailure> {
  const error: unknown = await (await started).result().catch((caught: unknown) => caught);
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure)) throw new Error('The run did not fail.', { cause: error });
  return cause;
}

const ledger = () => pipeline.query('SELECT job, outcome, failure_type AS type FROM run');

describe('an input that is not valid', () => {
  const start = {
    npi: pipelineStart('npiUpdate'),
    cases: pipelineStart('paidUpdate'),
    undo: pipelineStart('caseUndo'),
  };
  function pipelineStart(workflowType: string) {
    return (input: unknown) => pipeline.startWorkflow(workflowType, input);
  }

  it.each([
    ['npi', null, 'the input must be a JSON object, such as {"dryRun": true}'],
    ['npi', [], 'the input must be a JSON object'],
    ['npi', 'dryRun', 'the input must be a JSON object'],
    [
      'npi',
      { dryrun: true },
      'dryrun is not an input field; the fields are dryRun, weeks, replace, rebuild, until, rollback, file',
    ],
    ['npi', { toString: 1 }, 'toString is not an input field'],
    ['npi', { dryRun: 'true' }, 'dryRun is "true"; it must be true or false'],
    ['npi', { dryRun: null }, 'dryRun is null; it must be true or false'],
    ['npi', { weeks: 0 }, 'weeks is 0; it must be a whole number, 1 or more'],
    ['npi', { weeks: 1.5 }, 'weeks is 1.5'],
    ['npi', { weeks: '1' }, 'weeks is "1"'],
    ['npi', { replace: 1 }, 'replace is 1; it must be true or false'],
    ['npi', { file: {} }, 'file is {}; it must be an address'],
    [
      'npi',
      { file: 'file:///a.zip', weeks: 1 },
      'file loads only that zip; leave out replace, rebuild and weeks',
    ],
    ['npi', { rebuild: true, weeks: 1 }, 'rebuild loads what the archive has; leave out replace and weeks'],
    ['npi', { until: 'NPPES_Data_Dissemination_September_2026' }, 'until says where a rebuild ends'],
    ['npi', { rebuild: true, until: 'september' }, 'until is "september"; it must be CMS'],
    ['npi', { rollback: 'up' }, 'rollback is "up"; it must be "back", "forward" or "resume"'],
    ['npi', { rollback: 'back', weeks: 1 }, 'rollback loads nothing'],
    ['npi', { weeks: -1, dryRun: 1 }, 'weeks is -1; it must be a whole number, 1 or more; dryRun is 1'],
    ['cases', null, 'the input must be a JSON object'],
    ['cases', { dryrun: true }, 'dryrun is not an input field'],
    ['cases', { limit: 0 }, 'limit is 0; it must be a whole number, 1 or more'],
    ['undo', null, 'the input must be a JSON object'],
    ['undo', undefined, 'the input must be a JSON object'],
    ['undo', {}, 'undoes is required'],
    ['undo', { undoes: 'the last one' }, 'undoes is "the last one"; it must be a run id'],
    [
      'undo',
      { undoes: '0197a5d0-1111-7222-8333-444455556666', dryRun: true },
      'dryRun is not an input field',
    ],
  ] as const)('%s %j fails the run at once', async (workflow, input, problem) => {
    const { type, message } = await failureOf(start[workflow](input));
    expect(type).toBe('InputRefused');
    expect(message).toContain(problem);
    expect(await ledger()).toEqual([]);
  });
});

describe('the ledger', () => {
  it('has the run that found the database not ready', async () => {
    await pipeline.query(`RENAME TABLE ${name}_app.npi_data_1 TO ${name}_app.away`);
    try {
      expect(await failureOf(pipeline.start())).toMatchObject({ type: 'DatabaseNotReady' });
    } finally {
      await pipeline.query(`RENAME TABLE ${name}_app.away TO ${name}_app.npi_data_1`);
    }
    expect(await ledger()).toEqual([{ job: 'npi-update', outcome: 'failed', type: 'DatabaseNotReady' }]);
  });

  it('is what the message names when it is missing itself', async () => {
    await pipeline.query('RENAME TABLE run TO away');
    try {
      const { type, message } = await failureOf(pipeline.startCases('paid-update'));
      expect(type).toBe('CasesNotReady');
      expect(message).toContain(`${name}_own.run`);
    } finally {
      await pipeline.query('RENAME TABLE away TO run');
    }
  });
});

describe('when MySQL refuses the change of cases', () => {
  const refuse = (when: string) =>
    pipeline.query(
      `CREATE TRIGGER ${name}_app.refuse BEFORE UPDATE ON ${name}_app.cases FOR EACH ROW
       BEGIN IF ${when} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF; END`,
    );

  it('the run fails if that is every case', async () => {
    await writeCases(pipeline, casesOf(10, 3));
    await refuse('TRUE');
    const { type, message } = await failureOf(pipeline.startCases('pending-payment-update'));
    expect(type).toBe('CasesRefused');
    expect(message).toContain('3 times "Processing error: MySQL error 1644"');
    expect(await countByStatus(pipeline)).toEqual({ 10: 3 });
    expect(await ledger()).toEqual([
      { job: 'pending-payment-update', outcome: 'failed', type: 'CasesRefused' },
    ]);
  });

  it('the run moves the others and reports those that were refused', async () => {
    await writeCases(pipeline, casesOf(10, 3));
    await refuse(`NEW.case_id LIKE '%1'`);
    expect(await pipeline.runCases('pending-payment-update')).toMatchObject({
      outcome: 'moved',
      updated: 2,
      exceptions: { 'Processing error: MySQL error 1644': 1 },
    });
  });
});
