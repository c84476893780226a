/**
 * What the application may ask of a participant (`PeerCommand`) and what it learns (`PeerEvent`). One `Peer` machine is a
 * host, a client or both: it owns the link to the master, the detector, the hosting, the joins and the paths.
 * `src/agent` wraps it for the library and the command; `src/sim` drives the very same machine in virtual time.
 */

import type { Endpoint } from '../../address.ts';
import type { GameState } from '../../connection/game.ts';
import type { SocketId } from '../../contract.ts';
import type { FailureCode } from '../../errors.ts';
import type { MasterWay } from '../../link/interface.ts';
import type { HostAnnouncement, ListEntry } from '../../model/listing.ts';
import type { LogData } from '../../model/log.ts';
import type { LocalNetwork } from '../../model/network.ts';
import type { PathKind, PlanSummary } from '../../model/pair.ts';
import type { FailureReason, Help, NatPair, NextAttempt, StageReason } from '../../model/progress.ts';
import type { Service } from '../../model/service.ts';
import type { NatProfile, ProbeResult } from '../../nat/profile.ts';
import type { Cooling } from '../../sources/rotation.ts';
import type { StreamCommand, StreamEvent } from '../../streams/interface.ts';
import type { RelayMode } from './relay-choice.ts';

export type JoinId = number;
/**
 * One connection of two participants. In commands and events its field is `path`: the application has one path to whoever is at the other end,
 * and does not see the several (`PathView`) that carry it.
 */
export type ConnectionId = number;
/** Who a friend is, for kick, ban and logs: the first 8 bytes of SHA-256 of its static key, hex. */
export type FriendId = string;
/** A /24 or /48, as a keyed hash that tells nobody which: 16 bytes, hex. */
export type NetworkId = string;
/** Whom a host keeps out: one friend, or everybody from a network. */
export type Ban =
  | { readonly by: 'friend'; readonly friend: FriendId }
  | { readonly by: 'network'; readonly network: NetworkId };

/** What a host remembers of those who have been at its door. */
export interface GuestMemory {
  /** 16 bytes, the key of the hashes in `bans`; absent: a new one, so that bans of networks end with the program. */
  readonly secret?: Uint8Array;
  readonly bans: readonly Ban[];
  /** Friends who have been inside. */
  readonly known: readonly FriendId[];
}

/** One of the ways that a connection has. */
export interface PathView {
  readonly kind: PathKind;
  /**
   * `proving`: no answer has come over it yet. `doubted`: an answer is late, so data goes another way as well. `sick`: it loses more than
   * a tenth, or does not answer.
   */
  readonly state: 'proving' | 'ready' | 'doubted' | 'sick' | 'gone';
  readonly socket: SocketId;
  readonly remote: Endpoint;
  /** The name of the relay; null: none. */
  readonly via: string | null;
  /** 0 before the first answer. */
  readonly rttMs: number;
  readonly jitterMs: number;
  /** Share of our datagrams that the other side did not hear, over the last seconds. */
  readonly loss: number;
  /** The largest UDP payload that it is known to carry; what is larger goes in parts. */
  readonly datagramBytes: number;
  /** May its socket be given away? */
  readonly releasable: boolean;
  /** Does the data go over it? */
  readonly carries: boolean;
}

