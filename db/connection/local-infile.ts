import { finished, Readable, Transform, type Writable } from 'node:stream';

/** The file of one LOAD DATA LOCAL. */
export interface LocalInfile {
  /** mysql2 calls it, and listens for errors only from then on. An earlier error would leave it waiting forever. */
  readonly open: () => Readable;
  /** Ends the file early. */
  readonly stop: (reason: Error) => void;
  /** The error of the source, if any. */
  readonly failure: () => Error | undefined;
  /** Call it when the statement has ended, with or without an error. */
  readonly release: () => void;
}

// mysql2 writes each chunk as one packet, and a packet of MySQL's protocol holds less than 16 MiB.
const pieceBytes = 1 << 20;

/**
 * Feeds `source` to mysql2 no faster than `socket`, the socket of the connection, accepts it. mysql2 ignores backpressure,
 * so a whole file would queue in memory. If the source fails, the file ends early, and the server cannot distinguish that
 * from its real end: only a rollback removes the rows before the failure.
 */
export function localInfile(source: Readable | Buffer, socket: Writable): LocalInfile {
  const stream = Buffer.isBuffer(source) ? Readable.from(pieces(source)) : source;
  const input = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (socket.writableNeedDrain) socket.once('drain', () => done(null, chunk));
      else done(null, chunk);
    },
  });
  let isOpen = false;
  let failed: Error | undefined;
  let stopped: Error | undefined;
  stream.on('error', (error) => (failed ??= error));
  input.on('error', () => undefined);

  function open(): Readable {
    isOpen = true;
    finished(stream, { writable: false }, (error) => {
      if (!error || !isOpen) return;
      failed ??= error;
      input.destroy(failed);
    });
    if (stopped === undefined) stream.pipe(input);
    else setImmediate(() => input.destroy(stopped));
    return input;
  }

  function stop(reason: Error): void {
    stopped = reason;
    if (isOpen) input.destroy(reason);
  }

  function release(): void {
    isOpen = false;
    stream.destroy();
    input.destroy();
  }

  return { open, stop, failure: () => failed, release };
}

function* pieces(buffer: Buffer) {
  for (let at = 0; at < buffer.length; at += pieceBytes) yield buffer.subarray(at, at + pieceBytes);
}
