import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { caseMoves } from '../../contract/schedules.ts';
import { caseObstacles } from '../../db/cases/ready.ts';
import { timestampColumn } from '../../db/cases/status.ts';
import { lostSettings } from '../../db/connection/session-settings.ts';
import type { Session } from '../../db/connection/session.ts';
import { emptiedTables } from '../../db/registry/emptied.ts';
import { lastArchived, missingArchive } from '../archive.ts';
import { emptiedText, refillAdvice } from '../registry.ts';
import { referenceGap } from '../../db/registry/reference-gap.ts';
import { otherLoader } from '../../db/ledger/other-loader.ts';
import { mayLoadLocal } from '../../db/registry/bulk-load.ts';
import { grant, neededRights, type Right } from '../../db/schema/grants.ts';
import { loadTableObstacles, serverObstacles } from '../../db/schema/ready.ts';
import { missingRights } from '../../db/schema/rights.ts';
import { binlogFaults, serverFaults, serverSettings } from '../../db/schema/server-limits.ts';
import type { Schemas } from '../../db/schema/tables.ts';
import { databaseClock } from './clock.ts';
import { ok, orOk, warning, wrong, type Check, type Finding } from './check.ts';

/** What the checks of the database ask. */
export interface DatabaseSubject {
  readonly config: Config;
  readonly session: Session;
  readonly schemas: Schemas;
}

/** What the database must offer once it accepts the login. */
export const databaseChecks: readonly Check<DatabaseSubject>[] = [
  { name: 'database-clock', look: ({ session }) => databaseClock(session) },
  { name: 'server-settings', look: settings },
  { name: 'binary-log', look: binaryLog },
  { name: 'rights', look: ({ session, schemas }) => rights(session, neededRights(schemas).everyJob, '') },
  // Without rights on a table, the server does not even show it.
  { name: 'rights-for-monthly', look: monthlyRights },
  { name: 'registry-tables', needs: ['rights'], look: registryTables },
  { name: 'registry-rows', needs: ['registry-tables'], look: registryRows },
  { name: 'cases-table', needs: ['server-settings', 'rights'], look: casesTable },
  { name: 'local-infile', needs: ['server-settings', 'registry-tables'], look: localInfile },
  { name: 'archive-files', needs: ['archive-folder', 'registry-tables'], look: archiveFiles },
  { name: 'other-loader', needs: ['registry-tables'], look: loaders },
];

async function settings({ session, schemas }: DatabaseSubject): Promise<readonly Finding[]> {
  const lost = await lostSettings((sql) => session.query(sql));
  return orOk(
    [
      ...serverFaults(await serverSettings(session), schemas).map(({ text, fix }) => wrong(text, fix)),
      ...(await serverObstacles(session)).map((obstacle) =>
        wrong(`${obstacle}.`, 'Change it in the configuration of the server or of the account.'),
      ),
      ...lost.map((setting) =>
        setting.startsWith('sql_require_primary_key')
          ? warning(
              'sql_require_primary_key is ON, and this login may not turn it off: an adoption of tables without a key fails.',
              'Give the login SESSION_VARIABLES_ADMIN for the adoption, or turn the setting off.',
            )
          : wrong(
              `${setting} in a session, although this service sets it.`,
              'Connect to the server without a proxy that shares connections, or pin sessions in the proxy.',
            ),
      ),
    ],
    'the session has every setting that the jobs rely on',
  );
}

async function binaryLog({ session }: DatabaseSubject): Promise<readonly Finding[]> {
  const faults = binlogFaults(await serverSettings(session));
  return orOk(
    faults.map(({ text, fix }) => wrong(text, fix)),
    'no limit is too small for a weekly',
  );
}

function monthlyRights({ session, schemas, config }: DatabaseSubject): Promise<readonly Finding[]> {
  if (config.nppes.baselineRule === 'never')
    return Promise.resolve([ok('not needed with NPI_BASELINE=never')]);
  return rights(session, neededRights(schemas).monthly, ' A monthly needs it; or set NPI_BASELINE=never.');
}

