#!/usr/bin/env node
// The `surgicase` command, in a checkout and in a package. It exists before the first build, so that `npx surgicase`
// in a fresh checkout runs this file and not a package of the same name from the registry.
import { existsSync } from 'node:fs';
import process from 'node:process';

const cli = new URL('../dist/client/cli.js', import.meta.url);
if (existsSync(cli)) await import(cli.href);
else {
  process.stderr.write(
    'surgicase is not built yet. Run `npm ci && npm run build`, or `npm start`, which does both.\n',
  );
  process.exitCode = 2;
}
