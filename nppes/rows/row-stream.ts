import type { Readable } from 'node:stream';
import type { RowBlock } from './row-block.ts';
import type { WantedColumn } from './layout.ts';
import { RowReader } from './row-reader.ts';

export interface ReadInput {
  readonly member: Readable;
  readonly wanted: readonly WantedColumn[];
  readonly rowsPerBlock: number;
  readonly afterRow: number;
  /** Size of the window in which records are read. It grows when a record needs more. */
  readonly windowBytes?: number;
}

/**
 * Reads a member `npidata_pfile_….csv`, or a reference file, from its first byte and yields its rows in blocks of `rowsPerBlock`, but only rows
 * after row number `afterRow`. The rows are the same no matter where an earlier reading stopped. The reader works one block
 * ahead of the caller and has two buffers for blocks, which limits its memory: **a block is valid until the next one is
 * requested**. Unusually long lines end a block before it has `rowsPerBlock` rows.
 * @throws NppesError ColumnMissing, FileDamaged (no header, or the file ends inside quotes), or what `member` throws.
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
    // A caller that stops early leaves a block in progress, which may be waiting for bytes that nobody needs any more.
    input.member.destroy();
    await next.catch(() => undefined);
    await blocks.return(undefined);
  }
}

/** Starts reading the next block. If that fails, the error reaches the caller when it awaits the block. */
function ahead(blocks: AsyncGenerator<RowBlock>): Promise<IteratorResult<RowBlock>> {
  const next = blocks.next();
  next.catch(() => undefined);
  return next;
}

async function* readBlocks({
  member,
  windowBytes = 256 << 10,
  ...input
}: ReadInput): AsyncGenerator<RowBlock> {
  const reader = new RowReader({ ...input, windowBytes });
  for await (const chunk of member as AsyncIterable<Uint8Array>) {
    reader.readBytes += chunk.length;
    for (let at = 0; at < chunk.length;) {
      at += reader.window.fill(chunk, at);
      // Reading only full windows makes the result independent of the sizes of the chunks.
      if (reader.window.isFull) yield* reader.blocks();
    }
  }
  reader.window.finish();
  yield* reader.blocks();
  const last = reader.lastBlock();
  if (last) yield last;
}
