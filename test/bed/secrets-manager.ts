import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, vi } from 'vitest';

/** A server that the SDK uses as Secrets Manager, until `vi.unstubAllEnvs`. `answer` gives status and body. */
export async function secretsManager(
  answer: (secretId: string) => [status: number, body: object],
): Promise<{ server: Server; askedCount: () => number }> {
  let askedCount = 0;
  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      expect(request.headers['x-amz-target']).toBe('secretsmanager.GetSecretValue');
      askedCount += 1;
      const { SecretId } = JSON.parse(Buffer.concat(chunks).toString()) as { SecretId: string };
      const [status, body] = answer(SecretId);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  stubAws(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  return { server: http, askedCount: () => askedCount };
}

/** Points the SDK at an address, until `vi.unstubAllEnvs`. */
export function stubAws(endpoint: string): void {
  const keys = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'dummy', AWS_SECRET_ACCESS_KEY: 'dummy' };
  for (const [name, value] of Object.entries({ ...keys, AWS_ENDPOINT_URL: endpoint }))
    vi.stubEnv(name, value);
}