async function rights(session: Session, needed: readonly Right[], more: string): Promise<readonly Finding[]> {
  const { account, missing } = await missingRights(session, needed);
  return orOk(
    missing.map((right) =>
      wrong(
        `${account} lacks ${right.privileges.join(', ')} on ${right.place}.`,
        `As an administrator, run: ${grant(right, account)}${more}`,
      ),
    ),
    account,
  );
}

async function registryTables({ session, schemas }: DatabaseSubject): Promise<readonly Finding[]> {
  const obstacles = await loadTableObstacles(session, schemas);
  return orOk(
    obstacles.map((obstacle) =>
      wrong(
        `${obstacle}.`,
        obstacle.startsWith('missing tables')
          ? 'Run `surgicase db migrate`.'
          : 'Run `surgicase db adopt --dry-run`, then `surgicase db adopt`.',
      ),
    ),
    'ready for loads',
  );
}

async function registryRows({ session, schemas }: DatabaseSubject): Promise<readonly Finding[]> {
  const emptied = await emptiedTables(session, schemas);
  const gap = await referenceGap(session, schemas);
  const findings = [
    ...(emptied.length === 0 ? [] : [wrong(emptiedText(emptied), refillAdvice)]),
    ...(gap === undefined ? [] : [{ state: 'warning' as const, text: gap }]),
  ];
  return orOk(findings, 'no table has lost all its rows');
}

const timestamps = Object.values(caseMoves).flatMap(({ target }) => timestampColumn(target) ?? []);

async function casesTable({ session, schemas }: DatabaseSubject): Promise<readonly Finding[]> {
  const obstacles = await caseObstacles(session, schemas, timestamps);
  const ofService = (obstacle: string) => obstacle.includes(`${schemas.scheduler}.`);
  return orOk(
    obstacles.map((obstacle) =>
      wrong(
        `${obstacle}.`,
        ofService(obstacle)
          ? 'Run `surgicase db migrate`.'
          : "Add it to the application's table; `surgicase db adopt` adds missing timestamp columns.",
      ),
    ),
    'ready for case updates',
  );
}

async function localInfile({ session }: DatabaseSubject): Promise<readonly Finding[]> {
  if (await mayLoadLocal(session)) return [ok('LOAD DATA LOCAL is allowed')];
  return [
    warning(
      'The server or a proxy does not allow LOAD DATA LOCAL. Loads use INSERT, which takes longer.',
      'Run SET GLOBAL local_infile = ON, or set it in the parameter group.',
    ),
  ];
}

async function loaders({ session, schemas }: DatabaseSubject): Promise<readonly Finding[]> {
  const text = await otherLoader(session, schemas);
  return [text === undefined ? ok('no other program has loaded the registry') : { state: 'warning', text }];
}

async function archiveFiles({ session, config }: DatabaseSubject): Promise<readonly Finding[]> {
  const { archiveDir } = config.nppes;
  const newest = await lastArchived(session);
  if (newest === undefined) return [ok('nothing was archived yet')];
  if (existsSync(join(archiveDir, newest.fileName))) return [ok(`${newest.fileName} is in the archive`)];
  const missing = missingArchive(config.nppes, newest);
  if (missing !== undefined)
    return [
      wrong(
        missing,
        `If the worker has another host or folder, run this command there. Otherwise mount the archive, set NPI_ARCHIVE_DIR to its absolute path, or begin a new one with \`mkdir -p ${archiveDir}\`.`,
      ),
    ];
  return [
    warning(
      `${newest.fileName} is published, but is not in ${archiveDir}: the archive is on another host, in another folder or on a disk that is not mounted.`,
      "Run this command on the worker's host and in its folder, mount the archive, or set NPI_ARCHIVE_DIR to the same absolute path.",
    ),
  ];
}
