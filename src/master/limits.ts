/** Maxima of the masterserver around the machine; those of the protocol stand in `src/core/limits.ts`. */
export const MASTER_LIMITS = {
  /** Text of an announcement in characters: one row of a list, and 900 bytes of a heartbeat hold them all. */
  nameCharacters: 48,
  gameCharacters: 32,
  mapCharacters: 32,
  modeCharacters: 24,
  versionCharacters: 24,

  /** Items sorted in one go: about 4 ms, so a heartbeat waits no longer than for a network hiccup. */
  sortSliceItems: 4096,
  /** Items looked through in one go: about 2 ms. Each further slice waits for a turn of all UDP ports. */
  filterSliceItems: 16_384,
  /** A sorted copy that nobody asked for is dropped after this; one of 100 000 entries is 0.8 MB. */
  viewIdleMs: 60_000,
  /** The list is rebuilt at most so often (product.md section 8: the original did it for every heartbeat). */
  snapshotIntervalMs: 1_000,
  /** Answers kept per generation of the list: what the pages of one second ask for. */
  pageCacheEntries: 256,
  /** Full-text scans under way at once; 100 000 entries take some 10 ms each. */
  scansWaitingMax: 32,
  /** More changes than this in one second are told as "reset": fetching the page again is cheaper for both. */
  eventChangesMax: 200,
  eventStreamsMax: 1_000,
  eventStreamsPerAddressMax: 8,
  eventPingMs: 15_000,
  /** A reader slower than this many bytes is cut off; it comes back and fetches the page. */
  eventBacklogBytesMax: 1_048_576,

  /** security.md 3.4: HTTP list 2/s burst 20 per address (or /64), 50/s per /24 (or /48). */
  httpPerSecond: 2,
  httpBurst: 20,
  httpPrefixPerSecond: 50,
  httpPrefixBurst: 200,
  /** security.md 3.4 and row 21: STUN 10/s burst 20 per address, 100/s per prefix, 5000/s in all. */
  stunPerSecond: 10,
  stunBurst: 20,
  stunPrefixPerSecond: 100,
  stunTotalPerSecond: 5_000,
  /** Fixed-size table; colliding addresses share an allowance (row 9). */
  limiterBuckets: 65_536,
  bodyBytesMax: 16_384,
  /** Wrong admin tokens per address before it has to wait: 2^128 tokens can't be guessed, logs can be flooded. */
  adminFailuresPerMinute: 10,

  /** More public hosts at one address than this are a crowd: listed behind the others until the master has joined them. */
  householdHostsMax: 2,

  /** Entries silent for so long leave the list (S23); those of the snapshot of the run before get as long to return. */
  hostExpiryMs: 65_000,
  /** Entries written down for the next start at one time, some 1 ms of work, and how long between: a thousand in a second. */
  snapshotRowsAtOnce: 50,
  snapshotRowsMs: 50,
  /** A list written down longer ago is history. */
  snapshotTrustMs: 600_000,
  /**
   * The store's checkpoints: a name that is new is on the disk within a second, the rest within a minute, which is what a power
   * cut can take of it. A slow disk is left alone for 20 times as long as it took: introductions wait while it is waited for.
   */
  storeSoonMs: 1_000,
  storeLaterMs: 60_000,
  storeSlowFactor: 20,
  /** What could not be written, for a full disk or otherwise, is tried again after this. */
  storeRetryMs: 5_000,
  /** A row larger than this is not read back: the largest of ours, an entry of the list or a reason, is below 4 kB. */
  storeRowBytesMax: 65_536,
  bansMax: 10_000,
  auditEntriesMax: 10_000,
  /** Traversal statistics are summed by hour and kept for 90 days. */
  statisticsHoursMax: 2_160,
  /** Sums of traversals held in memory, some 300 bytes each; above it the oldest hours go first. A busy year has 100 an hour. */
  traversalRowsMax: 200_000,
  /** Names stay with the key that was listed under them first, for so long after it was seen last. */
  nameHeldMs: 7 * 24 * 3_600_000,
  namesMax: 200_000,

  /** Webhooks (row 26): one call a second, told once a day per host, silent while a restart brings everybody back. */
  webhookIntervalMs: 1_000,
  webhookQueueMax: 500,
  webhookMuteMs: 20_000,
  webhookDedupeMs: 24 * 3_600_000,
  webhookDedupeEntries: 50_000,
  webhookAttemptsMax: 5,
  webhookTimeoutMs: 5_000,

  /** Official servers: names are looked up again every hour, as the original did. */
  officialServersMax: 1_000,
  officialResolveMs: 3_600_000,

  /**
   * The master's own test joins: one at a time, each host again after a quarter of an hour. The master holds itself to the
   * limit of every client (30 joins a minute), so a long list is tested in turn and its entries show how long ago.
   */
  testJoinIntervalMs: 2_100,
  testJoinsRemembered: 200_000,
  testJoinAgainMs: 15 * 60_000,
  testJoinTimeoutMs: 10_000,

  /** Drain: sessions are told where to go and get this long. */
  drainMs: 30_000,
} as const;
