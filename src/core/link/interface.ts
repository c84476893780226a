/**
 * What the `Peer` machine needs of the link to the master (`link/link.ts`): a session that makes itself, comes back by
 * itself, carries requests from any socket of the participant, and lends the master's probe ports as mapping sources.
 */
import type { Endpoint } from '../address.ts';
import type { Machine, SocketId, SocketIds } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { LogData } from '../model/log.ts';
import type { Random } from '../random.ts';
import type { CryptoSuite, KeyPair } from '../secure/crypto.ts';
import type { MappingSource } from '../sources/source.ts';
import type { Push, Request, Response } from '../wire/messages.ts';
import type { RelayPlace } from '../wire/relay.ts';

/** What a master link says: `sallyport://198.51.100.7:8430/#KEY`, its name already resolved. */
export interface MasterAddress {
  /** Pinned; another key is MASTER_KEY_MISMATCH. */
  readonly key: Uint8Array;
  readonly addresses: readonly string[];
  readonly port: number;
  /** Another UDP port of the same addresses, where there is one. */
  readonly furtherPort?: number;
  /** There is an HTTPS server, and whoever drives the machine knows where: sockets may be opened `through: 'tls'`. */
  readonly tunnel?: boolean;
}

/** How a participant reaches its master: its UDP port, a further one, or a tunnel through its HTTPS server. */
export type MasterWay = 'udp' | 'further' | 'tls';

export interface LinkConfig {
  readonly crypto: CryptoSuite;
  readonly random: Random;
  readonly sockets: SocketIds;
  readonly identity: KeyPair;
  readonly master: MasterAddress;
  /** Milliseconds since 1970: the time stamp in HELLO that makes its replay worthless. */
  readonly wallClock: () => number;
}

export type LinkCommand =
  | { readonly do: 'start' }
  /**
   * Answered by exactly one `response` with the same `ref`: the master's, or `failed` MASTER_UNREACHABLE when all tries went
   * unanswered. Waits for the session where there is none yet. `socket`: where it is sent from; null = the link's own. `family`:
   * the socket's, where it is not that of the session: the master is then asked at its address of that family.
   */
  | {
      readonly do: 'request';
      readonly ref: number;
      readonly request: Request;
      readonly socket: SocketId | null;
      readonly family?: 4 | 6;
    }
  /** Forget a request: no response any more. */
  | { readonly do: 'cancel'; readonly ref: number }
  /** The network of this computer has changed: another session, from another socket, at once. */
  | { readonly do: 'nudge' }
  /** The name of the master leads here now: the next round of handshakes goes there. None: as before. */
  | { readonly do: 'addresses'; readonly addresses: readonly string[] }
  /** An idle mapping lives so long at least on the line that we have; null: that is not known. */
  | { readonly do: 'hold'; readonly lifeMs: number | null }
  /** Answers are waited for that come to this session alone: it is kept for 5 s, though our address has changed. */
  | { readonly do: 'stay' }
  /** Ends quietly: no datagram, the socket closed. A goodbye is a request made before. */
  | { readonly do: 'close' };

export type LinkEvent =
  /** `up` is told again after every new handshake: what the master knew of us may be gone, so hosts register again. */
  | {
      readonly ev: 'state';
      readonly state: 'connecting' | 'up' | 'lost';
      readonly failure: FailureCode | null;
      readonly rttMs: number | null;
      /** Where `up`. Over TLS the responses say `NOWHERE` of where we were observed: it has nothing to do with our UDP. */
      readonly way?: MasterWay;
    }
  | { readonly ev: 'response'; readonly ref: number; readonly response: Response }
  /** Each push once, already acknowledged. */
  | { readonly ev: 'push'; readonly push: Push }
  /** What the master says of its fleet, with every echo and heartbeat. 0: it is none. */
  | { readonly ev: 'serial'; readonly serial: number }
  | { readonly ev: 'log'; readonly what: 'link'; readonly data: LogData }
  /** The relays of the master are known, or others than before. */
  | { readonly ev: 'relays'; readonly relays: readonly RelayPlace[] }
  /** Our address as the master sees the link's own socket: first known, or changed (the NAT has let go of the mapping). */
  | { readonly ev: 'observed'; readonly observed: Endpoint };

/** Which of the nodes of a fleet: those of a code (empty: whichever knows the host), or the one with this name; '' is the master of the link. */
export type Destination = { readonly code: string } | { readonly node: string };

/** What `Masters` obeys: a link, and what it makes of it where the master is a fleet. */
export type MastersCommand =
  /** `at` left out: the node that the session it is about has come by, else any. */
  | (LinkCommand & { readonly at?: Destination })
  /** A host with this code is here: it has sessions with the nodes of its code from now on. Null: none any more. */
  | { readonly do: 'stand'; readonly code: string | null };

export type MastersEvent =
  | Exclude<LinkEvent, { readonly ev: 'push' | 'serial' }>
  | { readonly ev: 'push'; readonly push: Push; readonly node: string }
  /** A session with a node is up anew, lost, or about to end because it is no longer of use there. */
  | { readonly ev: 'node'; readonly node: string; readonly state: 'up' | 'lost' | 'left' };

/** What a participant has of its master, be that one or a fleet. */
interface MasterView {
  /** The link's own socket; 0 before `start`. */
  readonly socket: SocketId;
  /** Of the master, as its name led to them last. */
  readonly addresses: readonly string[];
  /** The relays of the master; empty until it has named them. */
  readonly relays: readonly RelayPlace[];
  /** How the session goes, or the last one went; null before the first. Over TLS, sockets towards its relay have to be tunnels too. */
  readonly way: MasterWay | null;
  /** The master has let us in at its door, and has said nothing at the port that it has sent us to so far. */
  readonly atDoor: boolean;
  /** The probe ports of the master; empty before the session is up. */
  readonly sources: readonly MappingSource[];
}

export interface LinkMachine extends Machine<LinkCommand, LinkEvent>, MasterView {}
export interface MastersMachine extends Machine<MastersCommand, MastersEvent>, MasterView {}
