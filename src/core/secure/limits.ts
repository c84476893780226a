/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const SECURE_LIMITS = {
  /**
   * Sessions with a masterserver: how far back a late datagram is still taken (docs/reference/security.md §3.1, SECURITY.md row 6). As in netcode;
   * at 50 control messages a second it reaches back three seconds after the largest burst, and what is later was asked again. A master
   * keeps a window for each session: of 1,024 it is 96 bytes more.
   */
  replayWindow: 256,
  /**
   * Connections between participants: two paths whose round trips differ by a second (a relay beside a line with a full queue) bring
   * datagrams that far out of order; 16,384 is a second of 16,000 datagrams, more than one core seals.
   */
  connectionWindow: 16_384,
  /** Keys of a connection are renewed after an hour, or so many datagrams: far from the 2^32 that one phase may number. */
  phaseMs: 3_600_000,
  phaseDatagramsMax: 2 ** 30,
  /** A session ends and is handshaken anew after so many datagrams (docs/reference/security.md §3.1). */
  sessionSequenceMax: 2 ** 32,
} as const;
