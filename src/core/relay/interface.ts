/** What an operator sets of a relay, what it counts, and what it asks those who run it. */
import type { Endpoint } from '../address.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import type { RelayKeys, RelayRefusal } from '../wire/relay.ts';

/** Bytes count with `datagramOverheadBytes`, as they go over the line. */
export interface RelayQuotas {
  /** Both directions of a pair together. */
  readonly pairBytesPerSecond: number;
  /** All pairs together; shared out fairly where it is short. */
  readonly totalBytesPerSecond: number;
  readonly pairsMax: number;
  /** Of an IPv4 address or IPv6 /64, and of the /24 or /48 around it. */
  readonly pairsPerAddress: number;
  readonly pairsPerNetwork: number;
  /** Of one host's key. */
  readonly pairsPerHost: number;
  readonly addressBytesPerDay: number;
  readonly networkBytesPerDay: number;
  readonly hostBytesPerDay: number;
  readonly totalBytesPerDay: number;
}

/** Names one of the relay's sockets, or another way by which datagrams come and go; the relay only gives it back. */
export type Via = number;

/** Who is at the two ends: hashes of the keys by which the master knows them (`relayHash`), hex. */
export interface RelayedKeys {
  readonly client: string;
  readonly host: string;
}

export interface RelayConfig {
  readonly crypto: CryptoSuite;
  readonly keys: RelayKeys;
  /** Milliseconds since 1970, for the age of tokens. */
  readonly wallClock: () => number;
  /** What differs from `RELAY_LIMITS.quotas`. */
  readonly quotas?: Partial<RelayQuotas>;
  /** False: the master has banned this client, this host or this address. Left out: nobody is banned. */
  readonly admits?: (who: RelayedKeys, from: Endpoint) => boolean;
  /** The bytes are those that came in: send or copy them before returning. */
  transmit(via: Via, to: Endpoint, bytes: Uint8Array): void;
}

/** Why a datagram went no further. */
export type RelayDrop =
  | 'malformed'
  /** Data from an endpoint that is not bound. */
  | 'stranger'
  | 'limited'
  /** The other end is not there. */
  | 'alone'
  /** Older than what the end has said since. */
  | 'stale'
  | 'pair-rate'
  | 'share'
  | 'quota';

/** Since the start, and what there is now. */
export interface RelayCounters {
  readonly pairs: number;
  readonly ends: number;
  /** Of the pairs, those with both ends. */
  readonly whole: number;
  readonly forwarded: number;
  /** UDP payload. */
  readonly forwardedBytes: number;
  readonly asked: number;
  readonly bound: number;
  readonly dropped: Readonly<Record<RelayDrop, number>>;
  readonly refused: Readonly<Record<RelayRefusal, number>>;
}
