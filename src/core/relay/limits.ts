/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
const rates = (perSecond: number, burst: number, wide: number, widest: number) => ({
  narrow: { perSecond, burst },
  wide: { perSecond: perSecond * wide, burst: burst * wide },
  widest: { perSecond: perSecond * wide * widest, burst: burst * wide * widest },
});

const GIGABYTE = 1e9;

export const RELAY_LIMITS = {
  /** What an operator may set; `RelayQuotas` says what each is. */
  quotas: {
    /** What noray, a relay for Godot games, gives a player. A game of 128 datagrams a second each way takes a quarter of it. */
    pairBytesPerSecond: 128_000,
    /** 100 Mbit/s: what a small rented server has, and 100 pairs at their limit. */
    totalBytesPerSecond: 12_500_000,
    pairsMax: 16_384,
    /** A host with a hundred friends has one address; so has a carrier's NAT with many people. */
    pairsPerAddress: 128,
    pairsPerNetwork: 1_024,
    pairsPerHost: 128,
    /** A pair that is at its limit all day moves 11 GB; eight friends who play ten hours move 7 GB of their host. */
    addressBytesPerDay: 12 * GIGABYTE,
    networkBytesPerDay: 96 * GIGABYTE,
    hostBytesPerDay: 24 * GIGABYTE,
    /** All pairs together: what many providers let a small server send in a month, each day a twentieth of it. */
    totalBytesPerDay: 1_000 * GIGABYTE,
  },
  /** A pair may fall behind its rate by so much: a level that is loaded, a picture that is sent. */
  pairBurstMs: 2_000,
  /** All pairs together: what leaves within it waits in no queue of ours, the line has to take it. */
  totalBurstMs: 250,
  /** So often it is looked who wants more than there is; a hundredth of it is what a pair waits for its share at most. */
  fairTickMs: 100,
  /** What a datagram costs beside its bytes, so that small ones are not free: headers of IPv6 and UDP. */
  datagramOverheadBytes: 48,
  /**
   * An end that has not shown for so long that it receives where it is bound is gone: three of its KEEPs. Whoever has left the address
   * can make up KEEPs as long as the last cookie is valid, so at most two minutes longer.
   */
  endIdleMs: 65_000,
  keepMs: 20_000,
  sweepMs: 1_000,
  dayMs: 24 * 3_600_000,
  /** Cookies: as long as a minute and as the minute before, so that a handshake never meets the change. */
  cookieEpochMs: 60_000,
  /** Clocks of a master and its relays agree within that; a token is good for so much longer. */
  clockMsMax: 30_000,
  /** A BIND costs three HMACs, 15 µs; a carrier's NAT with a hundred people who come back at once is let in within 3 s. */
  bindRates: rates(10, 80, 8, 4),
  /** Answers to endpoints that are not bound: 26 bytes for 26. A participant asks each relay a few times after a change of network. */
  strangerRates: rates(10, 60, 8, 4),
  /** Of all strangers together: a flood of them takes a tenth of a core, and what is theirs waits. */
  strangersPerSecond: { perSecond: 5_000, burst: 5_000 },
  /**
   * Places for the bytes of a day, of five names for a pair: with a full table of pairs, and a hundredth of them at their end, one
   * name in a thousand shares a place with one of those.
   */
  dayPlaces: 1_048_576,
  /** Places for the number of pairs of a host. */
  hostPlaces: 65_536,

  /** The participant's half (binder.ts, meter.ts). Repetitions as of a request to the master (docs/reference/security.md §3.2). */
  askRepeatMs: [250, 500, 1_000],
  /** Asks and BINDs without an answer before it is told that the relay is away: 2.75 s. */
  askTriesMax: 4,
  /** Rest before it begins anew, and after a refusal that time may heal. */
  binderRestMs: 5_000,
  /** A KEEP unanswered is repeated so often, then the binding counts as gone. */
  keepTriesMax: 4,
  /** Questions of the meter to each relay: the least of the answers counts. */
  meterAsks: 3,
  meterAskMs: 200,
  meterWaitMs: 1_000,
} as const;
