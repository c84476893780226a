/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const STUN_LIMITS = {
  /** STUN (RFC 8489, RFC 5780). Largest message read: PADDING may fill an Ethernet frame (RFC 5780 §7.6). */
  stunBytesMax: 1500,
  /** A Binding answer has 3-8 attributes; more is somebody keeping us busy. */
  stunAttributesMax: 32,
  /** Longest text (SOFTWARE, reason phrase) kept for a log line. */
  stunTextBytesMax: 128,
} as const;
