/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const RATE_LIMITS = {
  /** Master: rates (docs/reference/security.md §3.4). Buckets per limiter; with 65,536 of them the table is 512 KiB and never grows. */
  limiterBuckets: 65_536,
  /** Entries of a full table that are drawn, to find one that makes room. */
  shareDraws: 24,
  /** Entries of a full holder that are looked at: all that an address may have in most tables. */
  membersSeenMax: 64,
} as const;
