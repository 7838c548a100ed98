import type * as fs from 'node:fs';
import type * as fsPromises from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

// A layer between the code and the file system that records what a power loss can undo: a name is on disk when its folder
// was synced after it, and content when its file was.
type Step =
  | { readonly kind: 'name'; readonly path: string; readonly file: number | 'folder' }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'content' | 'sync'; readonly file: number; readonly bytes: Buffer }
  | { readonly kind: 'syncFolder'; readonly path: string }
  | { readonly kind: 'mark'; readonly text: string };

/** The files that a power loss could leave: content by path, and the marks that were set before it. */
export interface Remains {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly marks: readonly string[];
}

const steps: Step[] = [];
const fileAt = new Map<string, number>();
let root = '';
let lastFile = 0;
let real: typeof fs;

/** Records from now on what happens below `folder`. */
export function record(folder: string): void {
  steps.length = 0;
  fileAt.clear();
  root = folder;
}

export const mark = (text: string): void => void steps.push({ kind: 'mark', text });

const isInside = (path: string) => root !== '' && (path === root || path.startsWith(`${root}/`));

function named(path: string): void {
  if (!isInside(path) || fileAt.has(path)) return;
  fileAt.set(path, (lastFile += 1));
  steps.push({ kind: 'name', path, file: lastFile });
}

function changed(kind: 'content' | 'sync', path: string): void {
  const file = fileAt.get(path);
  if (file !== undefined) steps.push({ kind, file, bytes: real.readFileSync(path) });
}

function removed(path: string): void {
  for (const known of Array.from(fileAt.keys()).filter((one) => one === path || one.startsWith(`${path}/`))) {
    fileAt.delete(known);
    steps.push({ kind: 'remove', path: known });
  }
}

/** `node:fs/promises` with the recording. */
export function recordedPromises(original: typeof fsPromises): typeof fsPromises {
  const handleOf = (handle: fsPromises.FileHandle, path: string, isFolder: boolean) =>
    new Proxy(handle, {
      get(target, property) {
        const found = Reflect.get(target, property) as unknown;
        if (typeof found !== 'function') return found;
        const call = found.bind(target) as (...given: unknown[]) => Promise<unknown>;
        if (property === 'sync') {
          return async () => {
            await call();
            if (isFolder) steps.push({ kind: 'syncFolder', path });
            else changed('sync', path);
          };
        }
        if (property !== 'writeFile' && property !== 'appendFile') return call;
        return async (...given: unknown[]) => {
          await call(...given);
          changed('content', path);
        };
      },
    });
  return {
    ...original,
    open: (async (path: string, flags: string) => {
      const handle = await original.open(path, flags);
      const isFolder = (await handle.stat()).isDirectory();
      if (!isFolder) named(path);
      if (flags === 'w') changed('content', path);
      return handleOf(handle, path, isFolder);
    }) as typeof original.open,
    writeFile: (async (path: string, data: string) => {
      await original.writeFile(path, data);
      named(path);
      changed('content', path);
    }) as typeof original.writeFile,
    copyFile: (async (from: string, to: string) => {
      await original.copyFile(from, to);
      named(to);
      changed('content', to);
    }) as typeof original.copyFile,
    truncate: (async (path: string, length: number) => {
      await original.truncate(path, length);
      changed('content', path);
    }) as typeof original.truncate,
    mkdir: (async (path: string, options: { recursive: true }) => {
      for (let at = path; isInside(at) && at !== root && !real.existsSync(at); at = dirname(at))
        steps.push({ kind: 'name', path: at, file: 'folder' });
      return original.mkdir(path, options);
    }) as typeof original.mkdir,
    rename: (async (from: string, to: string) => {
      await original.rename(from, to);
      const file = fileAt.get(from);
      if (file === undefined) return;
      fileAt.delete(from);
      fileAt.set(to, file);
      steps.push({ kind: 'rename', from, to });
    }) as typeof original.rename,
    rm: (async (path: string, options: object) => {
      await original.rm(path, options);
      removed(path);
    }) as typeof original.rm,
  };
}

