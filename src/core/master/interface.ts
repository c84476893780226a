/**
 * The seam between the `Master` machine (protocol, registry, limits) and the masterserver around it (`src/master`: sockets,
 * HTTP, store, moderation, webhooks, metrics). The machine stores nothing: what must survive a restart goes out as an event
 * and comes back as a command.
 */

import type { Endpoint } from '../address.ts';
import type { Instant, Machine } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { FleetSecrets } from '../fleet/epochs.ts';
import type { HostAnnouncement, ListEntry } from '../model/listing.ts';
import type { PathKind } from '../model/pair.ts';
import type { NatType, Verdict } from '../nat/profile.ts';
import type { Random } from '../random.ts';
import type { TableState } from '../rate/shares.ts';
import type { CryptoSuite, KeyPair } from '../secure/crypto.ts';
import type { NodeList } from '../wire/nodes.ts';
import type { MasterRelays } from './grants.ts';

/** One registered host. A change makes a new object, so whoever holds the old one can compare. */
export interface HostRecord {
  readonly hostId: string;
  /** Static key, 32 bytes. */
  readonly hostKey: Uint8Array;
  readonly code: string;
  /** As the policy let it pass: cleaned text. */
  readonly announcement: HostAnnouncement;
  readonly players: number;
  readonly natType: NatType;
  readonly verdict: Verdict;
  /** Signed step per new mapping, 0 for a cone, null when unpredictable or unknown. */
  readonly delta: number | null;
  /** Never leaves the process through the list (SECURITY.md row 17); the policy and the admin's pseudonym need it. */
  readonly observed: Endpoint;
  /** Round trip between host and master, null until measured. */
  readonly rttMs: number | null;
  readonly since: Instant;
  /** The host's own number of this hosting, larger with each; only the nodes of a fleet compare it. */
  readonly generation: number;
}

/** Why a host went: by its own word, after 65 s of silence, by a command, or because a later one of its key hosts at another node. */
export type GoneReason = 'goodbye' | 'expired' | 'evicted' | 'replaced';

/** A key of the tickets by which participants come back without a Diffie-Hellman: 32 secret bytes, one for each day. */
export interface TicketKey {
  readonly epoch: number;
  readonly key: Uint8Array;
}

export type MasterEvent =
  /** All UDP ports are bound. */
  | { readonly ev: 'listening'; readonly endpoints: readonly Endpoint[] }
  /**
   * All who have come so far come from one local address, or from each of a few several: something before the master rewrites where they
   * are. Null: no longer, for somebody has come from elsewhere. Each is told once.
   */
  | { readonly ev: 'sources-rewritten'; readonly addresses: readonly string[] | null }
  /** No question of several participants from outside came through the probe ports of this address; `shut` false: one has after all. */
  | { readonly ev: 'probe-ports'; readonly address: string; readonly shut: boolean }
  | { readonly ev: 'bind-failed'; readonly endpoint: Endpoint; readonly code: string }
  /** Public and unlisted hosts alike; who lists looks at `announcement.public`. */
  | { readonly ev: 'host'; readonly change: 'new' | 'changed'; readonly host: HostRecord }
  | { readonly ev: 'host-gone'; readonly host: HostRecord; readonly reason: GoneReason }
  /** A code has a new owner. Always before the response that confirms it, so a store never loses a confirmed code. */
  | { readonly ev: 'code'; readonly code: string; readonly hostKey: Uint8Array }
  /** Too many codes have their host away: this one is unknown from now on. It is derived, so its host gets the same again. */
  | { readonly ev: 'code-forgotten'; readonly code: string }
  /** Whoever drives the machine is asked for the join code of this key (`core/code.ts`), to be told by `derived`. One at a time. */
  | { readonly ev: 'derive'; readonly key: Uint8Array }
  /** A new key was made: all that count from here on, to be kept as secret as the identity. */
  | { readonly ev: 'ticket-keys'; readonly keys: readonly TicketKey[] }
  | { readonly ev: 'join'; readonly hostId: string | null; readonly result: 'offered' | FailureCode }
  | {
      readonly ev: 'report';
      readonly clientNat: NatType;
      readonly hostNat: NatType;
      readonly family: 4 | 6;
      readonly path: PathKind | null;
      readonly outcome: 'path' | 'aborted';
      readonly method: string;
      readonly attempts: number;
      readonly elapsedMs: number;
      readonly packetsSent: number;
    }
  /** Where probes are answered elsewhere: a session that may be answered with this key, and the end of one. */
  | { readonly ev: 'probe-key'; readonly session: number; readonly key: Uint8Array }
  | { readonly ev: 'probe-key-over'; readonly session: number }
  /** After `drain`: nothing is under way any more. */
  | { readonly ev: 'drained' };

