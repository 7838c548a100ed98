import type { Config } from '../../config/config.ts';
import { adopt, finishAdoption, type AdoptResult } from '../../db/adoption/adopt.ts';
import { previewAdoption, type AdoptInput } from '../../db/adoption/preview.ts';
import { refusalReasons } from '../../nppes/rows/provider.ts';
import { releaseOfLogged } from '../../nppes/page/release.ts';
import { adoptedLines, previewLines } from '../adoption.ts';
import { withDatabase } from '../database.ts';
import { personOf, refusePerson, type PersonOptions } from '../decided-by.ts';
import { exitCodes } from '../exit.ts';
import { grouped } from '../numbers.ts';
import type { Terminal } from '../terminal.ts';

export interface AdoptOptions extends PersonOptions {
  readonly dryRun?: boolean;
  readonly finish?: boolean;
}

const signal = new AbortController().signal;

/** `surgicase db adopt`: converts an existing database for the jobs; `--dry-run` shows what that changes. */
export function adoptCommand(
  config: Config,
  terminal: Terminal,
  { dryRun, finish, ...person }: AdoptOptions,
): Promise<number> {
  if (finish) return finishCommand(config, terminal, person);
  refusePerson(person, '--finish');
  return dryRun ? preview(config, terminal) : run(config, terminal);
}

function inputOf({ nppes }: Config, terminal: Terminal): AdoptInput {
  return {
    maxThreadsRunning: nppes.maxThreadsRunning,
    words: refusalReasons,
    parseLogged: releaseOfLogged,
    onStep: (step, detail) => {
      const done = typeof detail === 'number' ? `${grouped(detail)} rows` : detail;
      terminal.progress(done === undefined ? step : `${step}: ${done}`, step);
    },
  };
}

function run(config: Config, terminal: Terminal): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const result = await adopt(database, schemas, signal, inputOf(config, terminal));
    terminal.answer(answerOf(result), adoptedLines(result, schemas.application));
    return exitCodes.done;
  });
}

const answerOf = ({ cases, logged, ...result }: AdoptResult) => ({
  ...result,
  addedCaseColumns: cases.columns,
  ...(logged && { releases: logged.releases.map(({ fileName }) => fileName) }),
});

/** An obstacle makes the dry run fail too, because the adoption would not start. */
function preview(config: Config, terminal: Terminal): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const found = await database.session(signal, (session) =>
      previewAdoption(session, schemas, inputOf(config, terminal)),
    );
    terminal.answer(found, previewLines(found));
    return found.obstacles.length > 0 ? exitCodes.failed : exitCodes.done;
  });
}

function finishCommand(config: Config, terminal: Terminal, options: PersonOptions): Promise<number> {
  return withDatabase(config, async (database, schemas) => {
    const dropped = await finishAdoption(database, schemas, signal, personOf(options));
    const line =
      dropped.length === 0
        ? 'There are no original tables to drop.'
        : `Dropped ${grouped(dropped.length)} original tables.`;
    terminal.answer({ dropped }, [line]);
    return exitCodes.done;
  });
}
