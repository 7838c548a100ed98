#!/usr/bin/env node
// The command in a checkout and in a package. It is there before the first build, because npx keeps what it finds first.
import { existsSync } from 'node:fs';
import process from 'node:process';

const cli = new URL('../dist/client/cli.js', import.meta.url);
if (existsSync(cli)) await import(cli.href);
else {
  process.stderr.write(
    'surgicase is not built yet: npm ci && npm run build (npm start does both by itself)\n',
  );
  process.exitCode = 2;
}
