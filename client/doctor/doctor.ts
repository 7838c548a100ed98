import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/config.ts';
import { withClient } from '../connection.ts';
import { CommandError } from '../exit.ts';
import { ok, orOk, warning, wrong, type Check, type Finding, type Line } from './check.ts';
import { databaseChecks } from './database.ts';
import { withDatabaseSubject } from './database-access.ts';
import { examine, faultOf, notExamined } from './examine.ts';
import { localChecks, networkChecks, type LocalSubject } from './local.ts';
import { temporalChecks } from './temporal.ts';

type Faulty = Map<string, string>;

const named = (name: string) => ({ name });
const ofTemporal = [named('temporal'), ...temporalChecks];
const ofDatabase = [named('database'), ...databaseChecks];

const afterConfiguration = [...localChecks, ...networkChecks, ...ofTemporal, ...ofDatabase];

/** The names of all checks, in the order of the report. */
export const checkNames: readonly string[] = ['configuration', ...afterConfiguration.map(({ name }) => name)];

/** Where the doctor looks; `read` reads the configuration. */
export interface Surroundings extends Omit<LocalSubject, 'config'> {
  readonly read: () => Config;
}

/** Makes every check that can be made. */
export async function diagnose({ read, ...here }: Surroundings): Promise<Line[]> {
  const faulty: Faulty = new Map();
  const found = configured(read);
  const lines = found.findings.map((finding) => ({ check: 'configuration', ...finding }));
  const { config } = found;
  if (!config) return [...lines, ...notExamined(afterConfiguration, 'configuration', faulty)];
  const ofDisk = await examine(localChecks, { config, ...here }, faulty);
  const parts = await Promise.all([
    examine(networkChecks, { config, ...here }, faulty),
    temporalLines(config, faulty),
    databaseLines(config, faulty),
  ]);
  return [...lines, ...ofDisk, ...parts.flat()];
}

function configured(read: () => Config): { config?: Config; findings: readonly Finding[] } {
  try {
    const config = read();
    const warnings = config.warnings.map((text) => warning(text, ''));
    return { config, findings: orOk(warnings, 'valid') };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Its message has a headline, and a line for each problem.
    const [headline = '', ...problems] = error.message.split('\n  ');
    const texts = problems.length > 0 ? problems : [headline];
    return { findings: texts.map((text) => wrong(text, '')) };
  }
}

async function temporalLines(config: Config, faulty: Faulty): Promise<Line[]> {
  if (!config.temporal.isConfigured)
    return unavailable(
      'temporal',
      wrong('TEMPORAL_ADDRESS is not set.', 'Set it to host:port, or start Temporal here with `npm start`.'),
      temporalChecks,
      faulty,
    );
  try {
    return await withClient(config, async (client) => [
      { check: 'temporal', ...ok(config.temporal.connectionOptions.address ?? 'localhost:7233') },
      ...(await examine(temporalChecks, { config, client }, faulty)),
    ]);
  } catch (error) {
    const fault = faultOf(error);
    const isTls = Boolean(config.temporal.connectionOptions.tls);
    const hint = isTls
      ? 'Check also the certificate and TEMPORAL_API_KEY.'
      : 'If the server accepts only TLS, set TEMPORAL_TLS=true, or TEMPORAL_API_KEY.';
    const advised = error instanceof CommandError ? { ...fault, fix: hint } : fault;
    return unavailable('temporal', advised, temporalChecks, faulty);
  }
}

async function databaseLines(config: Config, faulty: Faulty): Promise<Line[]> {
  const lines = await withDatabaseSubject(config, async (subject, address) => [
    { check: 'database', ...ok(address) },
    ...(await examine(databaseChecks, subject, faulty)),
  ]);
  return 'fault' in lines ? unavailable('database', lines.fault, databaseChecks, faulty) : lines;
}

const unavailable = (
  name: string,
  fault: Finding,
  checks: readonly Pick<Check<never>, 'name'>[],
  faulty: Faulty,
): Line[] => [{ check: name, ...fault }, ...notExamined(checks, name, faulty)];
