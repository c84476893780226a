/** Maxima of the masterserver around the machine; those of the protocol stand in `src/core/limits.ts`. */
export const SERVER_LIMITS = {
  /** A join that ends without a path has failed when it was tried for so long: then whoever joins is told that the pair is hard. */
  triedMsMin: 15_000,
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
  /** Games, maps and modes of which one search remembers whether they fit: some hundred kilobytes until it is over. */
  searchedTextsMax: 8_192,
  /** A sorted copy that nobody asked for is dropped after this; one of 100 000 entries is 0.8 MB. */
  viewIdleMs: 60_000,
  /** The list is rebuilt at most so often (docs/reference/product.md §8: the original did it for every heartbeat). */
  snapshotIntervalMs: 1_000,
  /** Answers kept per generation of the list: what the pages of one second ask for. */
  pageCacheEntries: 256,
  /** Files offered for download: a few systems, machines and kinds of package, each with its sum. */
  downloadsMax: 64,
  /**
   * Downloads that are begun: of some 40 MB each, so that an address has ten at once and one in 20 s after that, 16 Mbit/s. Without that
   * a single one with 64 connections took all that the operator's line has.
   */
  downloadRates: {
    narrow: { perSecond: 0.05, burst: 10 },
    wide: { perSecond: 0.5, burst: 100 },
    widest: { perSecond: 2, burst: 400 },
  },
  /** Full-text scans under way at once; 100 000 entries take some 10 ms each. */
  scansWaitingMax: 32,
  /** More changes than this in one second are told as "reset": fetching the page again is cheaper for both. */
  eventChangesMax: 200,
  eventStreamsMax: 1_000,
  /** Streams of one address, its /24 or /48, its /32: the next one takes the place of the oldest of them. */
  eventStreamCaps: { narrow: 16, wide: 64, widest: 128 },
  eventPingMs: 15_000,
  /** A reader slower than this many bytes is cut off; it comes back and fetches the page. */
  eventBacklogBytesMax: 1_048_576,

  /** docs/reference/security.md §3.4: HTTP list 2/s burst 20 per address (or /64), 50/s per /24 (or /48), 200/s per /32. */
  httpRates: {
    narrow: { perSecond: 2, burst: 20 },
    wide: { perSecond: 50, burst: 200 },
    widest: { perSecond: 200, burst: 800 },
  },
  /**
   * Connections, of which a process has as many as file descriptors, at least 1,024 on common systems. An address has so many of
   * them, its /24 or /48, its /32; of who has most the oldest one without a request goes. This computer's own (a proxy) count
   * for nobody.
   */
  httpConnectionsMax: 768,
  httpConnectionCaps: { narrow: 64, wide: 128, widest: 256 },
  /** Tunnels, each a connection as well: two thirds of those, so that the list is always answered. */
  tunnelsMax: 512,
  tunnelCaps: { narrow: 32, wide: 64, widest: 128 },
  /** New ones: a participant makes one when its network lets no UDP out, and one for each friend behind a relay. */
  tunnelRates: {
    narrow: { perSecond: 2, burst: 64 },
    wide: { perSecond: 8, burst: 256 },
    widest: { perSecond: 32, burst: 1_024 },
  },
  /** Participants show every 10 s at the latest that they are there; sessions expire after 65 s. */
  tunnelIdleMs: 65_000,
  /** A HELLO is answered in a round trip, and repeated within 2 s. */
  tunnelSilentMs: 10_000,
  tunnelSweepMs: 1_000,
  /** From the connection to the whole head of a request, and to its end; checked once a second. */
  httpHeadersMs: 10_000,
  httpRequestMs: 20_000,
  httpCheckMs: 1_000,
  /** Nothing has come or gone: a live stream is written to twice as often (`eventPingMs`). */
  httpIdleMs: 40_000,
  /** docs/reference/security.md §3.4, SECURITY.md row 21: STUN 10/s burst 20 per address, 100/s per /24 or /48, 400/s per /32, 5000/s in all. */
  stunRates: {
    narrow: { perSecond: 10, burst: 20 },
    wide: { perSecond: 100, burst: 200 },
    widest: { perSecond: 400, burst: 800 },
  },
  stunTotal: { perSecond: 5_000, burst: 5_000 },
  bodyBytesMax: 16_384,
  /** Wrong admin tokens, ten a minute of an address: 2^128 tokens can't be guessed, logs can be flooded. */
  adminFailureRates: {
    narrow: { perSecond: 1 / 6, burst: 10 },
    wide: { perSecond: 10, burst: 100 },
    widest: { perSecond: 40, burst: 400 },
  },

  /** More public hosts at one address than this are a crowd: listed behind the others until the master has joined them. */
  householdHostsMax: 2,

  /** Entries silent for so long leave the list (docs/seed.md S23); those of the snapshot of the run before get as long to return. */
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
  /**
   * A fleet: each node says every two seconds that it is there, and counts as there for three of those. What it knows is a kilobyte; where
   * two know different bans all of them are told, at most every 5 s, 200 in a message (below the megabyte that NATS carries).
   */
  fleetHereMs: 2_000,
  fleetSeenMs: 7_000,
  fleetJitterMs: 500,
  /** Runs of a node that it knows for its own when the engine repeats what they said: some months of restarts. */
  fleetRunsMax: 64,
  banFactsAtOnce: 200,
  banFactsGapMs: 5_000,
  /** Beside the bans that hold so many that were lifted, so that nobody who was away brings them back. */
  banFactsMax: 11_024,
  /** What webhooks told is told to a node that starts: 50,000 keys at most (`webhookDedupeEntries`), 140 kB in a message. */
  toldAtOnce: 2_000,
  toldBytesMax: 128,
  /** They are written down in so many rows, ten in each. */
  banFactRows: 1_024,
  /**
   * Names that are held: where two nodes differ they are told by their sums in which of so many parts, as often as bans at most, and
   * answered by so many rows of 150 bytes, as many in a message as bans.
   */
  fleetNameBuckets: 1_024,
  fleetNamesAnswerMax: 4_000,
  /**
   * A node tells of its hosts once a second what has changed, 200 in a word (an entry is 0.4 kB, 1.3 kB at most, and NATS carries a
   * megabyte); who was away for 4,096 changes or more is told everything, a word each tenth of a second, 2,000 hosts a second. At
   * twice that, of each of seven nodes, hearing may take one that has just started more than a core, and NATS ends who is 64 MB behind.
   */
  fleetHostsAtOnce: 200,
  fleetHostBuckets: 1_024,
  fleetJournalMax: 4_096,
  fleetWorkMs: 100,
  /** Hosts of other nodes: a million at eight nodes is what a fleet is made for, a kilobyte of heap each. */
  fleetHostsMax: 1_000_000,
  /** Nodes that there ever were, those taken out among them. */
  membersMax: 32,
  /** A list that was replaced counts for so long: hosts hear of the new one within 20 s. */
  nodeListMs: 600_000,
  /** A NATS server that has not returned our echo for so long is dead or hangs; asked so often. */
  natsEchoMs: 500,
  natsSilentMs: 2_000,
  natsRetryMs: 1_000,
  natsCloseMs: 1_000,
  /** `sallyport fleet` waits so long for a NATS server, and for the answers of the nodes. */
  natsAskMs: 5_000,
  fleetAnswerMs: 1_000,
  /** A node that stops waits so long for its sessions to move. */
  fleetMoveMs: 5_000,
  auditEntriesMax: 10_000,
  /** Traversal statistics are summed by hour and kept for 90 days. */
  statisticsHoursMax: 2_160,
  /** Sums of traversals held in memory, some 300 bytes each; above it the oldest hours go first. A busy year has 100 an hour. */
  traversalRowsMax: 200_000,
  /** Names stay with the key that was listed under them first, for so long after it was seen last. */
  nameHeldMs: 7 * 24 * 3_600_000,
  /** Names that are held, 200 bytes on disk and 250 in memory each; beyond it the network that holds most of them loses its oldest. */
  namesMax: 200_000,
  /** So many at once, because counting who holds most takes some 20 ms. */
  namesDroppedAtOnce: 2_000,
  /** Names of one key: who renames its server gives up the name of the time before last. */
  namesPerKeyMax: 2,
  /** New names: of an address 32 at once, then one in 10 s. What is more is shown with the mark of its key, and not held. */
  newNameRates: {
    narrow: { perSecond: 0.1, burst: 32 },
    wide: { perSecond: 0.4, burst: 128 },
    widest: { perSecond: 1.6, burst: 512 },
  },

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

  /** Datagrams of a relay that wait for the line: what comes later than that is worth less than the next one. */
  relayQueueMax: 32,
  /** The relay's thread has a third of the weight of the master's (Linux: 335 of 1,024). */
  relayNice: 5,
  relaySweepMs: 1_000,
  relayReportMs: 1_000,

  /** Drain: sessions are told where to go and get this long. */
  drainMs: 30_000,

  /** Hosts looked at for one page of a filtered list. */
  listScanMax: 256,
} as const;
