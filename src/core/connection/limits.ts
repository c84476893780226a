/** Every queue, table, retry and time of this room, with its reason. */
export const CONNECTION_LIMITS = {
  /**
   * Consent is asked for every 5 s at first (RFC 7675), and ends 25 s after the next question was due. A pause that was survived is
   * doubled, up to 24 s: with the jitter it stays below the 30 s after which the hastiest NATs forget UDP, and two friends who do not
   * play exchange ten datagrams a minute. After one that was not survived it is never more than half of that again.
   */
  pauseMs: 5_000,
  pauseMsMax: 24_000,
  consentExpireMs: 25_000,
  /** A relayed path that stands by: its relay is asked each 20 s (`keepMs`), says whether the other is there, and keeps the NATs. */
  relayWarmMs: 120_000,
  /** Asked after so long a silence while we speak, or three round trips on long lines; games speak at least 20 times a second. */
  quietMs: 250,
  quietRoundTrips: 3,
  /** So long, or one and a half round trips, an answer may take before something else carries the data as well. */
  answerMs: 100,
  answerRoundTrips: 1.5,
  /**
   * A full upload (`upload.ts`). So often the other side is asked while much is sent (GCC sends its reports each 50 to 100 ms), and that
   * is: 200 kbit/s, which the thinnest lines take and no shooter sends to one friend.
   */
  uploadReportMs: 100,
  uploadBusyBytes: 2_500,
  /** Of two arrivals that lie closer together than this no rate can be told. */
  uploadReportMinMs: 20,
  /** A full queue loses questions as well: where the last ones have no answer it is asked so many times as often, until one has. */
  uploadOverdueTimes: 4,
  /** Questions under way: a round trip of 1.6 s, asked so often. */
  uploadQuestionsMax: 64,
  /** A queue of so long in so many reports running is one that stays: a burst, a busy Wi-Fi or a starved computer is over by then. */
  uploadOveruseMs: 50,
  uploadOverusesMin: 3,
  /** Of several uploads over one line (`shared-line.ts`): a report counts for so long, and each tells how near they draw to their mean. */
  uploadFreshMs: 500,
  uploadFair: 0.1,
  /** Together they send a quarter for so long, which empties a queue of 350 ms, before it is somebody else's; no more often than each 10 s. */
  uploadFlushMs: 500,
  uploadFlushShare: 0.25,
  uploadFlushEveryMs: 10_000,
  /**
   * A router with a short queue loses instead: so long a queue, and a tenth lost, are as much of a sign. So is half lost without any: a
   * line that polices, or a queue that has been there for as long as anybody knows the way.
   */
  uploadShortMs: 10,
  uploadLossFull: 0.5,
  /** A line that was full so shortly ago is full again at the first sign: games send maps in turns. */
  uploadRememberMs: 60_000,
  /** A queue below this is none: computers take their time. */
  uploadEmptyMs: 5,
  /**
   * What the router may hold: LEDBAT++ has 60 ms, and other friends' datagrams wait behind it. At `uploadHalfMs` the pace is half, and
   * never less than `uploadFlushShare`.
   */
  uploadTargetMs: 25,
  uploadHalfMs: 125,
  /** The queue is made to run empty where it has not been for so long: with less of the pace, until it is, and no longer than this. */
  uploadDrainEveryMs: 5_000,
  uploadDrainedMs: 2,
  uploadDrainShare: 0.75,
  uploadDrainMs: 1_000,
  /** GCC smooths the received rate over half a second: five reports of which each counts for a third. */
  uploadFollow: 0.33,
  /** Below the target the pace is so much above what is carried, so that a line that became faster is found. */
  uploadSurplus: 0.05,
  /** A pace of which less is used says nothing of the line. */
  uploadUsed: 0.8,
  /** So long the queue has to become half as long before it is somebody else's. */
  uploadGiveWayMs: 1_500,
  /** GCC section 6: below the one share lost the pace grows, above the other it shrinks. */
  uploadLossLow: 0.02,
  uploadLossHigh: 0.1,
  /** Bytes a millisecond, 128 kbit/s: a voice, and the steps of a game. All that are held back have so much together. */
  uploadPaceMin: 16,
  /** The person is told after so long; a pace that was not needed for so long is over. */
  uploadTellMs: 1_500,
  uploadForgetMs: 3_000,
  /** A timer that is late lets so much of the pace be sent at once, and is set for no less than the driver's. */
  uploadCreditMs: 4,
  uploadTickMs: 1,
  /** What waits with us: a step of a game at the pace, a few datagrams at least; older than this nothing is sent. */
  backlogMs: 50,
  backlogBytesMin: 6_000,
  backlogAgeMs: 100,
  /** Steps and shots are smaller, pieces of maps are larger. */
  smallBytes: 300,
  /** Pauses between questions: while we speak, while nobody does, and where a path stays silent. */
  askRepeatMs: 250,
  askIdleRepeatMs: 1_000,
  /**
   * Unanswered questions after which a path is doubted: nothing comes in and we speak; nothing comes in and nobody speaks; data still
   * comes in. With the next one it is sick, and a further path is looked for.
   */
  triesSpeaking: 1,
  triesIdle: 3,
  triesHearing: 4,
  /** We speak while the last datagram of the application is no older; meanwhile the line is asked once a second, to know its loss. */
  speakingMs: 1_000,
  busyAskMs: 1_000,
  /** Loss: over so long, of so many datagrams at least, sick above a tenth. */
  lossWindowMs: 3_000,
  lossDatagramsMin: 30,
  lossSick: 0.1,
  /** Lost since the answer before: more than a line loses that is merely full. The small question has come through, so the size is doubted. */
  lossSwallowed: 0.5,
  /** A path that was sick is not preferred again before so long. */
  restMs: 30_000,
  /** At every switch data goes on both paths: so long, or two round trips. */
  bothMs: 300,
  bothRoundTrips: 2,
  /** A path that has been replaced still takes what the other side sends there, until that has switched, too. */
  retireMs: 1_500,
  /** Another path of like kind has to be better by so much; IPv6 is preferred by so much (the values that iroh 1.0 has). */
  hysteresisMs: 5,
  ipv6FavourMs: 3,
  /**
   * Questions to an address that is to be proven, and over a relay, where the other side comes when it can: at first soon, then each time
   * twice as long after the one before.
   */
  provingRepeatMs: 100,
  provingTriesMax: 3,
  relayTriesMax: 8,
  /** Labels known ahead of the newest that was seen, and behind it; a path takes a fresh one before it falls out. */
  labelsAhead: 8,
  labelsBehind: 24,
  labelsRenewBehind: 12,
  /** Questions of one path that may still be answered. */
  askedMax: 8,
  /** Datagrams kept for an application that does not know the connection yet: a game's first burst. */
  earlyMax: 32,
  /** A leave is not repeated on a timer, because whoever leaves wants to be gone; two copies survive one loss. */
  leaveCopies: 2,
  /** Ethernet; what a path carries must fit one frame. */
  frameBytes: 1_500,
  /** Programs of one friend: a lane has four bits for them, and four for services (`LIMITS.servicesMax`). */
  programsMax: 16,
  /** A word about the game is said again after so long, then each time after twice as long, until it is heard: four times in 2 s. */
  gameRepeatMs: 250,
  gameRepeatMsMax: 5_000,
  /** Changes of what a host says of its game are told no faster than a person reads. */
  gameToldEveryMs: 1_000,
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