export type PeerCommand =
  /** Once; before it only `network` and `close` mean anything. */
  | { readonly do: 'start' }
  | {
      readonly do: 'host';
      readonly announcement: HostAnnouncement;
      readonly password: string | null;
      readonly ask: boolean;
      /** What friends may reach; absent: nothing that has a port, the application speaks for itself. Told to those who are let in. */
      readonly services?: readonly Service[];
      /** May connections go through a relay? Absent: `allow`. */
      readonly relay?: RelayMode;
      /** Absent: what this participant remembers from an earlier hosting. */
      readonly guests?: GuestMemory;
    }
  | { readonly do: 'announce'; readonly announcement: HostAnnouncement; readonly players: number }
  | { readonly do: 'unhost' }
  | { readonly do: 'admit'; readonly friend: FriendId; readonly admit: boolean }
  /** Ends its paths and visits; it may come again. */
  | { readonly do: 'kick'; readonly friend: FriendId }
  /** As `kick`, and it is told BANNED from now on; with `network` so is everybody who comes from where it is now. Told by `banned`. */
  | { readonly do: 'ban'; readonly friend: FriendId; readonly network: boolean }
  | { readonly do: 'unban'; readonly ban: Ban }
  | {
      readonly do: 'join';
      readonly join: JoinId;
      /** A join code, any case, dashes allowed. Null where only `hostKey` is known (from a link). */
      readonly code: string | null;
      /** The host's static key, from a link or pinned by an earlier join: with a code that leads to another key, or that does not
       * belong to this one, the join fails with HOST_KEY_CHANGED. */
      readonly hostKey: Uint8Array | null;
      /** Keys of hosts joined earlier, by the name each has at this master: one that comes by such a name with another key fails
       * with HOST_KEY_CHANGED as well. */
      readonly known?: ReadonlyMap<string, Uint8Array>;
      readonly password: string | null;
      readonly name: string;
      /** 32 secret bytes: the key towards this host comes from them. Absent: the identity itself is shown to the host. */
      readonly device?: Uint8Array;
      /** May the connection go through a relay, or must it? The stricter of both sides counts. Absent: `allow`. */
      readonly relay?: RelayMode;
      /** Give up after this long without a path, 0 = never. */
      readonly timeoutMs: number;
      /**
       * A host that ends after we were inside is waited for: `path-lost` says `punchingAgain` then, and `timeoutMs` holds. `from-start`: one
       * that is not online yet, too. Absent: no.
       */
      readonly wait?: boolean | 'from-start';
    }
  | { readonly do: 'abort'; readonly join: JoinId }
  /** `channel` (0 where absent): which service of the host, and which program of the friend (`laneOf`). */
  | { readonly do: 'send'; readonly path: ConnectionId; readonly bytes: Uint8Array; readonly channel?: number }
  | { readonly do: 'leave'; readonly path: ConnectionId }
  /** Streams end with the connection: one that takes its place has its own. */
  | { readonly do: 'stream'; readonly path: ConnectionId; readonly command: StreamCommand }
  /** Of a host: tells the friend at the other end whether its game answers; until then it counts as one that does. */
  | { readonly do: 'game'; readonly path: ConnectionId; readonly service: number; readonly state: GameState }
  /** Hand the socket of a direct path to the application: our packets stop, the driver releases the socket. Nothing happens where
   * there is none, or it came up through a port mapping: several paths share that socket. */
  | { readonly do: 'release'; readonly path: ConnectionId }
  /** Answered by a `stats` event before this returns, where it is up. */
  | { readonly do: 'stats'; readonly path: ConnectionId }
  | { readonly do: 'check' }
  /** Ask the router once more to open a port, as after mapping has been switched on in it. */
  | { readonly do: 'map-port' }
  | { readonly do: 'list'; readonly id: number }
  | { readonly do: 'network'; readonly network: LocalNetwork }
  /** Where the names of the master and of STUN servers lead now. What is empty stays as it was. */
  | {
      readonly do: 'names';
      readonly master: readonly string[];
      readonly stun: readonly Endpoint[];
      /** A name has been looked up with success just now: something of the network works. */
      readonly looked: boolean;
    }
  /** What the driver's UPnP has come to, asked for by an `upnp` event; `external` null where it was refused or removed. */
  | { readonly do: 'upnp'; readonly works: boolean; readonly external: Endpoint | null; readonly family?: 4 | 6 }
  /** The code of a key that a `derive` event asked for; null where no secret has this public key. */
  | { readonly do: 'derived'; readonly key: Uint8Array; readonly code: string | null }
  /** Leaves all paths, says goodbye, and answers `closed` within 300 ms, with no socket open. */
  | { readonly do: 'close' };

