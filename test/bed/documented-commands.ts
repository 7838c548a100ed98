import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
// docs/cli.md is generated from the program itself.
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md') && name !== 'cli.md');

/** The pages whose commands a person may type. */
export const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...docs.map((name) => join('docs', name)),
];

/** The command lines in the code blocks and the prose of a page, without their comments and without what commands print. */
export function commandLines(page: string, program: 'surgicase' | 'surgicase|temporal'): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = Array.from(text.matchAll(/^```\w*\n(.*?)^```$/gms), ([, block = '']) => block).join('\n');
  const inBlocks = blocks.matchAll(new RegExp(`^\\s*(?:\\$ )?(?:npx )?((?:${program}) .*)$`, 'gm'));
  const prose = text.replace(/^```\w*\n.*?^```$/gms, '');
  const inProse = prose.matchAll(new RegExp(`\`(?:npx )?((?:${program})\\s[^\`]+)\``, 'g'));
  return [...inBlocks, ...inProse]
    .map(([, line = '']) => line)
    .filter((line) => !/^(?:surgicase (?:ok$|wrong: |:)|temporal {2})/.test(line))
    .map(withoutComment);
}

function withoutComment(line: string): string {
  const [command = ''] = line.replace(/\s+/g, ' ').split(/ # | \(|; | \|| > /);
  return command.replace(/ …$/, '').trim();
}
