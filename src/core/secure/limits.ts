/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const SECURE_LIMITS = {
  /** Secure sessions: how far back a late datagram is still taken (docs/reference/security.md §3.1, SECURITY.md row 6). */
  replayWindow: 1024,
  /** A session ends and is handshaken anew after so many datagrams (docs/reference/security.md §3.1). */
  sessionSequenceMax: 2 ** 32,
} as const;