export type PeerEvent =
  | {
      readonly ev: 'link';
      readonly state: 'connecting' | 'up' | 'lost';
      readonly failure: FailureCode | null;
      readonly rttMs: number | null;
      /** How, where `up`. */
      readonly way?: MasterWay;
    }
  | {
      readonly ev: 'profile';
      readonly profile: NatProfile;
      readonly final: boolean;
      readonly probes: readonly ProbeResult[];
    }
  /** Handshaken and profiled (or the 2 s for it are over): hosting and joining may be planned. */
  | { readonly ev: 'ready'; readonly profile: NatProfile }
  /** `page`: where the master's web page is (`https://ms.example.org`), for invitations; empty where it has none. */
  | {
      readonly ev: 'hosting';
      readonly code: string;
      readonly hostKey: Uint8Array;
      readonly hostId: string;
      readonly page: string;
    }
  | { readonly ev: 'hosting-failed'; readonly failure: FailureCode }
  /** The driver is asked for the join code of this key (`core/code.ts`: a tenth of a second of scrypt), to be told by `derived`. */
  | { readonly ev: 'derive'; readonly key: Uint8Array }
  /** So many wrong passwords have come in since hosting began; told at the first and then at most once in ten seconds. */
  | { readonly ev: 'wrong-passwords'; readonly count: number }
  /**
   * A friend knocks, is connected, or is gone. One at a time is `asking`: the question to whoever hosts, answered by an `admit` command.
   * The others that ask are `waiting` for theirs; they may be answered, too. `queued` has been let in and waits to be punched.
   */
  | {
      readonly ev: 'peer';
      readonly friend: FriendId;
      /** Which of the friend's programs: 8 bytes, hex. */
      readonly instance: string;
      readonly name: string;
      readonly state: 'asking' | 'waiting' | 'knocking' | 'queued' | 'connected' | 'left' | 'refused';
      readonly path: ConnectionId | null;
    }
  /** To be kept, and given back with the next `host`. `name`: as the friend called itself. */
  | { readonly ev: 'banned'; readonly ban: Ban; readonly name: string }
  /**
   * The code has been resolved, or the link's host is known to the master, and the code belongs to `hostKey`. The host has not shown
   * yet that the key is its own: `networks` says so.
   */
  | { readonly ev: 'found'; readonly join: JoinId; readonly hostKey: Uint8Array; readonly entry: ListEntry }
  /** The host has answered: what both networks are, for "Your side: ... Host: ...". */
  | {
      readonly ev: 'networks';
      readonly join: JoinId;
      readonly own: NatProfile;
      readonly peer: NatProfile;
      /** Either side comes through a relay only: no direct path is looked for. */
      readonly relayedOnly: boolean;
    }
  /** How far a join is; `why` it waits, or whom others wait for before it. */
  | { readonly ev: 'stage'; readonly join: JoinId; readonly stage: JoinStage; readonly why: StageReason | null }
  | {
      readonly ev: 'attempt';
      readonly join: JoinId;
      readonly n: number;
      readonly plan: PlanSummary;
      readonly sinceMs: number;
    }
  | {
      readonly ev: 'attempt-over';
      readonly join: JoinId;
      readonly n: number;
      /** `put-off`: the host connects others first, or lets its ports rest; `next` says which. */
      readonly result: 'path' | 'timeout' | 'aborted' | 'put-off';
      readonly packetsSent: number;
      readonly next: NextAttempt | null;
    }
  /** No path after 15 s: which pair it is, how likely one is in the next minute, and what would help. Attempts go on. */
  | {
      readonly ev: 'hard';
      readonly join: JoinId;
      readonly pair: NatPair;
      readonly likely: number;
      readonly advice: readonly Help[];
    }
  | {
      readonly ev: 'path';
      readonly path: ConnectionId;
      readonly join: JoinId | null;
      readonly friend: FriendId;
      /** Which of the friend's programs, as in `peer`; empty where the other side is a host. */
      readonly instance: string;
      readonly kind: PathKind;
      readonly socket: SocketId;
      readonly local: Endpoint;
      readonly remote: Endpoint;
      readonly rttMs: number;
      /** From the join command to the two-way proof. */
      readonly elapsedMs: number;
      readonly attempts: number;
      readonly packetsSent: number;
      readonly payloadBytesMax: number;
      /** The name of the relay that it goes through; null: none. */
      readonly via: string | null;
      /** Four words of the end-to-end handshake, the same on both sides unless somebody sits in between (`peer/keys/words.ts`). */
      readonly words: string;
      /** What the host lets its friends reach, by number; empty at the host itself. */
      readonly services: readonly Service[];
    }
  /** The connection goes another way now; nothing of it is lost, and its id stays. */
  | {
      readonly ev: 'path-changed';
      readonly path: ConnectionId;
      readonly join: JoinId | null;
      readonly kind: PathKind;
      readonly socket: SocketId;
      readonly local: Endpoint;
      readonly remote: Endpoint;
      readonly rttMs: number;
      readonly payloadBytesMax: number;
      readonly via: string | null;
    }
  | { readonly ev: 'message'; readonly path: ConnectionId; readonly bytes: Uint8Array; readonly channel: number }
  | (StreamEvent & { readonly path: ConnectionId })
  | {
      readonly ev: 'path-lost';
      readonly path: ConnectionId;
      /**
       * `consent`: nothing has come back for 30 to 49 s. `replaced`: the next `path` event, of the same join or friend, goes on. `full`: the
       * host's last place was taken while the path was on its way.
       */
      readonly reason: 'consent' | 'left' | 'kicked' | 'released' | 'replaced' | 'full';
      /** Of a join: a new session with the same host is under way; a `path` event with a new id follows, or `join-failed`. */
      readonly punchingAgain: boolean;
    }
  | { readonly ev: 'rtt'; readonly path: ConnectionId; readonly rttMs: number }
  /** More is sent to this friend than the line takes: the oldest and largest is left out. `false`: not any more. */
  | { readonly ev: 'upload'; readonly path: ConnectionId; readonly full: boolean }
  /** The host says that its game answers, or does not any more; told at most once a second. */
  | {
      readonly ev: 'game';
      readonly path: ConnectionId;
      readonly join: JoinId;
      readonly service: number;
      readonly state: GameState;
    }
  /** As asked for, and before a `path-lost`. */
  | {
      readonly ev: 'stats';
      readonly path: ConnectionId;
      /** Datagrams of the application that went out and came in. */
      readonly sent: number;
      readonly received: number;
      /** Of all datagrams that we sent, copies and questions included: those that the other side did not hear, as far as it has said. */
      readonly lost: number;
      readonly paths: readonly PathView[];
    }
  | { readonly ev: 'too-large'; readonly path: ConnectionId; readonly bytes: number; readonly payloadBytesMax: number }
  | {
      readonly ev: 'join-failed';
      readonly join: JoinId;
      readonly failure: FailureCode;
      readonly detail: FailureReason | null;
    }
  | {
      readonly ev: 'list';
      readonly id: number;
      readonly entries: readonly ListEntry[];
      readonly failure: FailureCode | null;
    }
  /** One structured line of the log; `join` names the session it belongs to, `attempt` the attempt. */
  | {
      readonly ev: 'log';
      readonly join: JoinId | null;
      readonly attempt: number | null;
      readonly what: string;
      readonly data: LogData;
    }
  /** STUN servers that rest (docs/seed.md S3): kept by the application until the next run, see `PeerConfig.stunRests`. */
  | { readonly ev: 'stun-rests'; readonly rests: readonly Cooling[] }
  /**
   * The driver is asked to open this local port in the router by UPnP (it is HTTP), or to close it again. `address`: of IPv6, where the
   * firewall is to let in what is for it; its outcome is told with `family: 6`.
   */
  | { readonly ev: 'upnp'; readonly op: 'map' | 'unmap'; readonly port: number; readonly address?: string }
  | { readonly ev: 'closed' };

/** `asked`: whoever runs the host is asked about us; `queued`: about others first. */
export type JoinStage =
  | 'resolving'
  | 'found'
  | 'asking'
  | 'asked'
  | 'queued'
  | 'networks'
  | 'punching'
  | 'waiting'
  | 'connected';
