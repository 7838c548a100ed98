import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedPage } from './markdown.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const entry = 'host/index.ts';
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** One name that the package exports: where it is declared, and under which name there. */
interface Exported {
  readonly name: string;
  readonly declaredAs: string;
  readonly file: string;
  /** The comment in front of the export; empty when the declaration has the only one. */
  readonly comment: string;
}

interface Declaration {
  readonly comment: string;
  readonly text: string;
}

type Block = Exported & { readonly declaration: Declaration };

/** docs/api.md: everything that `host/index.ts` exports, with the docstrings of the declarations. */
export function apiPage(): string {
  const blocks = exportsOf(read(entry)).map((exported): Block => ({
    ...exported,
    declaration: declarationOf(exported),
  }));
  // A commented alias is an old name; an alias without a comment is the public name of a type.
  const oldNames = blocks.filter(({ comment }) => comment !== '');
  const current = blocks.filter((block) => !oldNames.includes(block));
  const renamed = current.filter(({ name, declaredAs }) => name !== declaredAs);
  const sections = (...kinds: readonly string[]) =>
    current
      .filter(({ declaration }) => kinds.includes(declaration.text.split(' ', 1)[0] ?? ''))
      .map((block) => section(block, renamed));
  return [
    generatedPage('API', '`host/index.ts`'),
    'The functions of the package, for an application that runs the worker itself or moves cases.',
    '[Embedding](embedding.md) explains how to use them.\n',
    "```ts\nimport { bulkUpdateCaseStatus } from 'surgicase-pipelines';\n```\n",
    '## Functions\n',
    ...sections('function'),
    '## Names of the Python scheduler\n',
    'The package also exports the functions of the Python scheduler under their old names, in camel case:\n',
    ...oldNames.map(
      ({ name, declaredAs, comment }) => `- \`${name}\` is \`${declaredAs}\`. ${prose(comment)}`,
    ),
    '\n## Errors\n',
    ...sections('class'),
    '## Types\n',
    ...sections('interface', 'type'),
  ].join('\n');
}

function exportsOf(source: string): Exported[] {
  const statements = source.matchAll(
    /(?:\/\*\*(.*?)\*\/\n)?^export (?:type )?\{([^}]*)\} from '([^']+)';/gms,
  );
  return [...statements].flatMap(([, comment = '', names = '', from = '']) =>
    names
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter(Boolean)
      .map((text) => {
        const [declaredAs = '', name = declaredAs] = text.split(' as ');
        return { name, declaredAs, file: join(dirname(entry), from), comment };
      }),
  );
}

function declarationOf({ declaredAs, file }: Exported): Declaration {
  const start = new RegExp(
    `(?:/\\*\\*((?:(?!\\*/).)*)\\*/\\n)?export (?:async )?((?:function|class|interface|type) ${declaredAs}\\b.*?^\\})`,
    'ms',
  ).exec(read(file));
  if (!start) throw new Error(`${file} does not declare ${declaredAs}.`);
  const [, comment = '', text = ''] = start;
  if (comment === '') throw new Error(`${file}: ${declaredAs} has no docstring.`);
  return { comment, text };
}

function section({ name, declaration }: Block, renamed: readonly Exported[]): string {
  let shown = shownText(declaration.text);
  for (const { declaredAs, name: publicName } of renamed)
    shown = shown.replaceAll(new RegExp(`\\b${declaredAs}\\b`, 'g'), publicName);
  return `### ${name}\n\n${prose(declaration.comment)}\n\n\`\`\`ts\n${shown}\n\`\`\`\n`;
}

/** The comment as Markdown: one paragraph, then a line for each tag. */
function prose(comment: string): string {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\*? ?/, '').trim());
  const [text = '', ...tags] = lines
    .join(' ')
    .trim()
    .split(/\s*@throws\s+/);
  return [text.trim(), ...tags.map((tag) => `- Throws ${tag.trim()}.`)].join('\n').replace(/\n- /, '\n\n- ');
}

/** Functions without bodies and destructuring, classes as their fields, types as they are. */
function shownText(text: string): string {
  if (text.startsWith('class')) {
    const fields = text.match(/^ {2}readonly [^\n]*/gm) ?? [];
    return [text.split('\n', 1)[0], ...fields, '}'].join('\n');
  }
  if (!text.startsWith('function')) return text;
  const [signature = ''] = text.split(/ \{\n/, 1);
  return signature
    .replaceAll(/(\{[^{}]*\}|\w+): (\w+) = \{\}/g, 'options?: $2')
    .replaceAll(/\{[^{}]*\}: (\w+)/g, 'input: $1')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace('( ', '(')
    .replace(/, \)/, ')');
}
