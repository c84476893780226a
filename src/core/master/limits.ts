/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
const rates = (perSecond: number, burst: number, wide: number, widest: number) => ({
  narrow: { perSecond, burst },
  wide: { perSecond: perSecond * wide, burst: burst * wide },
  widest: { perSecond: perSecond * wide * widest, burst: burst * wide * widest },
});

/**
 * Where there are three numbers they are for an address, its network and its provider (`rate/shares.ts`, `Pace`): an IPv4 address
 * or IPv6 /64, the /24 or /48, the /32. As a rule a network gets four to eight times what an address gets and a provider four to
 * eight times what a network gets: a carrier's NAT has many people behind few addresses, and who has rented a /48 is one person.
 */
export const MASTER_LIMITS = {
  /**
   * RETRY costs one HMAC and is an eighth of its HELLO; above this rate an address gets silence. 200 people behind one address who
   * start within 2 s ask for 200 cookies, and again when their turn may have come.
   */
  retryRate: { perSecond: 100, burst: 300 },
  /** Handshakes without a cookie in all (row 10): a tenth of what one core can do. */
  freeHandshakeRate: { perSecond: 200, burst: 200 },
  controlRate: { perSecond: 50, burst: 100 },
  /** So many messages over the rate in a second (10 times it) end the session. */
  controlOverMax: 500,
  /** Detection asks 50 times in a second, a fresh sample before a punch 8 times; a birthday run samples none. */
  probeRate: { perSecond: 200, burst: 400 },
  /** Pages of the list, ten entries each: 1000 entries in 3 s, within what a session may ask at all. */
  listRate: { perSecond: 20, burst: 60 },
  /** What the rows of a page may take of a datagram, beside frame, cursor and seal. */
  listPageBytesMax: 1_050,
  joinPerClientRate: { perSecond: 2, burst: 8 },
  stepRate: { perSecond: 20, burst: 40 },
  /** Cookies (row 9): the key rotates every two minutes and the previous one still counts, as WireGuard does it. */
  cookieKeyMs: 120_000,
  cookieMs: 30_000,
  pendingMs: 5_000,
  /** Places for the newest HELLO time of a key (row 10); keys that share a place cost each other a cookie. */
  helloTimesMax: 65_536,
  /** Clocks that are set by NTP agree within a second; who is further off is asked for a cookie, whose time is the master's own. */
  helloClockMsMax: 60_000,
  sessionExpiryMs: 65_000,
  /** A detection is over within 2 s; who has asked nothing by then was kept out. So many are waited for at a time. */
  portWatchMs: 10_000,
  portWatchMax: 64,
  /**
   * Whoever hears nothing of us for so long shows that it is there: within the 30 s that the mappings of nearly all routers live at least
   * (Richter 2016), and so seldom that two packets each come to 4.8 a minute. Hosts send a heartbeat before that. What is waited for
   * is looked after far more often (`linkAlertPingMs`), and a master that ends says so; so this is the time that a *silent* end costs
   * those who do nothing just then.
   */
  pingMs: 25_000,
  /**
   * A host that does nothing notices that its master was killed by its next heartbeat, after 20 s at the latest, and 2.25 s of silence; its
   * handshake and registration take what is left. Until then whoever asks for it is told to ask again, so that its join is late, not lost.
   */
  hostReturnMs: 30_000,
  hostReturnAskMs: 2_000,
  /** An address counts as proven for so long after its last round trip (row 2). */
  proofMsMax: 30_000,
  stampMs: 10_000,
  challengesMax: 4,
  /** Codes in dispute at once, and how many may wait for their derivation. */
  contestsMax: 8,
  /** A code in dispute is known after that; the host asks again. */
  contestRestMs: 2_000,
  /** Local addresses of a balancer in front; the people of a network have more. */
  gatewaysMax: 4,
  /** Hostings with one key that a later one has displaced: as many computers as one person hosts from, and restarts of theirs. */
  displacedMax: 16,
  /** Games, maps, modes and versions of which the registry keeps one copy for all hosts. */
  sharedTextsMax: 8_192,
  /**
   * So long the newest word of a host makes older ones void that come after it. Far above what a request is repeated (7.75 s), and
   * at the rate of a session (50/s) so few requests that their 16-bit ids still tell which is older.
   */
  hostingOrderMs: 30_000,
  /** A join in which neither side says anything for so long is over. */
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
   * An address that was not heard from for so long may have another owner. A host that is idle is heard each 18 s, so that the first push to it
   * mostly costs a challenge, which is one more trip.
   */
  pushSilentMs: 10_000,
  /** Repetitions of pushes to an address before it is heard again: one lost packet costs no more than its 250 ms. */
  pushRepeatsUnheardMax: 1,
  /** Challenges to an address before it is heard again; of eight round trips at 20 % loss each way all fail once in 3,500. */
  challengesUnheardMax: 8,
  helloRates: rates(10, 20, 10, 4),
  /**
   * A handshake costs 0.5 ms of CPU time: a /32 gets a tenth of a core. An address gets what 200 people behind it need to be in
   * within 15 s, when all of them start at once.
   */
  handshakeRates: rates(20, 40, 2.5, 4),
  /** Handshakes answered and not yet confirmed; above half of it everybody is asked for a cookie. */
  pendingMax: 1_024,
  pendingCaps: { narrow: 64, wide: 128, widest: 256 },
  /** Sessions of one master. A carrier's NAT has many people behind one address, and a /24 of such addresses. */
  sessionsMax: 250_000,
  sessionCaps: { narrow: 512, wide: 8_192, widest: 65_536 },
  /** Registry: hosts per IPv4 address and /24, per IPv6 /64, /48 and /32 (SECURITY.md row 12). */
  hostCapsIpv4: { narrow: 32, wide: 128, widest: 128 },
  hostCapsIpv6: { narrow: 8, wide: 64, widest: 1_024 },
  /** Where an address is full, so often one of its hosts makes room for a newcomer; those that are pushed out come back. */
  hostRoomRates: rates(0.1, 8, 4, 4),
  /** Codes are for ever, so keys without one are rationed: 32 at once, then one in 10 s for an address. */
  newCodeRates: rates(0.1, 32, 4, 4),
  /** Codes of hosts that are away: 150 bytes each. One that is forgotten is the same again when its host comes back. */
  awayCodesMax: 500_000,
  awayCodeCaps: { narrow: 512, wide: 2_048, widest: 65_536 },
  /** Wrong codes, over the link and over HTTP together: 20 at once, then one in 5 s for an address, 0.8/s for a /48 or /24. */
  wrongCodeRates: rates(0.2, 20, 4, 4),
  /**
   * A code that two keys claim is derived (a tenth of a second, 32 MiB): one at a time, and so many wait. Who claims a code that is
   * another's pays by address and network, and all together take a fifth of one core at most.
   */
  contestRates: rates(0.1, 4, 4, 4),
  contestRateAll: { perSecond: 2, burst: 8 },
  joinRates: rates(10, 40, 4, 4),
  /** Joins of one host: what an address may have of it, ... */
  hostJoinRates: rates(1, 16, 4, 4),
  /**
   * ... and all together: an offer is 1.2 kB, so at most 30/s, 300 kbit/s of its line. Who has not asked this host for 5 s (an IPv4
   * address, an IPv6 /48) has an allowance apart: 60 addresses that ask as often as they may use 12/s of those 20.
   */
  hostJoinFresh: { perSecond: 0.2, burst: 1 },
  hostJoinRateFresh: { perSecond: 20, burst: 120 },
  hostJoinRateOthers: { perSecond: 10, burst: 30 },
  /**
   * A grant for a relay begins a pair within that time: the answer of a host that asks nobody, and getting bound. Who asks a person gets
   * another (docs/protocol.md, With a relay).
   */
  relayTokenMs: 60_000,
  /** Fresh grants cost 10 µs each; after a relay's restart the friends of a large host ask for theirs at once. */
  grantRates: rates(2, 64, 8, 4),
  /** Joins under way at one master; each keeps its two handshakes (2 kB) until both sides have them. */
  joinsMax: 16_384,
  /** How old a question may be that is handed to a new session of its host: a knock waits for 10 s (`knockMs`). */
  handOverMs: 10_000,
  joinCaps: { narrow: 256, wide: 1_024, widest: 4_096 },
} as const;