export type MasterCommand =
  | { readonly do: 'start' }
  | {
      readonly do: 'remember';
      readonly codes: readonly { readonly code: string; readonly hostKey: Uint8Array }[];
      readonly ticketKeys?: readonly TicketKey[];
    }
  /** The code of a key that a `derive` event asked for; null where no secret has this public key. */
  | { readonly do: 'derived'; readonly key: Uint8Array; readonly code: string | null }
  /** Take a host off at once (ban, kill switch); its next register meets the policy. */
  | { readonly do: 'evict'; readonly hostKey: Uint8Array }
  /** Another node has this host under this generation, which is newer than what is here. */
  | { readonly do: 'replaced'; readonly hostKey: Uint8Array; readonly generation: number }
  /**
   * At another node this key has the code that another key has here. Whose it is the derivation says, and where it is both's the one that was
   * seen first: `older` says that the rival was.
   */
  | { readonly do: 'contest'; readonly code: string; readonly rival: Uint8Array; readonly older: boolean }
  /** Say `going-away` to all sessions, take no new ones, finish what runs. */
  | { readonly do: 'drain'; readonly afterMs: number }
  /** The nodes of the fleet, this one among them, as participants are told of them from now on. */
  | { readonly do: 'nodes'; readonly list: NodeList }
  /** Where somebody else has the probe ports open: the first question that has come to this address of ours, from `from`. */
  | { readonly do: 'probe-heard'; readonly address: string; readonly from: string }
  | { readonly do: 'close' };

/** Asked synchronously at announce, list and join, so a ban works from the next datagram on. */
export interface MasterPolicy {
  /** The announcement to keep (text cleaned, name possibly marked), or why it is refused. */
  announce(hostKey: Uint8Array, from: Endpoint, announcement: HostAnnouncement): HostAnnouncement | FailureCode;
  /** May this participant list, join, or have its relayed pair renewed? null = yes. */
  admit(act: 'list' | 'join' | 'relay', key: Uint8Array, from: Endpoint): FailureCode | null;
  /** One page of the public list, in the order it is shown in. Left out: this master shows none. */
  list?(query: ListQuery): ListPage;
  /** Has the host shown that it can be joined? Where an address has too many, such hosts are the last to go. Left out: none has. */
  proven?(host: HostRecord): boolean;
  /** A host as whoever has its code is told of it, who may be unlisted. Left out: what its record says. */
  entry?(host: HostRecord, viewer: ListViewer): ListEntry;
}

export interface ListViewer {
  readonly address: string;
  /** Round trip between viewer and master, null until measured. */
  readonly rttMs: number | null;
}

export interface ListQuery {
  /** `next` of the page before; 0 = from the beginning. */
  readonly after: number;
  /** Only this game; empty = all. */
  readonly game: string;
  readonly viewer: ListViewer;
  /** Is there room for one more? Asked once for each entry, in order; after the first no the page is over. */
  fits(entry: ListEntry): boolean;
}

export interface ListPage {
  readonly entries: readonly ListEntry[];
  /** Null: that was the last page. */
  readonly next: number | null;
}

/** Counters since the start, read when somebody asks (`/metrics`), so that counting costs an addition. */
export interface MasterCounters {
  readonly sessions: number;
  readonly hosts: number;
  readonly probes: number;
  readonly heartbeats: number;
  readonly handshakes: number;
  /** Handshakes by ticket, without Diffie-Hellman. */
  readonly resumptions: number;
  /** Cookies demanded (RETRY) and path challenges. */
  readonly challenges: number;
  readonly controls: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly limited: Readonly<Record<string, number>>;
}

/** `createMaster(config)` in `master.ts` makes the machine. */
export interface MasterConfig {
  readonly crypto: CryptoSuite;
  readonly random: Random;
  /** Milliseconds since 1970, for the time stamp in HELLO and the epochs of cookies. */
  readonly wallClock: () => number;
  readonly identity: KeyPair;
  /** To bind; the first is the main one, a second of the same family makes filtering tests possible. */
  readonly addresses: readonly string[];
  /** What the participants are told instead, where the addresses themselves are behind a 1:1 NAT. Same order. */
  readonly advertised: readonly string[] | null;
  /** The door; control ports and probe ports follow it, unless `onePort`. */
  readonly port: number;
  /** Everything on `port`, told apart by the first byte. Probes can then be answered from no other port. */
  readonly onePort?: boolean;
  /** Participants may come over TLS too: whoever drives the machine has an HTTPS server for it. */
  readonly tunnel?: boolean;
  /** Everything on this port as well: for participants whose network lets little else out, such as 443. */
  readonly furtherPort?: number;
  readonly policy: MasterPolicy;
  /** Where this master's web page is (`https://ms.example.org`), for invitations; empty: nowhere. Left out: the same. */
  readonly page?: () => string;
  /** Left out: there are none, and nobody is granted a pair. */
  readonly relays?: MasterRelays;
  /** A node of a fleet: all have this identity and these secrets. Left out: a master by itself. */
  readonly fleet?: { readonly secrets: FleetSecrets };
  /** True: somebody else has the 16 probe ports open (worker threads), and is told the keys by events. */
  readonly probesElsewhere?: boolean;
}

export interface MasterMachine extends Machine<MasterCommand, MasterEvent> {
  counters(): MasterCounters;
  /** Every table that strangers can fill, and how full it is. */
  tables(): readonly TableState[];
  /** Codes may be tried over other ways too (HTTP): how long this address has to wait for the next, and that it was wrong. */
  codeWaitMs(now: Instant, address: string): number;
  wrongCode(now: Instant, address: string): void;
  /** When the host was heard of last; null where it is not registered. */
  lastSeen(hostKey: Uint8Array): Instant | null;
  /** Whose code it is, whether its host is there or not; null where it is nobody's. */
  keyOfCode(code: string): Uint8Array | null;
}
