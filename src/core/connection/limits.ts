/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const CONNECTION_LIMITS = {
  /** Every path carries as much: the smallest size that a path of QUIC must carry (RFC 9000 section 14), as UDP payload. */
  mtuBaseBytes: 1_200,
  /** Ethernet (1,500) without the headers of IPv4 and UDP (28), of IPv6 and UDP (48). */
  mtuBytesMax: { 4: 1_472, 6: 1_452 },
  /**
   * Where nobody says that a datagram is not fragmented on its way: with 1,452 one of either family fits Ethernet, and what is
   * fragmented on a narrower link arrives all the same.
   */
  mtuUnsureBytesMax: 1_452,
  /** The search ends where it is known so closely; less gains nothing that a game sees. Six steps from 272 bytes. */
  mtuStepBytes: 8,
  /** RFC 8899 section 5.1.2: MAX_PROBES, so that one in a thousand sizes is given up for loss of 10 %. */
  mtuTriesMax: 3,
  /** RFC 8899 section 5.1.1: PROBE_TIMER is no shorter than a second; whoever knows sooner that a probe is lost says so. */
  mtuProbeMs: 1_000,
  /** Between two probes, so that they are not lost in one burst. */
  mtuRestMs: 250,
  /** RFC 8899 section 5.1.1: CONFIRMATION_TIMER, while datagrams above the base are sent. */
  mtuConfirmMs: 15_000,
  /** RFC 8899 section 5.1.1: PMTU_RAISE_TIMER, after which a path may have become wider. */
  mtuRaiseMs: 600_000,
  /** Parts of one datagram: 64 of a path of 1,200 bytes carry 74,304, more than UDP has (65,507 over IPv4, RFC 768). */
  partsMax: 64,
  partedBytesMax: 65_507,
  /** No part but a last one is smaller: a path carries 1,200, and a stranger's confetti would cost more to keep than it weighs. */
  partBytesMin: 256,
  /** How long parts wait for the others: two paths differ by less, and what is later is lost, as the kernel's fragments are. */
  partsMs: 1_000,
  /**
   * Datagrams of one connection that wait for parts, and their bytes in sum: a server that sends 60 of 8 kB each second over a line
   * which loses 1 % of all parts has five unfinished ones at any time.
   */
  partedMax: 64,
  partedBytesSumMax: 262_144,
} as const;