/** `node:fs` with the recording of the calls that the code uses with a callback. */
export function recordedFs(original: typeof fs): typeof fs {
  real = original;
  const pathOf = new Map<number, string>();
  const open = promisify(original.open);
  const write = promisify(original.write);
  const sync = promisify(original.fsync);
  const custom = (call: (...given: never[]) => Promise<unknown>) =>
    Object.assign(() => undefined, { [promisify.custom]: call });
  return {
    ...original,
    open: custom(async (path: string, flags: string) => {
      const descriptor = await open(path, flags);
      pathOf.set(descriptor, path);
      named(path);
      return descriptor;
    }) as never,
    write: custom(async (descriptor: number, bytes: Buffer, offset: number, length: number) => {
      const written = await write(descriptor, bytes, offset, length);
      changed('content', pathOf.get(descriptor) ?? '');
      return written;
    }) as never,
    fsync: custom(async (descriptor: number) => {
      await sync(descriptor);
      changed('sync', pathOf.get(descriptor) ?? '');
    }) as never,
  };
}

/** Every folder that a power loss could leave, after every step, without those that are equal. */
export function* remains(): Generator<Remains> {
  const seen = new Set<string>();
  for (let count = 0; count <= steps.length; count++) {
    for (const found of remainsAfter(steps.slice(0, count))) {
      const key = JSON.stringify([
        found.marks,
        ...Array.from(found.files, ([path, bytes]) => [path, bytes.toString('base64')]),
      ]);
      if (!seen.has(key)) yield found;
      seen.add(key);
    }
  }
}

type Names = Map<string, number | 'folder'>;

function* remainsAfter(done: readonly Step[]): Generator<Remains> {
  const durable: Names = new Map();
  let pending: Step[] = [];
  const content = new Map<number, { now: Buffer; synced: Buffer }>();
  const marks: string[] = [];
  for (const step of done) {
    if (step.kind === 'mark') marks.push(step.text);
    else if (step.kind === 'content' || step.kind === 'sync') {
      const known = content.get(step.file)?.synced ?? Buffer.alloc(0);
      content.set(step.file, { now: step.bytes, synced: step.kind === 'sync' ? step.bytes : known });
    } else if (step.kind === 'syncFolder') {
      const isSynced = (one: Step) => foldersOf(one).includes(step.path);
      for (const one of pending.filter(isSynced)) apply(durable, one);
      pending = pending.filter((one) => !isSynced(one));
    } else pending.push(step);
  }
  for (let kept = 0; kept <= pending.length; kept++) {
    const names: Names = new Map(durable);
    for (const step of pending.slice(0, kept)) apply(names, step);
    for (const contentOf of [onlySynced, zeroes, everything])
      yield { files: filesOf(names, content, contentOf), marks };
  }
}

type Content = { readonly now: Buffer; readonly synced: Buffer };
const onlySynced = ({ synced }: Content) => synced;
const everything = ({ now }: Content) => now;
/** The length is on disk, but not the bytes. */
const zeroes = ({ now, synced }: Content) =>
  now.equals(synced)
    ? now
    : Buffer.concat([synced.subarray(0, now.length), Buffer.alloc(Math.max(0, now.length - synced.length))]);

function foldersOf(step: Step): string[] {
  if (step.kind === 'rename') return [dirname(step.from), dirname(step.to)];
  return step.kind === 'name' || step.kind === 'remove' ? [dirname(step.path)] : [];
}

function apply(names: Names, step: Step): void {
  if (step.kind === 'name') names.set(step.path, step.file);
  if (step.kind === 'remove') names.delete(step.path);
  if (step.kind !== 'rename') return;
  const file = names.get(step.from);
  names.delete(step.from);
  if (file !== undefined) names.set(step.to, file);
}

function filesOf(
  names: Names,
  content: ReadonlyMap<number, Content>,
  contentOf: (of: Content) => Buffer,
): Map<string, Buffer> {
  const hasFolders = (path: string): boolean =>
    dirname(path) === root || (names.get(dirname(path)) === 'folder' && hasFolders(dirname(path)));
  const files = new Map<string, Buffer>();
  for (const [path, file] of names) {
    if (file === 'folder' || !hasFolders(path)) continue;
    const found = content.get(file);
    files.set(path, found ? contentOf(found) : Buffer.alloc(0));
  }
  return files;
}

/** Writes what a power loss left into another folder. */
export function restore({ files }: Remains, folder: string): void {
  for (const [path, bytes] of files) {
    const target = join(folder, relative(root, path));
    real.mkdirSync(dirname(target), { recursive: true });
    real.writeFileSync(target, bytes);
  }
}
