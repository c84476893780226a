/**
 * First byte of every datagram of ours. Chosen outside STUN (0-3), DTLS (20-63), TURN channels (64-79) and RTP (128-191),
 * so that a socket that has to be shared can tell ours at a glance (S21).
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
  /** Peer to peer, sealed: type 1, sid 8, sequence 8, ciphertext, tag 16. */
  path: 0xd8,
} as const;
