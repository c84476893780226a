/** Every queue, table, retry and time of this room, with its reason. */
export const STREAM_LIMITS = {
  /**
   * Streams of one connection at once. A browser opens six to a server, a launcher that mends a game some dozens; a descriptor of the
   * host's is spent on each.
   */
  streamsMax: 256,
  /**
   * Streams that take the places of others: a browser without keep-alive opens some dozens a second. Whoever opens and resets them as fast
   * as datagrams carry that had the host connect 72 times a datagram; so many connections a second cost it some hundredths of a core.
   */
  openRate: { perSecond: 256, burst: 256 },
  /** Places that have to wait for that are given back in groups. */
  openRoomMs: 50,
  /**
   * What a side may have sent of one stream, and of all of a connection, before the other side's program has taken it. A round trip of
   * 50 ms at 150 Mbit/s is 940 kB. 128 friends who fill their windows cost a host 256 MiB.
   */
  streamWindowBytes: 1_048_576,
  connectionWindowBytes: 2_097_152,
  /** A window is opened again when a quarter of it has been used, so that a lost update does not stop the sender. */
  windowUpdateShare: 0.25,
  /**
   * What a program may have written to one stream before the other side has it: what that takes, and some for the program to be told in
   * time, which it is whenever the other side has taken so much more.
   */
  sendBytesMax: 1_310_720,
  takenBytes: 65_536,
  /** Small writes are collected in blocks of this size, so that a byte at a time costs no object each. */
  blockBytes: 4_096,
  /** Pieces of a connection that wait for one before them: a window of full datagrams is 1,750. What is beyond counts as lost. */
  piecesMax: 2_048,
  /** Datagrams under way: a window of full ones, and as many small ones. */
  sentPacketsMax: 4_096,
  /** Runs of numbers that a receiver remembers, and those that fit an acknowledgement: a loss of one in ten leaves 100 for a window. */
  heardRangesMax: 64,
  ackRangesMax: 24,
  /** RFC 9000 section 13.2.2: every second datagram is acknowledged; at high rates once a millisecond, or after so many. */
  ackEvery: 2,
  ackEveryMax: 16,
  ackRestMs: 1,
  /** RFC 9000 section 18.2 has 25 ms; a timer of Node is late by some, and both ends are ours. */
  ackDelayMs: 20,
  /** RFC 9002 section 6.1.1, kPacketThreshold; it grows where datagrams that were taken for lost come after all. */
  packetThreshold: 3,
  packetThresholdMax: 64,
  /** Lost ones that are remembered, to see whether they come after all. */
  declaredLostMax: 64,
  /** RFC 9002 section 6.1.2, kTimeThreshold and kGranularity. */
  timeThreshold: 9 / 8,
  granularityMs: 1,
  /** RFC 9002 section 6.2.2, kInitialRtt, where the path has not been measured. */
  initialRttMs: 333,
  /**
   * After so many probes without an answer datagrams are no larger than what every path carries (1,200 bytes with what surrounds them,
   * `mtuBaseBytes`), for the time in which the connection finds out anew what its path does (`mtuConfirmMs`).
   */
  probesBeforeSmall: 2,
  smallBytes: 1_160,
  smallMs: 20_000,
  /** The pause between probes doubles up to this: consent ends a dead path after 30 s. */
  ptoMsMax: 5_000,
  /** RFC 9002 section 7.6.1, kPersistentCongestionThreshold. */
  persistentThreshold: 3,
  /** RFC 9002 section 7.2: ten datagrams at first, and never less than two. */
  windowInitial: 10,
  windowMin: 2,
  /** The window of congestion is never larger than what flow control lets through. */
  windowMaxBytes: 4_194_304,
  /**
   * How long our datagrams may wait in the queue of a line. RFC 6817 allows 100 ms, LEDBAT++ has 60; a game beside us is to feel 20 at
   * most, of which two of our datagrams on 5 Mbit/s take 5, and the timers of both computers as much again.
   */
  targetMs: 6,
  /**
   * LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus section 4.2) ends slow start at three quarters of its 60 ms; ours is short, and what is
   * seen of a queue is a round trip old: at half a transfer began with a queue of 43 ms on 5 Mbit/s, at a third with 18.
   */
  slowStartShare: 0.33,
  /** RFC 6817 section 4.2, CURRENT_FILTER: the least of the last delays counts, so that one late datagram says nothing. */
  delaySamples: 4,
  /**
   * The least delay of the last ten seconds stands for the empty queue, and each eight seconds the queue is emptied to see it (BBR has
   * ten, and five). Clocks of computers part by up to 100 ppm, 1 ms in that time; who is asked seldom keeps what is a minute old, 6 ms.
   */
  baseBuckets: 10,
  baseBucketMs: 1_000,
  baseOldMs: 60_000,
  drainEveryMs: 8_000,
  drainShare: 0.75,
  drainRoundTrips: 3,
  /** A queue below this is empty: the clocks tell tenths of a millisecond, and a computer takes its time. */
  emptyMs: 1,
  /**
   * Loss alone slows down where more than three datagrams and 3 % of a round trip's are lost: radio loses 1 % and more, a full queue
   * or a policer loses what it must. Then RFC 9438's 0.7.
   */
  lossShare: 0.03,
  lossesMin: 3,
  lossFactor: 0.7,
  /** RFC 9002 section 7.7: N = 1.25; in slow start twice the window a round trip. */
  paceFactor: 1.25,
  paceSlowStartFactor: 2,
  /** So many datagrams go at once after a pause, or what the pace lets through in so long. */
  paceBurstMs: 2,
  paceBurst: 2,
  /** What a late timer has kept back may be made up for: a computer with too much to do runs each program some times a second. */
  paceLateMs: 25,
  /** No alarm for less: a rounding would set it for the very same instant again. */
  paceRestMs: 0.1,
} as const;
