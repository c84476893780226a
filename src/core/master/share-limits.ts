/**
 * What one address, its network and its provider may have of the master (`core/rate/shares.ts`, `Pace`). An address is an IPv4
 * address or an IPv6 /64, its network the /24 or /48, its provider the /32. As a rule a network gets four to eight times what an
 * address gets and a provider four to eight times what a network gets: a carrier's NAT has many people behind few addresses,
 * and who has rented a /48 is one person.
 */
const rates = (perSecond: number, burst: number, wide: number, widest: number) => ({
  narrow: { perSecond, burst },
  wide: { perSecond: perSecond * wide, burst: burst * wide },
  widest: { perSecond: perSecond * wide * widest, burst: burst * wide * widest },
});

export const SHARES = {
  helloRates: rates(10, 20, 10, 4),
  /** A handshake costs 0.5 ms of CPU time: a /32 gets a tenth of a core. */
  handshakeRates: rates(5, 10, 10, 4),
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
  /** Joins under way at one master; each keeps its two handshakes (2 kB) until both sides have them. */
  joinsMax: 16_384,
  joinCaps: { narrow: 256, wide: 1_024, widest: 4_096 },
} as const;
