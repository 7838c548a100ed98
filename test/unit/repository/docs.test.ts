import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name));
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...docs];

/** The names in the first column of a page's tables between two headings. */
function firstColumn(path: string, from: string, to = '\n## '): string[] {
  const section = read(path).split(from)[1]?.split(to)[0] ?? '';
  return Array.from(section.matchAll(/^\| `([^`]+)` \|/gm), ([, name = '']) => name);
}

/** The anchor of a Markdown heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

function anchorsOf(path: string): string[] {
  return Array.from(read(path).matchAll(/^#+ (.+)$/gm), ([, heading = '']) => anchor(heading));
}

describe.each(pages)('%s', (page) => {
  it('has no broken links', () => {
    const links = Array.from(read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g), ([, link = '']) => link);
    const broken = links.filter((link) => {
      const [file = '', fragment] = link.split('#');
      const path = file === '' ? page : join(dirname(page), file);
      if (!existsSync(join(root, path))) return true;
      return fragment !== undefined && !anchorsOf(path).includes(fragment);
    });
    expect(broken).toEqual([]);
  });

  it('names only existing files', () => {
    const named = Array.from(
      read(page).matchAll(/`([\w-]+\/[\w./-]+\.(?:ts|mjs|sql|md))`/g),
      ([, path = '']) => path,
    );
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('names only existing tests', () => {
    const tests = read(page).matchAll(/`(test\/[\w./-]+)`\s+"([^"]+)"/g);
    const gone = Array.from(tests, ([, path = '', title = '']) => ({
      path,
      title: title.replace(/\s+/g, ' '),
    })).filter(({ path, title }) => !read(path).includes(title));
    expect(gone).toEqual([]);
  });

  it('contains no paths of the machine it was written on', () => {
    expect(read(page)).not.toMatch(/\/(?:work|root|home|tmp)\/|\.\.\/shared|registry\.npmjs/);
  });
});

describe('docs/configuration.md', () => {
  it('names every variable that config/ reads', () => {
    const code = read('config/config.ts') + read('config/variables.ts');
    const known = new Set(code.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g));
    const missing = [...known].filter((name) => !read('docs/configuration.md').includes(`\`${name}\``));
    expect(missing).toEqual([]);
  });
});

describe('docs/dependencies.md', () => {
  it('lists exactly the dependencies of package.json', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, object>;
    expect(firstColumn('docs/dependencies.md', '# Dependencies')).toEqual([
      ...Object.keys(dependencies ?? {}),
      ...Object.keys(devDependencies ?? {}),
    ]);
  });
});
