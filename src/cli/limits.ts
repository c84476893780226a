/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const CLI_LIMITS = {
  /**
   * `check` reports so long after it has begun to measure, whatever is still being waited for: with what comes before and after it, the whole
   * report stands within 2 s of the first line (docs/reference/design.md §5; bench:check).
   */
  checkReportMs: 1_600,
  /** Distance of the NAT, hairpin and the like come so soon after the profile; a report waits for them, a join does not. */
  checkRefineMs: 700,
  /** `check --with` tries the pair for so long: three birthday attempts and their rests. */
  checkPairMs: 120_000,
  /** A path that was found is kept so long: both sides know of it, and the round trip is measured. */
  checkPathMs: 1_000,
  /** Friends that have left and may still be banned by name. */
  friendsGoneMax: 16,
  /** So long a new question stands before a bare `y` or `n` means it: whoever types just then has read the one before. */
  questionReadMs: 1_000,
  /** A program on this computer answers within milliseconds, a busy one within a second. */
  ctlAnswerMs: 5_000,
  gameWatchMs: 2_000,
  /** A computer of the same network refuses within milliseconds. */
  gameElsewhereMs: 400,
  /** From here on Linux gives ports by itself (net.ipv4.ip_local_port_range): what is bound there is hardly a server. */
  serverPortsEnd: 32_768,
  /** Ports that may have been meant: more than three nobody compares with the one that was typed. */
  portsNamedMax: 3,
  /** A password typed wrongly is asked for again so often, as by login(1). */
  passwordTriesMax: 3,
  /** The status line of a join; faster than this nobody reads. */
  statusLineMs: 250,
  /** Whoever waits for the network looks so often whether the masterserver answers; the rounds of handshakes go on meanwhile. */
  networkAgainMs: 1_000,
  /** Computers in one fake world: a full game of sixteen, each with a program of its own. */
  fakePlacesMax: 16,
  /** Their connections, and some that have yet to say what they are: any program of this computer may connect, and each takes a descriptor. */
  fakeSocketsMax: 32,
  /** The longest that a fake world sleeps; what happens in it later is looked at anew then. */
  fakeTimerMsMax: 60_000,
  /** A datagram of 65,507 bytes with its addresses is the largest frame between a program and the fake world. */
  fakeFrameBytesMax: 65_536,
  /** So much may wait for a program that does not read; the rest is lost, as in a full socket. */
  fakeQueueBytesMax: 1_048_576,
  /** Whoever connects says who it is at once, or is no program of ours. */
  fakeGreetingMs: 2_000,
  /** Between two looks for a fake world that has gone: another program may be making it anew. */
  fakeAgainMs: 100,
  fakeTriesMax: 3,
  /** How often a sidecar looks whether its game is still there: a game that is started anew at once finds its ports free. */
  parentWatchMs: 500,
  /** Ports that a masterserver of one's own tries: as many as programs of one household are likely to take. */
  ownMasterPorts: 4,
  /** A browser that is not running yet has started by then, and read what it was given. */
  browserMs: 10_000,
} as const;
