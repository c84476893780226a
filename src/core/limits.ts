/** Every queue, table, retry and loop of the project has a named maximum here, with its reason. Grouped by who keeps it. */
export const LIMITS = {
  /** Wire (security.md 3.1-3.3; sizes are UDP payload bytes and part of the protocol). */
  helloBytes: 512,
  retryBytes: 64,
  acceptBytesMax: 320,
  confirmBytesMin: 64,
  probeBytes: 48,
  joinBytes: 1200,
  creditBytes: 1200,
  stepBytesMax: 512,
  punchBytes: 32,
  /** Anything larger is dropped unread: no message of ours is larger, and it fits every path seen (IPv6 minimum MTU 1280). */
  controlBytesMax: 1200,

  /** Machines (machine.ts). Far above a birthday burst (1536 sockets and as many probes): beyond it a machine runs away. */
  machineOutputsMax: 65_536,
  /** Rounds in which siblings may answer each other at one instant. */
  nestPumpRoundsMax: 1_000,

  /** Secure sessions: how far back a late datagram is still taken (security.md 3.1, row 6). */
  replayWindow: 1024,
  /** A session ends and is handshaken anew after so many datagrams (security.md 3.1). */
  sessionSequenceMax: 2 ** 32,

  /** Control messages (wire/codec.ts). 16 bytes at random: nobody guesses or repeats one (security.md row 7). */
  sessionIdBytes: 16,
  /** Characters of what a master says of a failure that are shown. */
  masterWordsMax: 128,
  /** Texts a host announces: what a list row shows; together with the profile a heartbeat stays below 900 bytes. */
  announcedNameBytesMax: 64,
  announcedTextBytesMax: 32,
  /** Hypotheses of a mixture that travel: the seventh never weighed more than a percent. */
  profileMixtureMax: 6,
  /** External addresses of a profile that travel; a CGN pool may show more, the planner uses the first. */
  profileAddressesMax: 4,
  /** Addresses that one peer may have proven and be probed at: IPv4 and IPv6, each with one change of network. */
  permitAddressesMax: 4,
  /** Endpoints of a peer seen by the master at one join. */
  observedMax: 4,
  /** HELLO goes out at these times; from the third on it insists on a RETRY. The failure is told within 2 s (product.md 4B). */
  helloRepeatAtMs: [0, 250, 750, 1250],
  helloInsistFrom: 2,
  handshakeMsMax: 2_000,
  /** Addresses of one master link that are tried, each this much after the one before (as RFC 8305 races families). */
  linkAddressesMax: 4,
  linkAddressStaggerMs: 250,
  /** Requests (security.md 3.2): 8 tries; 6.75 s from the first to the last, and a second for the last answer. */
  requestRepeatMs: [250, 500, 1_000],
  requestTriesMax: 8,
  requestGiveUpMs: 7_750,
  /** Far above what one participant has under way: steps, credits and joins of all its sessions. What is more is BUSY. */
  linkRequestsMax: 1_024,
  /** Silence after a question that ends a session: nine echoes, so that 20 % loss each way ends one in ten thousand. */
  linkDeadMs: 2_250,
  linkEchoRepeatMs: 250,
  /**
   * Rest between rounds of HELLOs while the master is away: doubled from 250 ms up to 3 s, each +-30 %. A master that is back
   * is found in less than 5 s, and a hundred thousand hosts do not come at once.
   */
  linkRestMs: 250,
  linkRestMsMax: 3_000,
  linkRestJitter: 0.3,
  /** Rounds on one socket; after that a new one, because a NAT may have gone wrong with the old port. */
  linkRoundsPerSocketMax: 3,
  /** Pushes remembered by their id, to drop repetitions; the master has at most 32 under way. */
  linkPushesRememberedMax: 256,
  /** Sockets whose newest stamp is kept: all punching sockets of a few joins. */
  linkStampsMax: 64,
  /** Master: rates (security.md 3.4). Buckets per limiter; with 65,536 of them the table is 512 KiB and never grows. */
  limiterBuckets: 65_536,
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
  /** Tickets (security.md 3.1, RESUME): good for a day; a resumed session ends by a Diffie-Hellman within the hour. */
  ticketMs: 24 * 3_600_000,
  resumedMsMax: 3_600_000,
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
  listScanMax: 256,
  joinIdleMs: 60_000,
  /** Permits (security.md 3.3): a probe is 60 bytes on an IPv4 wire, a credit 1,228 (60 probes); over IPv6 80 and 1,248. */
  probesPerCreditIpv6: 46,
  permitMs: 15_000,
  /** Up to 300 probes may go as a burst, a birthday run at 400/s; all runs at one address share that (design 6). */
  probesPerSecondBurst: 1_000,
  probesPerSecondHard: 400,
  /** Credits for predictable pairs: 360 probes at once, then 100 per second; beyond it a run needs a place. */
  softCreditRate: { perSecond: 5 / 3, burst: 6 },
  hardCreditsMax: 34,
  hardRunsPerTarget: 8,
  hardRunsPerNetwork: 32,
  /** A run not paid for so long has ended. */
  hardIdleMs: 5_000,
  /** From the beginning of one run of a sender to that of its next (design 6: at least 20 s apart). */
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
  /** Addresses of one family that a master listens on: two suffice for every filtering test (RFC 5780). */
  masterAddressesMax: 4,
  /** 20^10 codes: short enough to say, and at 32 MiB for each try too many to find a key for a given one (decisions/0016). */
  codeSymbols: 10,
  /** Entries of one answer to `list`; as many as fit, four of the longest, mostly ten. */
  listPageMax: 16,
  /** One entry, and the address of an official server in it: a name of 253 symbols and a port. */
  entryBytesMax: 600,
  entryAddressBytesMax: 255,
  /** STUN (RFC 8489, RFC 5780). Largest message read: PADDING may fill an Ethernet frame (RFC 5780 §7.6). */
  stunBytesMax: 1500,
  /** A Binding answer has 3-8 attributes; more is somebody keeping us busy. */
  stunAttributesMax: 32,
  /** Longest text (SOFTWARE, reason phrase) kept for a log line. */
  stunTextBytesMax: 128,
  /** Requests of one source that may be answered: all of one detection. */
  stunPendingMax: 64,
  /** A public server gets one detection of ours, then so long a rest (S3). */
  stunRestMs: 30_000,
  /** Servers whose rest is remembered; a list is rarely longer. */
  stunServersMax: 64,

  /** Detection: packets of one run, all tests included (a home router notices nothing). */
  detectPacketsMax: 64,
  /** Mappings of one run that may live at once: half of the smallest port block, 64 (nat-model 2.1). */
  detectMappingsMax: 32,
  /** A user never waits longer (design 5). */
  detectMsMax: 2_000,
  /** Destination addresses in one run: two to classify, a third to outvote a liar. */
  detectAddressesMax: 3,
  /** Observations kept; older ones describe a NAT that may have changed. */
  observationsMax: 192,
  observationMsMax: 120_000,
  /** Request numbers of port mapping's proofs begin here, apart from those of detection: both may ask one source. */
  portMapRequestFirst: 0x4000_0000,

  /** How long a host still answers the probes of the master's test join after its own proof. */
  testJoinHoldMs: 2_000,

  /** Driver (src/node): a machine that makes more outputs in one turn than a birthday salvo could is caught in a loop. */
  driveOutputsPerTurnMax: 65_536,
  /** Deadlines already due are served at once this often per turn; after that the timer (>= 1 ms) takes over. */
  drivePassesPerTurnMax: 32,
  /** Node's timers overflow above 2^31 - 1 ms; longer waits are cut into pieces of an hour. */
  driveTimerMsMax: 3_600_000,
  /** Receive buffer of a native socket (security.md 3): at overload megabytes only make the answers late. */
  nativeReceiveBytes: 262_144,
  /** Paths (peer/path.ts). RFC 7675: consent is asked for every 5 s and expires 30 s after the last answer. */
  consentEveryMs: 5_000,
  consentExpireMs: 30_000,
  /** One lost datagram must not cost a sixth of the 30 s: a check is repeated, so that even 20 % loss keeps a path up. */
  consentTriesMax: 3,
  consentRepeatMs: 1_000,
  /** A path on which nothing comes in for so long while we send is asked about at once. */
  pathQuietMs: 1_500,
  /** Moving to a new address: questions sent there, and how long between them. */
  pathChallengeTriesMax: 3,
  pathChallengeRepeatMs: 300,
  /** A leave is not repeated on a timer, because whoever leaves wants to be gone; two copies survive one loss. */
  leaveCopies: 2,
  /** Ethernet; what a path carries must fit one frame. */
  pathMtuBytes: 1_500,

  /** State files are keys and short lists; anything larger is not ours. */
  stateFileBytesMax: 1_048_576,
  /** Hosts remembered by key, the oldest forgotten first: years of evenings, and still a small file. */
  pinnedHostsMax: 1_000,
  /** Friends remembered by key, likewise. */
  knownFriendsMax: 1_000,
  /** Join codes that a process keeps beside their keys, so that nobody waits for the same one twice. */
  codesKeptMax: 64,
  /** Keys that a host draws until one has a code of its own; a second collision in a row is unheard of. */
  identitiesDrawnMax: 3,
  /** A clipboard tool that has not answered by then will not. */
  clipboardMs: 1_000,

  /** Programs on one friend's computer that may share a path, each with a channel of its own. */
  pathChannelsMax: 16,
  /**
   * A program at the local port whose seat another may take: one that the game server has never answered (a server that is there
   * answers a join within a second), and a player that says nothing any more (games give up after 30 s at most).
   */
  seatUnansweredMs: 5_000,
  seatIdleMs: 60_000,
  /**
   * Friends (and programs behind them) that keep their address at the game server; far above any player limit seen. Of these
   * `guestsMax` are kept free for friends that come, so that programs behind friends never take their place.
   */
  forwardSeatsMax: 1_024,
  /** Friends are 127.77.0.2 upwards: clear of 127.0.0.x, where other programs sit. */
  loopbackFirst: 2,
  loopbackNumbers: 65_536,
  /** Sizes of oversized datagrams told per path; a game has one or two. */
  sizesToldMax: 8,
  /** Ports tried upwards from a wished local port that is taken. */
  localPortTries: 20,

  /** Traversal (design 6, "manners"). A class of probes has a depth, a peak rate and a number of live mappings. */
  /** Sustained rate of all probes of a device together; every burst is a debt paid back at this rate. */
  probesPerSecond: 100,
  /** Known addresses: some tens of packets reach everything that can be reached. */
  easyBurst: 60,
  easyPerSecond: 50,
  /** Beyond it, first packets on a mapping: a host's door lets 30 knocks in a second, so that is four seconds of them. */
  easyFirstBurst: 120,
  easyFirstPerSecond: 100,
  /** A window, a cross or a sweep: the mathematics wants it short and quick (nat-model 4.3). */
  predictionBurst: 300,
  predictionPerSecond: 1000,
  predictionMappings: 256,
  /** One run against the whole port range (nat-model 4.1); the debt of a full run is paid back in 20 s, its rest. */
  birthdayBurst: 2048,
  birthdayPerSecond: 400,
  birthdayMappings: 1536,
  /** Timers are no finer than 1 ms, so packets go in bunches: what may go at one instant. */
  probesAtOnce: 20,
  /** A cross or a window, whole: a burst of one instant leaves strangers behind the same NAT no time to come between. */
  predictionAtOnce: 64,
  /**
   * Life of a mapping where it is not measured: Linux's 30 s and a little; behind a quota, or replaced for ever, the median of
   * carriers (nat-model 1.2).
   */
  mappingLifetimeMs: 35_000,
  quotaLifetimeMs: 65_000,
  /** A router in front of a carrier's NAT mostly runs Linux: 30 s to the millisecond, whatever the carrier's keeps. */
  routerLifetimeMs: 30_100,
  /** No NAT is known to keep a mapping that nobody uses for longer than 350 s (nat-model 2.1). */
  mappingLifetimeMsMax: 355_000,
  /** What a profile may say: no NAT is known to forget within a second, or to lie deeper than a packet of 64 hops goes. */
  mappingLifetimeMsMin: 1_000,
  natHopsMax: 64,
  /** Plans of one session that run at one time: an attempt has five, and a step may come late. */
  plansAtOnce: 32,
  /**
   * Sockets that the plans of all sessions of a host hold: one hard session's 1,536, and 256 each of four others. Well below the 4,096
   * that the strictest of common systems let a process open.
   */
  plannedSocketsMax: 2_560,
  /** Probes of one peer that are answered: those of a birthday at its peak that come while the first answer is under way. */
  answerRate: { perSecond: 50, burst: 256 },
  /** Sockets without a plan that are kept for a moment because the peer was heard on them. Two would do. */
  proofSocketsMax: 64,
  /** A local address may belong to a stranger's printer as well, so all of them together get few packets in a session. */
  lanProbesMax: 40,
  /**
   * Of what an address has paid for, the last packets are kept for answers: a reply, a probe back, and the nomination with its
   * repetitions. Without them a path could be found and not proven.
   */
  answersReserved: 16,
  /** Addresses of one peer that a session keeps accounts for: each permit names four, and an honest peer's change once or twice. */
  accountsMax: 16,
  /** Texts whose scope a session remembers; what an order names beyond them is parsed each time. */
  scopesRememberedMax: 64,
  /** Probes that may still be answered: a full birthday run and its repetition. */
  probesOutstandingMax: 8192,
  /** Credits asked for at once; one pays for 60 probes (security.md 3.3). */
  probesPerCredit: 60,
  creditsAtOnce: 40,
  /** Credits that one session buys, whatever its other side asks for: more than a master takes (40 at once, 67 in 20 s). */
  creditRate: { perSecond: 5, burst: 40 },
  /** Steps and credits of one session that wait for the master's word; a lossy line has a dozen, and what `creditRate` allows. */
  sessionRequestsMax: 128,
  /** Hard sessions waiting for their turn on one device, and how long a place is kept without being asked for again. */
  hardQueueMax: 64,
  hardHoldMs: 5_000,
  /** A turn of one of them while others wait: a full birthday with its second round, or two lives of a mapping. */
  hardTurnMs: 60_000,
  /** Samples of the own NAT that are waited for at one time. */
  samplesOutstandingMax: 256,
  /**
   * From one attempt with many ports for one client to the next, at first and at last, for both sides (S15, design 6); each rest
   * is half as long again as the one before, so that a second and a third attempt fit into the first minute.
   */
  manyPortsRestMs: 20_000,
  manyPortsRestMsMax: 300_000,
  hardRestGrowth: 1.5,
  /** The client's order for the next attempt may be so much quicker on its way than the last was: a new socket, a queue. */
  manyPortsEarlyMs: 2_000,
  /** Longest time that one plan may run on either side. */
  salvoMs: 600_000,
  /** Orders that a host remembers, to know a repetition. */
  stepsRemembered: 256,
  /** A plan of so many tuples is a burst: the line is watched while it runs. */
  burstTuples: 30,
  /** Salvos whose samples a host still owes; an attempt has two. */
  reportsMax: 8,
  /** A peer (peer/*.ts). Closures that wait for their time; a few for each join, visit and request. */
  agendaMax: 4_096,
  joinsMax: 16,
  /** Visits, askers and waiters of one host: above every game's number of players. */
  guestsMax: 128,
  bannedMax: 10_000,
  /** Friends that a person has let in; of whom no more is known than the name, the one longest ago is asked about again. */
  admittedMax: 10_000,
  /** Session ids whose repeated offer is recognised (S17). */
  sessionsRememberedMax: 1_024,
  candidatesMax: 8,
  listEntriesMax: 1_000,
  /** A list that takes longer is given up. */
  listMs: 7_000,
  /** Hours of an endless session whose bursts are paid for by steps; the rate is the master's to limit (20/s, security.md 3.4). */
  stepsPerSessionMax: 5_000,
  /** "Typed failures within 2 s": how long a join waits for the link, which itself needs 2 s to know. */
  linkWaitMs: 2_050,
  /** Detection never blocks anybody longer. */
  readyMs: 2_000,
  /** A knock without an answer is followed by a new one, from a new socket: shorter than any mapping lives. */
  knockMs: 10_000,
  /** "Typed failures within 2 s": so long after a knock the person is told that nobody has answered. */
  knockQuietMs: 2_000,
  /** A relay that seems slower is one whose host waited. */
  relayRttMsMax: 2_000,
  /** After a restart of the master all hosts are back within a few seconds (security.md P2, P10). */
  hostReturnMs: 10_000,
  /** Before something that failed is tried again. */
  retryRestMs: 2_000,
  brokenRestMs: 1_000,
  /** An address counts as proven to the master for 30 s; without IPv6 through to it, try seldom. */
  ipv6ProveMs: 20_000,
  ipv6RetryMs: 300_000,
  /** A step or credit that the master had no room for. */
  busyRestMs: 250,
  /** Twice within the master's `joinIdleMs`. */
  sessionAliveMs: 25_000,
  /** security.md 3.2: 20 s give or take a fifth; news not closer together than the gap. */
  heartbeatMs: 20_000,
  heartbeatGapMs: 500,
  /** The longest rest between two attempts is 5 min: a visit that is silent for longer has no client any more. */
  visitIdleMs: 330_000,
  /**
   * The echo to the master during a burst (security.md row 16): 2/s; late is 3 round trips, at least 300 ms, and at most what is left
   * of the 2 s within which a burst backs off.
   */
  echoEveryMs: 500,
  echoSlowMs: 300,
  echoSlowMsMax: 1_500,
  echoSlowFactor: 3,
  burstPauseMs: 5_000,
  /** Whoever quits waits so long for the answer to the goodbye. */
  closeWaitMs: 300,
  /** The master answers in a round trip, and detection has 2 s (design section 5); by then we know that it will not. */
  agentReadyMs: 8_000,
  /** `check` reports so long after it has begun to measure, whatever is still being waited for (design section 5). */
  checkReportMs: 2_000,
  /** Distance of the NAT, hairpin and the like come so soon after the profile; a report waits for them, a join does not. */
  checkRefineMs: 700,
  /** `check --with` tries the pair for so long: three birthday attempts and their rests. */
  checkPairMs: 120_000,
  /** A path that was found is kept so long: both sides know of it, and the round trip is measured. */
  checkPathMs: 1_000,
  /** The whole of `check`, the slow measurements included. */
  agentCheckMs: 15_000,
  /** Goodbyes are sent at once; nobody waits longer for their acknowledgement when quitting. */
  agentCloseMs: 500,
  /** Characters of a text in an event: the longest of ours are the advice for a hard pair and a plan in the log. */
  eventTextMax: 512,
  /** Lines of log kept per join: hours of attempts. */
  agentLogEntriesMax: 2_000,
  /** How often the addresses of this computer are compared; cheap, and a changed network shows within seconds. */
  networkWatchMs: 2_000,
  /** LAN announcements: how often, how many servers a list keeps, and the longest datagram read (code, name and game fit twice).
   * Each is answered by a ping; after so many without an answer the list says so. */
  lanAnnounceMs: 3_000,
  lanServersMax: 64,
  lanPingsMax: 3,
  /** Private hosts are looked up among all known ones; an honest address says two or three things in an interval. */
  lanExaminedMax: 8,
  lanAnnounceBytesMax: 512,
  /** A name that takes longer to resolve is left out (STUN) or reported (master). */
  nameLookupMs: 2_000,

  /** Command: names of strangers are cut to this many characters on screens. */
  nameShownMax: 40,
  /** So long a new question stands before a bare `y` or `n` means it: whoever types just then has read the one before. */
  questionReadMs: 1_000,
  gameWatchMs: 2_000,
  /** A game is asked for its map and players as often as the original's hosts spoke, and has so long to answer. */
  gameAskMs: 10_000,
  gameAnswerMs: 2_000,
  /** What a heartbeat can carry. */
  playersTold: 65_535,
  /** App: joins that are over and friends that are gone which its page still shows; each join has a log of its own. */
  uiJoinsOverMax: 20,
  uiFriendsGoneMax: 50,
  /** The status line of a join; faster than this nobody reads. */
  statusLineMs: 250,
  /** A probe that waits so long for credits asks for some more: those that were bought have been refused or lost. */
  unpaidMs: 1_000,
  creditsWhenUnpaid: 3,
  /** A permit lives 15 s (security.md 3.2); a lasting plan renews it in time for two losses. */
  permitRenewMs: 8_000,
  /** Friends at once where the person says nothing (product.md 4 A). */
  playersMaxDefault: 8,
  /** Datagrams kept for a path whose last proof is still on its way: a game's first burst. */
  pathEarlyMax: 32,
  /** Quitting waits so long for the router to close the port; it usually takes a few milliseconds. */
  upnpCloseMs: 1_000,
} as const;
