import { dirname, join } from 'node:path';
import { ConfigError } from './config-error.ts';
import { readEnvFile } from './env-file.ts';
import { variables as known } from './variables.ts';

/** What the `.env` of this folder and of the folders above mean for a command in this folder. */
export interface EnvFiles {
  /** How many variables of this service the `.env` of this folder has. */
  readonly readCount: number;
  /** Variables that the environment sets to another value than the `.env` of this folder. */
  readonly overridden: readonly string[];
  /** The nearest `.env` above that sets what is not set here. No command in this folder reads it. */
  readonly unread?: { readonly path: string; readonly names: readonly string[] };
}

/** `variables` is the environment without the `.env`. */
export function envFiles(variables: Readonly<Record<string, string | undefined>>, folder: string): EnvFiles {
  const own = ofService(join(folder, '.env'));
  const overridden = Object.keys(own).filter(
    (name) => variables[name] !== undefined && variables[name] !== own[name],
  );
  const unread = nearestAbove(folder, (name) => variables[name] === undefined && own[name] === undefined);
  return { readCount: Object.keys(own).length, overridden, ...(unread && { unread }) };
}

function nearestAbove(folder: string, isUnset: (name: string) => boolean): EnvFiles['unread'] {
  const above = dirname(folder);
  if (above === folder) return undefined;
  const path = join(above, '.env');
  const names = Object.keys(ofService(path)).filter(isUnset);
  return names.length > 0 ? { path, names } : nearestAbove(above, isUnset);
}

/** The variables of this service in a file. A file that cannot be read has none. */
function ofService(path: string): Record<string, string> {
  try {
    const found = Object.entries(readEnvFile(path));
    return Object.fromEntries(found.filter(([name]) => name in known.shape || name.startsWith('TEMPORAL_')));
  } catch (error) {
    if (error instanceof ConfigError) return {};
    throw error;
  }
}
