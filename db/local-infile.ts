import { finished, PassThrough, Readable } from 'node:stream';

/** What mysql2 reads for one LOAD DATA LOCAL. */
export interface LocalInfile {
  readonly input: Readable;
  /** The error of the source, when it had one. */
  failure(): Error | undefined;
  /** Ends the input early; the statement must have been killed before. */
  stop(reason: Error): void;
  /** To be called when the statement is over, whatever became of it. */
  release(): void;
}

// A packet of MySQL's protocol holds less than 16 MiB, and mysql2 writes a chunk as one packet.
const pieceBytes = 1 << 20;

/**
 * Feeds `source` to mysql2. mysql2 answers a broken stream with a proper end of file, so the server would keep the
 * rows that were sent; `kill` therefore runs to its end before mysql2 hears of a failure, and the server throws the
 * statement away.
 */
export function localInfile(source: Readable | Buffer, kill: () => Promise<void>): LocalInfile {
  const stream = Buffer.isBuffer(source) ? Readable.from(pieces(source)) : source;
  const input = new PassThrough();
  let failed: Error | undefined;
  let isOver = false;
  const breakOff = async (error: Error) => {
    await kill();
    input.destroy(error);
  };
  const cleanUp = finished(stream, { writable: false }, (error) => {
    if (!error || isOver) return;
    failed = error;
    void breakOff(error);
  });
  input.on('error', () => undefined);
  stream.pipe(input);
  return {
    input,
    failure: () => failed,
    stop: (reason) => void input.destroy(reason),
    release() {
      isOver = true;
      cleanUp();
      stream.destroy();
      input.destroy();
    },
  };
}

function* pieces(buffer: Buffer) {
  for (let at = 0; at < buffer.length; at += pieceBytes) yield buffer.subarray(at, at + pieceBytes);
}
