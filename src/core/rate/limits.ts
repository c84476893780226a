/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const RATE_LIMITS = {
  /** Master: rates (docs/reference/security.md §3.4). Buckets per limiter; with 65,536 of them the table is 512 KiB and never grows. */
  limiterBuckets: 65_536,
} as const;
