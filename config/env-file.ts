import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError } from './config-error.ts';

/**
 * The variables of a file in the form of a `.env`: UTF-8, or UTF-16 with a byte order mark, as editors on Windows save it.
 * Empty when there is no such file.
 * @throws ConfigError when the file cannot be read as it was meant. Ignored, a command would use another database.
 */
export function readEnvFile(path: string): Record<string, string> {
  const text = decoded(path, bytesOf(path));
  const variables = parseEnv(text) as Record<string, string>;
  for (const name of Object.keys(variables)) {
    if (/^[\x21-\x7e]+$/.test(name)) continue;
    throw new ConfigError(
      `${path} has a variable whose name contains an invisible or non-ASCII character: ${JSON.stringify(name)}. Type the line again.`,
    );
  }
  return variables;
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return Buffer.alloc(0);
    throw new ConfigError(`${path} cannot be read (${code}). Make it a file that this user can read.`, {
      cause: error,
    });
  }
}

function decoded(path: string, bytes: Buffer): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    // It drops a byte order mark.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new ConfigError(`${path} is not a text in UTF-8. Save it in your editor with the encoding UTF-8.`);
}
