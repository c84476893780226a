/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const MASTER_LIMITS = {
  /** RETRY costs one HMAC and is an eighth of its HELLO; above this rate an address gets silence. */
  retryRate: { perSecond: 30, burst: 60 },
  /** Handshakes without a cookie in all (row 10): a tenth of what one core can do. */
  freeHandshakeRate: { perSecond: 200, burst: 200 },
  controlRate: { perSecond: 50, burst: 100 },
  /** So many messages over the rate in a second (10 times it) end the session. */
  controlOverMax: 500,
  /** Detection asks 50 times in a second, a fresh sample before a punch 8 times; a birthday run samples none. */
  probeRate: { perSecond: 200, burst: 400 },
  /** Pages of the list, ten entries each: 1000 entries in 3 s, within what a session may ask at all. */
  listRate: { perSecond: 20, burst: 60 },
  joinPerClientRate: { perSecond: 2, burst: 8 },
  stepRate: { perSecond: 20, burst: 40 },
  /** Cookies (row 9): the key rotates every two minutes and the previous one still counts, as WireGuard does it. */
  cookieKeyMs: 120_000,
  cookieMs: 30_000,
  pendingMs: 5_000,
  /** Tickets (docs/reference/security.md §3.1, RESUME): good for a day; a resumed session ends by a Diffie-Hellman within the hour. */
  helloTimesMax: 65_536,
  /** Clocks that are set by NTP agree within a second; who is further off is asked for a cookie, whose time is the master's own. */
  helloClockMsMax: 60_000,
  sessionExpiryMs: 65_000,
  /** Participants show every 2 s that they are there, so a restarted master has them back in 5 s; a large one asks for less. */
  pingMs: 2_000,
  pingMsCrowded: 10_000,
  pingOftenSessions: 2_000,
  /** An address counts as proven for so long after its last round trip (row 2). */
  proofMsMax: 30_000,
  stampMs: 10_000,
  challengesMax: 4,
  /** Codes in dispute at once, and how many may wait for their derivation. */
  contestsMax: 8,
  /** A code in dispute is known after that; the host asks again. */
  contestRestMs: 2_000,
  /** Games, maps, modes and versions of which the registry keeps one copy for all hosts. */
  sharedTextsMax: 8_192,
  /**
   * So long the newest word of a host makes older ones void that come after it. Far above what a request is repeated (7.75 s), and
   * at the rate of a session (50/s) so few requests that their 16-bit ids still tell which is older.
   */
  hostingOrderMs: 30_000,
  /** Hosts looked at for one page of a filtered list. */
  joinIdleMs: 60_000,
  /** Permits (docs/reference/security.md §3.3): a probe is 60 bytes on an IPv4 wire, a credit 1,228 (60 probes); over IPv6 80 and 1,248. */
  probesPerCreditIpv6: 46,
  permitMs: 15_000,
  /** Up to 300 probes may go as a burst, a birthday run at 400/s; all runs at one address share that (docs/reference/design.md §6). */
  probesPerSecondBurst: 1_000,
  probesPerSecondHard: 400,
  /** Credits for predictable pairs: 360 probes at once, then 100 per second; beyond it a run needs a place. */
  softCreditRate: { perSecond: 5 / 3, burst: 6 },
  hardCreditsMax: 34,
  hardRunsPerTarget: 8,
  hardRunsPerNetwork: 32,
  /** A run not paid for so long has ended. */
  hardIdleMs: 5_000,
  /** From the beginning of one run of a sender to that of its next (docs/reference/design.md §6: at least 20 s apart). */
  hardRestMs: 20_000,
  restingMax: 16_384,
  /** Pushes of one session that wait for their acknowledgement. */
  pushesMax: 32,
  /**
   * An address that was not heard from for so long may have another owner: five of the echoes that a participant sends (`pingMs`). On
   * a crowded master, where they come each 10 s, some pushes cost a challenge, which is one more trip.
   */
  pushSilentMs: 10_000,
  /** Repetitions of pushes to an address before it is heard again: one lost packet costs no more than its 250 ms. */
  pushRepeatsUnheardMax: 1,
  /** Challenges to an address before it is heard again; of eight round trips at 20 % loss each way all fail once in 3,500. */
  challengesUnheardMax: 8,
} as const;
