import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { onPath } from '../../../local/bootstrap/host.js';
import { readConfig } from '../../../config/config.ts';
import { connect, type Database } from '../../../db/connection/pool.ts';
import { staticCredentials } from '../../../db/connection/credentials.ts';
import { createLog } from '../../../telemetry/log.ts';
import { openDatabase } from '../../../worker/database.ts';
import { failureOf } from '../../bed/db-failure.ts';
import { startOwnMysql, type OwnMysql } from '../../bed/own-mysql.ts';
import { forever } from '../../bed/pipeline.ts';
import { secretsManager } from '../../bed/secrets-manager.ts';

const openssl = onPath('openssl');
if (openssl === undefined) console.warn('SKIPPED: certificates for the tests of TLS need openssl on PATH');

describe.skipIf(openssl === undefined)('a server whose certificate is for the address 127.0.0.1', () => {
  const folder = mkdtempSync(join(tmpdir(), 'surgicase-tls-'));
  const [certificate, key] = ['certificate.pem', 'key.pem'].map((name) => join(folder, name));
  let mysql: OwnMysql;

  beforeAll(async () => {
    execFileSync(
      String(openssl),
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=test',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        String(key),
        '-out',
        String(certificate),
      ],
      { stdio: 'ignore' },
    );
    mysql = await startOwnMysql([`--ssl-ca=${certificate}`, `--ssl-cert=${certificate}`, `--ssl-key=${key}`]);
  });
  afterAll(async () => {
    await mysql.stop();
    rmSync(folder, { recursive: true });
  });

  /** The cipher of a session with this host in the URL. */
  function cipherAt(host: string): Promise<string> {
    const { username: user, password, port } = new URL(mysql.url);
    return cipherOf(
      connect({
        host,
        port: Number(port),
        schema: 'any',
        credentials: staticCredentials({ user, password }),
        tls: { caPem: readFileSync(String(certificate), 'utf8') },
      }),
    );
  }

  async function cipherOf(database: Database): Promise<string> {
    try {
      const [row] = await database.session(forever, (session) =>
        session.query<{ Value: string }>("SHOW STATUS LIKE 'Ssl_cipher'"),
      );
      return row?.Value ?? '';
    } finally {
      await database.close();
    }
  }

  it('is trusted under that address', async () => {
    expect(await cipherAt('127.0.0.1')).toMatch(/^TLS_/);
  });

  it('is refused under another name, and the message has that name', async () => {
    expect(await failureOf(cipherAt('localhost'))).toMatchObject({
      code: 'DatabaseUnreachable',
      message: expect.stringContaining('localhost'),
    });
  });

  describe('with the login from AWS Secrets Manager', () => {
    let aws: Awaited<ReturnType<typeof secretsManager>>;
    beforeAll(async () => {
      const { username, password } = new URL(mysql.url);
      aws = await secretsManager(() => [200, { SecretString: JSON.stringify({ username, password }) }]);
    });
    afterAll(() => {
      vi.unstubAllEnvs();
      aws.server.close();
    });

    /** The cipher of a session that these variables configure. */
    function cipherWith(variables: Record<string, string>): Promise<string> {
      const { port: DB_PORT } = new URL(mysql.url);
      const config = readConfig({
        DB_SECRET_ID: 's',
        DB_HOST: '127.0.0.1',
        DB_PORT,
        DB_NAME: 'any',
        ...variables,
      });
      if (!config.database) throw new Error('DB_SECRET_ID gave no database.');
      const log = createLog(config.log, () => undefined);
      return cipherOf(openDatabase({ config, database: config.database, log }));
    }

    it('is trusted with DB_SSL_CA, and without it there is no TLS that nobody verified', async () => {
      expect(await cipherWith({ DB_SSL_CA: String(certificate) })).toMatch(/^TLS_/);
      expect(await cipherWith({})).toBe('');
    });

    it('is refused under another name, and by the certificates of Amazon RDS', async () => {
      const otherName = { DB_SSL_CA: String(certificate), DB_HOST: 'localhost' };
      for (const variables of [otherName, { DB_SSL: 'rds' }])
        expect(await failureOf(cipherWith(variables))).toMatchObject({
          code: 'DatabaseUnreachable',
          message: expect.stringMatching(/certificate/i),
        });
    });
  });
});
