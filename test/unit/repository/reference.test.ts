import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { apiPage } from '../../../scripts/reference/api.ts';
import { cliPage } from '../../../scripts/reference/cli.ts';
import { configurationPage } from '../../../scripts/reference/configuration.ts';
import { jsonOutputPage } from '../../../scripts/reference/json-output.ts';

const page = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));

// `npm run docs` runs this file with --update, which writes the pages.
it.each([
  ['cli.md', cliPage],
  ['configuration.md', configurationPage],
  ['api.md', apiPage],
  ['json-output.md', jsonOutputPage],
])('docs/%s is what `npm run docs` generates', async (name, generate) => {
  await expect(generate()).toMatchFileSnapshot(page(name));
});
