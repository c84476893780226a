/** The streams of one connection, made with the first that is opened or comes: most connections carry datagrams alone. */
import type { Connection } from '../../connection/connection.ts';
import type { Instant } from '../../contract.ts';
import type { StreamCommand } from '../../streams/interface.ts';
import { ConnectionStreams } from '../../streams/streams.ts';
import type { PeerContext } from '../base/context.ts';
import type { ConnectionId } from '../base/interface.ts';

export class CarriedStreams {
  private readonly context: PeerContext;
  private readonly path: ConnectionId;
  private readonly connection: Connection;
  /** The friend's side opens streams, the host's takes them. */
  private readonly opens: boolean;
  private streams: ConnectionStreams | null = null;

  constructor(context: PeerContext, path: ConnectionId, connection: Connection, opens: boolean) {
    this.context = context;
    this.path = path;
    this.connection = connection;
    this.opens = opens;
  }

  obey(now: Instant, command: StreamCommand): void {
    this.made(now).obey(now, command);
  }

  receive(now: Instant, body: Uint8Array): void {
    this.made(now).receive(now, body);
  }

  /** `dead`: the former path brings nothing any more. */
  switched(now: Instant, rttMs: number, dead: boolean): void {
    this.streams?.switched(now, rttMs, dead);
  }

  /** A path answers again. */
  revived(now: Instant): void {
    this.streams?.revived(now);
  }

  /** The connection is over, and with it every stream. */
  close(now: Instant): void {
    this.streams?.close(now);
  }

  private made(now: Instant): ConnectionStreams {
    const { connection, opens, path, context } = this;
    this.streams ??= new ConnectionStreams(
      now,
      connection.current?.rttMs ?? 0,
      // What a service takes is for the application to say: it refuses what it does not have.
      { agenda: context.agenda, opens, takes: () => true },
      {
        room: (at) => connection.framesRoom(at),
        transmit: (at, body) => connection.sendFrames(at, body),
        event: (_at, event) => context.out.event({ ...event, path }),
      },
    );
    return this.streams;
  }
}
