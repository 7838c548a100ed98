import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';

/** A server that the SDK can use as Secrets Manager. `answer` gives status and body. */
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
  const endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const keys = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'dummy', AWS_SECRET_ACCESS_KEY: 'dummy' };
  Object.assign(process.env, keys, { AWS_ENDPOINT_URL: endpoint });
  return { server: http, askedCount: () => askedCount };
}
