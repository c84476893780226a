/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const NODE_LIMITS = {
  /** Driver (src/node): a machine that makes more outputs in one turn than a birthday salvo could is caught in a loop. */
  driveOutputsPerTurnMax: 65_536,
  /** Deadlines already due are served at once this often per turn; after that the timer (>= 1 ms) takes over. */
  drivePassesPerTurnMax: 32,
  /** A timer that is so late was not late but asleep with its computer; a busy one is late by less. */
  sleptMs: 6_000,
  /** Addresses to which the way is looked at four times a second, 0.03 ms each: those of a master that are tried. */
  waysWatchedMax: 4,
  /** Where names are looked up again every 3 s, who asks next comes within this. */
  lateAnswerKeptMs: 6_000,
  /** IPv4 addresses remembered with their form behind a NAT64, for each socket: the peers and servers of an evening. */
  nat64RememberedMax: 256,
  /** Receive buffer of a native socket (docs/reference/security.md §3): at overload megabytes only make the answers late. */
  nativeReceiveBytes: 262_144,
  /**
   * What sockets that carry data ask for: a burst of 800 datagrams of 1,200 bytes, each of which Linux reckons as 2,304 (1.8 MB), twice.
   * A machine that is too slow for what comes is late by at most as much as it holds, a tenth of a second. The least is Linux's default.
   */
  receiveBytes: 4_194_304,
  receiveBytesMin: 212_992,
  /**
   * Datagrams that wait in the runtime for room in the kernel's buffer, which holds 92 large ones itself: a burst of a room of players,
   * and on 5 Mbit/s a tenth of a second.
   */
  sendQueueMax: 64,
  /**
   * Of a burst so many are dealt with at once, and then for each time the loop reads (half of the 32 that libuv reads). What comes
   * later than this after the one before is none: to read the next datagram that waits takes 5 us.
   */
  burstAtOnce: 16,
  burstGapMs: 0.05,
  /** Datagrams of a burst kept for one socket, the further ones are lost: 4 MB of large ones, a twentieth of a second. */
  burstKeptMax: 4_096,
  /** The largest datagram of ours on an Ethernet: 1,500 less the headers of IPv4 and UDP is 1,472. */
  tunnelMessageBytesMax: 1_500,
  /** What a pair may send through a relay, and how much of it may wait: games have no use for what comes later. */
  tunnelBytesPerSecond: 128_000,
  tunnelQueueMs: 100,
  /** Round trip of the line that is reckoned with before one is measured, and at most. */
  tunnelRttMsDefault: 100,
  tunnelRttMsMax: 500,
  /** Below 25 ms of data under way nobody asks: control messages cost no pings. */
  tunnelPingBytes: 3_200,
  /** Answers to pings that wait to be read: a thousand of them. */
  tunnelPongsBytesMax: 12_800,
  /** TCP and TLS are up in three round trips, and one packet lost at the start costs a second. */
  tunnelOpenMs: 5_000,
  /** State files are keys and short lists; anything larger is not ours. */
  stateFileBytesMax: 1_048_576,
  /** Hosts remembered by key, the oldest forgotten first: years of evenings, and still a small file. */
  pinnedHostsMax: 1_000,
  /** Friends remembered by key, likewise. */
  knownFriendsMax: 1_000,
  /** Friends whose loopback address a host keeps: a twentieth of those there are, and a file of 200 kB. */
  friendAddressesMax: 4_096,
  /** Hosts whose place on this computer is kept, as many as their keys. */
  localPlacesMax: 1_000,
  /** Join codes that a process keeps beside their keys, so that nobody waits for the same one twice. */
  codesKeptMax: 64,
  /** A program that was killed leaves its port open no longer than this. */
  openPortLeaseSeconds: 600,
  /** How often a router is asked whether the port is still open, and at which address outside: one that has started again is noticed within half a minute. */
  openPortLookMs: 10_000,
  /** Of UPnP, the slowest: 2.5 s to find the router, and three requests of at most 3 s each. */
  openPortTriesMs: 12_000,
  /** A clipboard tool that has not answered by then will not. */
  clipboardMs: 1_000,
} as const;
