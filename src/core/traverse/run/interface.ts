/**
 * The seam between one traversal and what is around it. A `Traversal` is a machine on one side of a pair: the client's leads,
 * the host's obeys within its own limits. It speaks to its twin in *steps* (opaque here; sealed end to end and carried by the
 * master, repeated until answered by the carrier's rule) and in punch probes on its own sockets.
 *
 * For the parent: hand over `socket` (and the sockets of the candidates) before `start`; give every datagram on them whose
 * first byte is `WIRE.punch`, and every other datagram on sockets that the traversal opened itself. After `path` keep the
 * machine alive as long as the path lives or at least 10 s: it answers late probes and repeats what a lost packet took.
 */

import type { Endpoint } from '../../address.ts';
import type { Machine, SocketId, SocketIds } from '../../contract.ts';
import type { LogData } from '../../model/log.ts';
import type { Candidate, PathKind, Permit, PlanSummary, Role } from '../../model/pair.ts';
import type { Help, NatPair, NextAttempt } from '../../model/progress.ts';
import type { NatProfile, OwnProfile } from '../../nat/profile.ts';
import type { Random } from '../../random.ts';
import type { CryptoSuite } from '../../secure/crypto.ts';
import type { RequestNumbers } from '../../sources/asker.ts';
import type { MappingSource } from '../../sources/source.ts';
import type { Device } from '../pay/budget.ts';

export interface TraversalConfig {
  readonly role: Role;
  /** At least 8 bytes, of which 8 name the session in every probe. */
  readonly sid: Uint8Array;
  /** 32 bytes, HKDF of the end-to-end handshake; keys the MAC of the probes. */
  readonly punchKey: Uint8Array;
  /** The socket whose JOIN/ANSWER already went through the master, so that its mapping is known to the peer. */
  readonly socket: SocketId;
  /** Of `socket`. */
  readonly family: 4 | 6;
  /** The own profile is asked for anew whenever something is decided by it: it is refined while the traversal goes on. */
  readonly own: { readonly profile: OwnProfile; readonly candidates: readonly Candidate[] };
  readonly peer: { readonly profile: NatProfile; readonly candidates: readonly Candidate[] };
  /** Round trip through the master to the peer, measured by the join; the synchronous start needs it. */
  readonly viaMasterRttMs: number;
  readonly permit: Permit;
  /** Addresses of the peer that no permit can name, because its master sees it from inside: they get as few packets as a local one. */
  readonly unseen?: readonly string[];
  /** Address at which we have the master: whose network a local address is can be told by it. Null where there is none. */
  readonly master: string | null;
  /** Where fresh sockets learn their mapping just before a punch: the master's probe ports. */
  readonly sources: readonly MappingSource[];
  /** A server that sends its answer to another socket's port where it is asked to (`requestTo`); null where none is known. */
  readonly redirecting: MappingSource | null;
  readonly sockets: SocketIds;
  readonly requests: RequestNumbers;
  readonly random: Random;
  readonly crypto: Pick<CryptoSuite, 'macKey' | 'hmac'>;
  /** Shared by all traversals of this device. */
  readonly device: Device;
}

export type Traversal = Machine<TraversalCommand, TraversalEvent>;

export type TraversalCommand =
  | { readonly do: 'start' }
  /** A step of the twin has come in, opened and checked for repetition. */
  | { readonly do: 'step'; readonly bytes: Uint8Array }
  /** The first one, or one that a credit of the other side has bought: more probes, and 15 s more to send them. */
  | { readonly do: 'permit'; readonly permit: Permit }
  /** The echo to the master suffers: no probe for so long. */
  | { readonly do: 'pause'; readonly ms: number }
  | { readonly do: 'abort' };

export type StaleReason = 'host-silent' | 'host-moved' | 'we-moved';

export type TraversalEvent =
  | { readonly ev: 'step'; readonly bytes: Uint8Array }
  /** We want the peer to send more probes at us, at the address of this socket: pay so many credits to the master. */
  | { readonly ev: 'pay'; readonly credits: number; readonly socket: SocketId }
  /** A burst is running (`true`): send an echo to the master twice a second and tell us with `pause` when it suffers. */
  | { readonly ev: 'burst'; readonly on: boolean }
  | { readonly ev: 'attempt'; readonly n: number; readonly plan: PlanSummary }
  | {
      readonly ev: 'attempt-over';
      readonly n: number;
      /** `put-off`: the host connects others first, or lets its ports rest; `next` says which. */
      readonly result: 'path' | 'timeout' | 'aborted' | 'put-off';
      readonly packetsSent: number;
      /** What the next attempt changes or waits for, and why; null where there is none. */
      readonly next: NextAttempt | null;
    }
  /** Two-way proof: a valid probe and a valid reply to one of ours. All other sockets of the traversal are closed. */
  | {
      readonly ev: 'path';
      readonly kind: PathKind;
      readonly socket: SocketId;
      readonly remote: Endpoint;
      readonly rttMs: number;
      readonly packetsSent: number;
      readonly attempts: number;
      readonly method: string;
    }
  /** What the join was made with holds no longer: the host is silent, or one of the two has another address. Join anew. */
  | { readonly ev: 'stale'; readonly why: StaleReason }
  /** Of the client: what its next attempt waits for. Of the host: this client waits for others. */
  | { readonly ev: 'waiting'; readonly why: NextAttempt }
  /** No path after 15 s: which pair it is, how likely a path is within the next minute, and what would help. Attempts go on. */
  | { readonly ev: 'hard'; readonly pair: NatPair; readonly likely: number; readonly advice: readonly Help[] }
  | { readonly ev: 'log'; readonly attempt: number; readonly what: string; readonly data: LogData };
