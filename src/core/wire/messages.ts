/**
 * The control messages inside the sealed session between a participant and the master. Requests carry a 16-bit id, are
 * idempotent and repeated at 250/500/1000 ms (8 tries) with that id (docs/reference/security.md §3.2).
 * This file is the vocabulary; the byte layout is in `codec.ts` and drawn in docs/protocol.md.
 */

import type { Endpoint } from '../address.ts';
import type { FailureCode } from '../errors.ts';
import type { HostAnnouncement, ListEntry } from '../model/listing.ts';
import type { PathKind, Permit } from '../model/pair.ts';
import type { NatProfile, NatType } from '../nat/profile.ts';

/** The most that the opaque `handshake` of a join or an answer may be: what fits a datagram beside everything else. */
export const HANDSHAKE_BYTES_MAX = 960;

/** 16 bytes, chosen by the client at random, unique for ever; the first 8 name the session in punch probes. */
export type SessionId = Uint8Array;

/** Participant to master. Each is answered by the `Response` of the same id. */
export type Request =
  | {
      readonly type: 'register';
      /** What the host's key gives (`core/code.ts`): derived by the host, believed by the master until somebody else claims it. */
      readonly code: string;
      readonly announcement: HostAnnouncement;
      readonly players: number;
      readonly profile: NatProfile | null;
    }
  | {
      readonly type: 'heartbeat';
      readonly announcement: HostAnnouncement | null;
      readonly players: number;
      readonly profile: NatProfile | null;
    }
  | { readonly type: 'goodbye' }
  | { readonly type: 'resolve'; readonly code: string }
  /**
   * Sent from the socket that will punch: its source address, seen by the master inside an authenticated datagram, is the
   * reflexive candidate (S7). Padded to 1200 bytes. `handshake` is Noise IK message 1 for the host, opaque to the master.
   */
  | { readonly type: 'join'; readonly sid: SessionId; readonly hostKey: Uint8Array; readonly handshake: Uint8Array }
  /** The host's answer to an offer, sent from its punching socket and padded likewise. */
  | { readonly type: 'answer'; readonly sid: SessionId; readonly handshake: Uint8Array }
  | { readonly type: 'refuse'; readonly sid: SessionId; readonly failure: FailureCode; readonly retryAfterMs: number }
  /** Of a host, before it answers: a person is asked; `ahead` others (0 to 255) are answered before this one. */
  | { readonly type: 'hold'; readonly sid: SessionId; readonly ahead: number }
  /** Sealed end to end, at most 512 bytes; `n` counts up per direction and removes repetitions. */
  | { readonly type: 'step'; readonly sid: SessionId; readonly n: number; readonly sealed: Uint8Array }
  /** Padded to 1200 bytes: buys the other side 60 probes towards our address. */
  | { readonly type: 'credit'; readonly sid: SessionId; readonly n: number }
  | {
      readonly type: 'done';
      readonly sid: SessionId;
      readonly outcome: 'path' | 'aborted';
      /** Statistics by pair of NATs (no addresses); `path` is null where none came up. */
      readonly clientNat: NatType;
      readonly hostNat: NatType;
      readonly family: 4 | 6;
      readonly path: PathKind | null;
      readonly method: string;
      readonly attempts: number;
      readonly elapsedMs: number;
      readonly packetsSent: number;
    }
  | { readonly type: 'list'; readonly after: string; readonly game: string }
  | { readonly type: 'echo' };

export type Response =
  | { readonly type: 'ok'; readonly observed: Endpoint }
  | { readonly type: 'registered'; readonly code: string; readonly hostId: string; readonly observed: Endpoint }
  | { readonly type: 'resolved'; readonly hostKey: Uint8Array; readonly entry: ListEntry }
  | { readonly type: 'entries'; readonly entries: readonly ListEntry[]; readonly next: string }
  | { readonly type: 'failed'; readonly failure: FailureCode; readonly detail: string; readonly retryAfterMs: number };

/** Master to participant, unasked; repeated until acknowledged likewise. */
export type Push =
  | {
      readonly type: 'offer';
      readonly sid: SessionId;
      readonly observed: readonly Endpoint[];
      readonly permit: Permit;
      readonly handshake: Uint8Array;
    }
  | {
      readonly type: 'answered';
      readonly sid: SessionId;
      readonly observed: readonly Endpoint[];
      readonly permit: Permit;
      readonly handshake: Uint8Array;
    }
  | { readonly type: 'refused'; readonly sid: SessionId; readonly failure: FailureCode; readonly retryAfterMs: number }
  /** What the host has said by `hold`. */
  | { readonly type: 'held'; readonly sid: SessionId; readonly ahead: number }
  | { readonly type: 'step'; readonly sid: SessionId; readonly n: number; readonly sealed: Uint8Array }
  | { readonly type: 'credited'; readonly sid: SessionId; readonly permit: Permit }
  | { readonly type: 'over'; readonly sid: SessionId; readonly outcome: 'path' | 'aborted' | 'expired' }
  | { readonly type: 'going-away'; readonly afterMs: number };
