import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onPath } from '../../../local/bootstrap/host.js';
import { connect } from '../../../db/connection/pool.ts';
import { staticCredentials } from '../../../db/connection/credentials.ts';
import { failureOf } from '../../bed/db-failure.ts';
import { startOwnMysql, type OwnMysql } from '../../bed/own-mysql.ts';
import { forever } from '../../bed/pipeline.ts';

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
  async function cipherAt(host: string): Promise<string> {
    const { username: user, password, port } = new URL(mysql.url);
    const database = connect({
      host,
      port: Number(port),
      schema: 'any',
      credentials: staticCredentials({ user, password }),
      tls: { caPem: readFileSync(String(certificate), 'utf8') },
    });
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
});
