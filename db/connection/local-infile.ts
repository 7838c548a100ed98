import { once } from 'node:events';
import { finished, Readable, Transform, type Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

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

// mysql2 writes each chunk as one packet. Larger packets are no faster.
const mostPieceBytes = 1 << 20;

/**
 * Feeds `source` to mysql2 in packets that the server accepts, and no faster than `socket`, the socket of the connection,
 * accepts them. mysql2 ignores backpressure, so a whole file would queue in memory. If the source fails, the file ends
 * early, and the server cannot distinguish that from its real end: only a rollback removes the rows before the failure.
 */
export function localInfile(
  source: Readable | Buffer,
  { socket, maxPacketBytes }: { readonly socket: Writable; readonly maxPacketBytes: number },
): LocalInfile {
  const stream = Buffer.isBuffer(source) ? Readable.from([source]) : source;
  const pieceBytes = Math.min(mostPieceBytes, Math.floor(maxPacketBytes / 2));
  const input = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      // oxlint-disable-next-line promise/no-callback-in-promise -- a stream has no other way to learn the end
      passOn(chunk).then(() => done(), done);
    },
  });

  async function passOn(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      // mysql2 takes the piece before only in the next turn of the event loop.
      if (at > 0) await nextTurn();
      if (socket.writableNeedDrain) await once(socket, 'drain');
      input.push(chunk.subarray(at, at + pieceBytes));
    }
  }

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
