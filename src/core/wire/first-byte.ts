import { WIRE_LIMITS } from './limits.ts';

/**
 * First byte of every datagram of ours. Chosen outside STUN (0-3), DTLS (20-63), TURN channels (64-79) and RTP (128-191),
 * so that a socket that has to be shared can tell ours at a glance (docs/seed.md S21).
 */
export const WIRE = {
  hello: 0xd1,
  retry: 0xd2,
  accept: 0xd3,
  /** Sealed control session with the master: type 1, CID 8, sequence 8, ciphertext, tag 16. */
  control: 0xd4,
  /** Mapping probe to a probe port of the master and its answer, 48 bytes each. */
  probe: 0xd5,
  probeAnswer: 0xd6,
  /** Peer to peer, 32 bytes: type 1, 0x5a, version 1, flags 1, sid 8, sequence 4, MAC 16. */
  punch: 0xd7,
  /** Peer to peer, sealed: type 1, label 8, masked sequence 8, ciphertext, tag 16 (connection/datagram.ts). */
  path: 0xd8,
  /** An end of a pair and its relay (relay.ts). */
  relay: 0xd9,
} as const;

/**
 * Is this datagram one of ours? For a game that shares a socket with us or got it released: late probes may still arrive
 * there. Its own packets beginning with 0xd1-0xd8 would be mistaken, hence the length check for the two that can come late.
 */
export function isSallyportDatagram(bytes: Uint8Array): boolean {
  if (bytes[0] === WIRE.punch) return bytes.length === WIRE_LIMITS.punchBytes && bytes[1] === 0x5a;
  return bytes[0] === WIRE.path && bytes.length >= PATH_BYTES_MIN;
}

/** Header 17, kind 1, tag 16 (connection/datagram.ts). */
const PATH_BYTES_MIN = 34;
