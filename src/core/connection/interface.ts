/** What a connection needs, what it tells, and its phases. */
import type { Endpoint } from '../address.ts';
import type { Agenda } from '../agenda.ts';
import type { Instant, SocketId } from '../contract.ts';
import type { Random } from '../random.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { ConnectionKeys } from '../secure/ratchet.ts';
import type { LeaveReason } from './datagram.ts';
import type { GameState } from './game.ts';
import type { Path } from './path.ts';
import type { SharedLine } from './shared-line.ts';

/** Where a connection puts what it sends and tells. */
export interface ConnectionPort {
  transmit(socket: SocketId, to: Endpoint, bytes: Uint8Array): void;
  message(bytes: Uint8Array, lane: number): void;
  /** Frames of streams have come. The bytes may be written over once this has returned. */
  frames(now: Instant, body: Uint8Array): void;
  event(now: Instant, event: ConnectionEvent): void;
  /** No path of the connection needs the socket any more. */
  free(now: Instant, socket: SocketId): void;
  /** Datagrams that begin with these 8 bytes are for this connection, or are no more. */
  listen(label: string, n: number): void;
  deaf(label: string): void;
}

export type ConnectionEvent =
  /** The first path is ready: from here on the application may send. */
  | { readonly ev: 'up'; readonly path: Path }
  /** Data goes another way, or the other side has moved. */
  | { readonly ev: 'switched'; readonly path: Path; readonly from: Path }
  | { readonly ev: 'too-large'; readonly bytes: number; readonly payloadBytesMax: number }
  | { readonly ev: 'over'; readonly reason: 'consent' | LeaveReason }
  | { readonly ev: 'rtt'; readonly rttMs: number }
  /** No path works. `false`: one does again. */
  | { readonly ev: 'silent'; readonly silent: boolean }
  /** Questions over this way have no answer: does the relay still know us? A NAT may have moved us without a word. */
  | { readonly ev: 'relay-quiet'; readonly socket: SocketId }
  /** A path without a relay does not answer, or there is none: a further one should be looked for. */
  | { readonly ev: 'wanting' }
  /** What the other side, a host, says of its game; told when it is another state than before. */
  | { readonly ev: 'game'; readonly service: number; readonly state: GameState }
  /** More is sent than the line takes; `false`: not any more. */
  | { readonly ev: 'upload'; readonly full: boolean }
  /** The path that was wanting works again, or another one does. */
  | { readonly ev: 'content' };

export interface ConnectionConfig {
  readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  readonly random: Random;
  readonly agenda: Agenda;
  readonly keys: ConnectionKeys;
  /** All connections of a participant, as a rule, leave by one. */
  readonly line: SharedLine;
}

/** `wanting`: it is up, but of the paths that need no relay none works, so whoever has it looks for one. */
export type ConnectionPhase = 'coming' | 'up' | 'wanting' | 'over';

/** Which phase may follow which, and when. */
export const CONNECTION_PHASES = {
  coming: { up: 'its first path is ready', over: 'it is given up before it had a path' },
  up: {
    wanting: 'a path without a relay does not answer, loses too much or is gone',
    over: 'its last path is gone, or either side leaves',
  },
  wanting: {
    up: 'a path without a relay works, that one or another',
    over: 'its last path is gone, or either side leaves',
  },
  over: {},
} as const satisfies Record<ConnectionPhase, Partial<Record<ConnectionPhase, string>>>;
