import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * What happens to a statement. `pass`: it goes through. `before` and `after`: the worker is stopped before the
 * statement arrives or after it took effect. `held`: it waits until `release` is called. `unknown`: the proxy answers that
 * it does not know the command. `lost`: the proxy answers that it was done, and the server never sees it.
 */
export type Verdict = 'pass' | 'before' | 'after' | 'held' | 'unknown' | 'lost';

export interface SqlProxy {
  readonly port: number;
  /** Sends the held statements to the server. */
  release(): void;
  /** Breaks every connection, like a network failure. */
  drop(): void;
  /** Keeps every open connection but passes nothing on, like a host that vanished behind a load balancer. */
  freeze(): void;
  close(): Promise<void>;
}

const comQuery = 3;

/**
 * A proxy in front of MySQL that shows each statement to `judge` first. Every verdict except `pass`, `unknown` and `lost` calls
 * `stop`, which kills or freezes the worker. With `before`, the statement is sent once `stop` has returned;
 * with `held`, once `release` is called; with `after`, the server runs it first and its answer waits for
 * `stop`. The proxy sees the statements that mysql2 sends as COM_QUERY without TLS.
 */
export async function startSqlProxy(
  target: { readonly host: string; readonly port: number },
  { judge, stop }: { judge(sql: string): Verdict; stop(): void },
): Promise<SqlProxy> {
  const sockets = new Set<Socket>();
  const freezers = new Set<() => void>();
  const held: (() => void)[] = [];
  const server = createServer((client) => {
    sockets.add(client);
    client.once('close', () => sockets.delete(client));
    const upstream = connect(target.port, target.host);
    let isAnswerHeld = false;
    let isFrozen = false;
    const freeze = () => {
      isFrozen = true;
    };
    freezers.add(freeze);
    client.once('close', () => freezers.delete(freeze));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
    upstream.on('data', (bytes: Buffer) => {
      if (isFrozen) return;
      if (isAnswerHeld) stop();
      isAnswerHeld = false;
      client.write(bytes);
    });
    eachPacket(client, (packet) => {
      if (isFrozen) return;
      const verdict = packet[3] === 0 && packet[4] === comQuery ? judge(statementOf(packet)) : 'pass';
      if (verdict === 'before' || verdict === 'held') stop();
      if (verdict === 'after') isAnswerHeld = true;
      if (verdict === 'unknown') client.write(unknownCommand);
      else if (verdict === 'lost') client.write(done);
      else if (verdict === 'held') held.push(() => upstream.write(packet));
      else upstream.write(packet);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    release: () => {
      for (const pass of held.splice(0)) pass();
    },
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    freeze: () => {
      for (const freeze of freezers) freeze();
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** The answer 1047 to a statement: an error packet with the sequence number 1. */
const unknownCommand = packetOf(
  1,
  Buffer.concat([Buffer.from([0xff, 0x17, 0x04]), Buffer.from('#08S01Unknown command')]),
);

/** The answer OK: no rows, no id, autocommit, no warnings. */
const done = packetOf(1, Buffer.from([0, 0, 0, 2, 0, 0, 0]));

function packetOf(sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence;
  return Buffer.concat([header, payload]);
}

/** The text of a COM_QUERY. Since MySQL 8.0.23, two bytes before it say that the query has no attributes. */
function statementOf(packet: Buffer): string {
  const hasCounts = packet[5] === 0 && packet[6] === 1;
  return packet.toString('utf8', hasCounts ? 7 : 5).trimStart();
}

/** Splits the stream into MySQL packets: three bytes of length, one of sequence, then the payload. */
function eachPacket(socket: Socket, onPacket: (packet: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4) {
      const end = 4 + rest.readUIntLE(0, 3);
      if (rest.length < end) break;
      onPacket(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  });
}
