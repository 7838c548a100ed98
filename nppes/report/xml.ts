import { TextDecoder } from 'node:util';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { NppesError } from '../errors.ts';
import type { Member } from '../transfer/zip.ts';

export type XmlAttributes = Readonly<Record<string, string>>;

/** Called for the pieces of an XML member, in order. Names come without their namespace prefix. */
export interface XmlVisitor {
  readonly open: (name: string, attributes: XmlAttributes) => void;
  readonly text?: (text: string) => void;
  readonly close?: (name: string) => void;
}

/**
 * Reads a member as XML in UTF-8. After each chunk it yields the number of bytes read so far, so that the caller can pass on
 * what the visitor has collected. Entities that a document declares itself are not expanded.
 * @throws NppesError FileDamaged when the XML is broken or cut off, or what `member` throws
 */
export async function* readXml(member: Member, visitor: XmlVisitor): AsyncGenerator<number> {
  const parser = parserFor(member, visitor);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let readBytes = 0;
  for await (const chunk of (await member.open()) as AsyncIterable<Uint8Array>) {
    readBytes += chunk.length;
    parser.write(decoded(member, decoder, chunk));
    yield readBytes;
  }
  parser.write(decoded(member, decoder)).close();
  yield readBytes;
}

function parserFor(member: Member, { open, text, close }: XmlVisitor): SaxesParser {
  const parser = new SaxesParser();
  // The parser's own message may quote the file, so it is not passed on.
  parser.on('error', () => {
    throw new NppesError(
      'FileDamaged',
      `${member.name} is broken XML, or is cut off, at character ${parser.position}.`,
    );
  });
  parser.on('opentag', ({ name, attributes }: SaxesTagPlain) => open(local(name), attributes));
  if (text) {
    parser.on('text', text);
    parser.on('cdata', text);
  }
  if (close) parser.on('closetag', ({ name }) => close(local(name)));
  return parser;
}

function local(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function decoded({ name }: Member, decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new NppesError('FileDamaged', `${name} is not UTF-8.`);
  }
}
