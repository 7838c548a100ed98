import { finished, Readable, Transform, type Writable } from 'node:stream';

/** The file of one LOAD DATA LOCAL. */
export interface LocalInfile {
  /** To be called by mysql2, which listens from then on: an error that came before would leave it waiting for ever. */
  readonly open: () => Readable;
  /** Ends the file early. */
  readonly stop: (reason: Error) => void;
  /** The error of the source, when it had one. */
  readonly failure: () => Error | undefined;
  /** To be called when the statement is over, whatever became of it. */
  readonly release: () => void;
}

// A packet of MySQL's protocol holds less than 16 MiB, and mysql2 writes a chunk as one packet.
const pieceBytes = 1 << 20;

/**
 * Feeds `source` to mysql2, no faster than `socket`, the connection's, takes it: mysql2 itself writes on and on, and a
 * whole file would wait in memory. A source that breaks ends the file early, which the server takes for its proper end: only
 * a rollback removes the rows before the break.
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
