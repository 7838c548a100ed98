import type { Readable } from 'node:stream';
import type { RowBlock } from './row-block.ts';
import type { WantedColumn } from './layout.ts';
import { RowReader } from './row-reader.ts';

export interface ReadInput {
  readonly member: Readable;
  readonly wanted: readonly WantedColumn[];
  readonly rowsPerBlock: number;
  readonly afterRow: number;
  /** How much of the file is looked at together, unless a record needs more. */
  readonly arenaBytes?: number;
}

/**
 * Reads a member `npidata_pfile_….csv` from its first byte and gives its rows in blocks of `rowsPerBlock`, those after
 * row number `afterRow` only. A row is the same wherever an earlier reading stopped. Reading runs one block ahead of
 * whoever loads; there are two buffers for blocks and memory is bounded by them, so **a block is valid until the next
 * one is asked for**. Lines of unusual length end a block before its rows are complete.
 * @throws NppesError ColumnMissing, FileDamaged (no header, or the end inside quotes), or what `member` throws.
 */
export async function* readRows(input: ReadInput): AsyncGenerator<RowBlock> {
  const blocks = readBlocks(input);
  let next = ahead(blocks);
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = ahead(blocks);
      yield value;
    }
  } finally {
    // Who stops early leaves a block under way, perhaps waiting for bytes that are not needed any more.
    input.member.destroy();
    await next.catch(() => undefined);
    await blocks.return(undefined);
  }
}

/** A block that is read meanwhile; its failure is told to whoever asks for it. */
function ahead(blocks: AsyncGenerator<RowBlock>): Promise<IteratorResult<RowBlock>> {
  const next = blocks.next();
  next.catch(() => undefined);
  return next;
}

async function* readBlocks({
  member,
  arenaBytes = 256 << 10,
  ...input
}: ReadInput): AsyncGenerator<RowBlock> {
  const reader = new RowReader({ ...input, arenaBytes });
  for await (const chunk of member as AsyncIterable<Uint8Array>) {
    reader.readBytes += chunk.length;
    for (let at = 0; at < chunk.length;) {
      at += reader.arena.fill(chunk, at);
      // One look at much instead of many at little: how the member was cut makes no difference.
      if (reader.arena.isFull) yield* reader.blocks();
    }
  }
  reader.arena.finish();
  yield* reader.blocks();
  const last = reader.lastBlock();
  if (last) yield last;
}
