import type { z } from 'zod';
import { errorForm, jsonForms, type JsonForm } from './json-schemas.ts';
import { code, generatedPage, table } from './markdown.ts';

/** docs/json-output.md: what every command prints with `--json`. */
export function jsonOutputPage(): string {
  return [
    generatedPage('JSON output', '`scripts/reference/json-schemas.ts`'),
    'With `--json`, every command except `worker` prints one JSON value on stdout and nothing else. Logs go to stderr. The tables list',
    'the fields of each value.\n',
    'The fields are a contract: a listed field keeps its name, type and meaning. New fields, and new values of a text, may be',
    'added at any time, so ignore fields that you do not know. Times are UTC, and days are ISO dates. `[]` marks a list.\n',
    '`surgicase worker` prints a value only when it fails.\n',
    '## Errors\n',
    formText(errorForm),
    ...Object.entries(jsonForms).map(
      ([command, forms]) => `## surgicase ${command}\n\n${forms.map(formText).join('\n')}`,
    ),
  ].join('\n');
}

function formText({ when, schema }: JsonForm): string {
  const rows = fieldRows('', schema);
  return `${when}:\n\n${table(['field', 'type', 'meaning'], rows)}\n`;
}

/** One row for each field, with the fields of objects and lists behind their own. */
function fieldRows(path: string, schema: z.ZodType): string[][] {
  const inner = unwrapped(schema);
  if (inner.def.type === 'array') return fieldRows(`${path}[]`, elementOf(inner));
  if (inner.def.type === 'union')
    return distinct(optionsOf(inner).flatMap((option) => fieldRows(path, option)));
  if (inner.def.type !== 'object') return [];
  return Object.entries((inner as z.ZodObject).shape).flatMap(([name, field]) => {
    const place = path === '' ? name : `${path}.${name}`;
    return [
      [code(place), typeOf(field as z.ZodType), meaningOf(field as z.ZodType)],
      ...fieldRows(place, field as z.ZodType),
    ];
  });
}

/** Two forms of one value share fields; each field is listed once. */
function distinct(rows: readonly string[][]): string[][] {
  const byField = new Map<string, string[]>();
  for (const row of rows) {
    const [field = '', type = '', meaning = ''] = row;
    const known = byField.get(field);
    byField.set(
      field,
      known && known[1] !== type ? [field, `${known[1]} or ${type}`, meaning] : (known ?? row),
    );
  }
  return [...byField.values()];
}

interface Wrapper {
  readonly innerType?: z.ZodType;
}

const isWrapper = ({ def }: z.ZodType) => def.type === 'optional' || def.type === 'nullable';

function unwrapped(schema: z.ZodType): z.ZodType {
  const { innerType } = schema.def as Wrapper;
  return isWrapper(schema) && innerType ? unwrapped(innerType) : schema;
}

const elementOf = (schema: z.ZodType) => (schema.def as unknown as { element: z.ZodType }).element;
const valueOf = (schema: z.ZodType) => (schema.def as unknown as { valueType: z.ZodType }).valueType;
const optionsOf = (schema: z.ZodType) => (schema.def as unknown as { options: z.ZodType[] }).options;

function meaningOf(schema: z.ZodType): string {
  const { innerType } = schema.def as Wrapper;
  return schema.description ?? (isWrapper(schema) && innerType ? meaningOf(innerType) : '');
}

function typeOf(schema: z.ZodType): string {
  const { innerType, values, entries } = schema.def as Wrapper & {
    readonly values?: readonly unknown[];
    readonly entries?: Readonly<Record<string, string>>;
  };
  const list = (found: readonly unknown[]) => found.map((value) => code(JSON.stringify(value))).join(', ');
  const names: Readonly<Record<string, () => string>> = {
    optional: () => `${typeOf(innerType as z.ZodType)}, optional`,
    nullable: () => `${typeOf(innerType as z.ZodType)} or null`,
    array: () => `list of ${typeOf(elementOf(schema))}s`,
    record: () => `object of ${typeOf(valueOf(schema))}s`,
    literal: () => list(values ?? []),
    enum: () => list(Object.keys(entries ?? {})),
    // Every union is one of objects, or of texts and numbers.
    union: () => [...new Set(optionsOf(schema).map(typeOf))].join('s or '),
  };
  return names[schema.def.type]?.() ?? schema.def.type;
}
