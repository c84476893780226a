/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const PEER_LIMITS = {
  /** How long a host still answers the probes of the master's test join after its own proof. */
  testJoinHoldMs: 2_000,
  /** How long a relay waits for the direct path that is there at once on one computer and on a local network, and up to which round trip. */
  relayHeadStartMs: 50,
  relayNearMs: 10,
  /** A connection through a relay looks for a direct path so long, and again after a rest or on another network. */
  searchMs: 120_000,
  searchAgainMs: 600_000,
  /** Both sides have to be bound by then, or it is tried anew. */
  relayedMs: 15_000,
  /** Credits that one session buys, whatever its other side asks for: more than a master takes (40 at once, 67 in 20 s). */
  creditRate: { perSecond: 5, burst: 40 },
  /** Steps and credits of one session that wait for the master's word; a lossy line has a dozen, and what `creditRate` allows. */
  sessionRequestsMax: 128,
  joinsMax: 16,
  /** Visits, askers and waiters of one host: above every game's number of players. */
  guestsMax: 128,
  /** Bans of one host, each said by a person; the oldest is lifted for a further one. */
  bannedMax: 2_000,
  /** Friends that a person has let in; of whom no more is known than the name, the one longest ago is asked about again. */
  admittedMax: 10_000,
  /** Session ids whose repeated offer is recognised (docs/seed.md S17). */
  sessionsRememberedMax: 1_024,
  candidatesMax: 8,
  /** When IPv6 is tried beside a path over IPv4, after that: by then the word of the master is mostly there, or it was lost once or twice. */
  besideAtMs: [250, 1_000, 3_000],
  /** After so many knocks, IPv6 over which nothing was answered counts as absent; a second each, and the master answers within one. */
  familyKnocksMax: 3,
  /** Addresses of one side that its master can't see: a line has one, two with a second provider. */
  unseenMax: 2,
  listEntriesMax: 1_000,
  /** A list that takes longer is given up. */
  listMs: 7_000,
  /** Hours of an endless session whose bursts are paid for by steps; the rate is the master's to limit (20/s, docs/reference/security.md §3.4). */
  stepsPerSessionMax: 5_000,
  /** "Typed failures within 2 s": how long a join waits for the link, which itself needs 2 s to know. */
  linkWaitMs: 2_050,
  /** Detection never blocks anybody longer. */
  readyMs: 2_000,
  /** A knock without an answer is followed by a new one, from a new socket: shorter than any mapping lives. */
  knockMs: 10_000,
  /** "Typed failures within 2 s": so long after a knock the person is told that nobody has answered. */
  knockQuietMs: 2_000,
  /** What seems slower is a host that waited. */
  viaMasterRttMsMax: 2_000,
  /** After a restart of the master all hosts are back by then (docs/reference/security.md §4.1, P2; `MASTER_LIMITS.hostReturnMs`). */
  hostReturnMs: 30_000,
  /** Before something that failed is tried again. */
  retryRestMs: 2_000,
  /**
   * Who waits for a host to come back asks every 2 s at first, and four times a minute in the end: a master takes ten joins a second
   * of one address (`MASTER_LIMITS.joinRates`), so 150 friends behind one may wait.
   */
  waitRestMsMax: 15_000,
  brokenRestMs: 1_000,
  /**
   * An address counts as proven to the master for 30 s. Where it has not answered over IPv6 it is asked again, each time after twice as long: a
   * line that comes up has one family before the other, and one that never has IPv6 is not to be asked for ever.
   */
  ipv6ProveMs: 20_000,
  ipv6RetryMs: 5_000,
  ipv6RetryMsMax: 300_000,
  /** Twice within the master's `joinIdleMs`. */
  sessionAliveMs: 25_000,
  /**
   * 18 s, more or less by a tenth: 6.7 packets a minute, and never more than 20 s apart, which is the silence that a mapping of 30 s is
   * measured to survive. So the heartbeats of nearly everybody keep the mapping of the session as well. News not closer together than the gap.
   */
  heartbeatMs: 18_000,
  heartbeatSpread: 0.1,
  /**
   * A host learns within three minutes how long its mappings live (185 s of silence, and questions). Until then it takes them for those
   * of the shortest-lived carriers (Richter 2016: 10 s).
   */
  lifeKnownMs: 200_000,
  lifeMsUnknown: 10_000,
  heartbeatGapMs: 500,
  /** The longest rest between two attempts is 5 min: a visit that is silent for longer has no client any more. */
  visitIdleMs: 330_000,
  /**
   * The echo to the master during a burst (SECURITY.md row 16): 2/s; late is 3 round trips, at least 300 ms, and at most what is left
   * of the 2 s within which a burst backs off.
   */
  echoEveryMs: 500,
  echoSlowMs: 300,
  echoSlowMsMax: 1_500,
  echoSlowFactor: 3,
  burstPauseMs: 5_000,
  /** Whoever quits waits so long for the answer to the goodbye. */
  closeWaitMs: 300,
  /** Command: names of strangers are cut to this many characters on screens. */
  nameShownMax: 40,
  /** A survey of a master's ports: eight handshakes of 2 s, one every 100 ms, then questions of 2.75 s, relays of 2 s, and room for a wait. */
  portSurveyMsMax: 12_000,
} as const;
