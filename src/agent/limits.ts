/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const AGENT_LIMITS = {
  /** Keys that a host draws until one has a code of its own; a second collision in a row is unheard of. */
  identitiesDrawnMax: 3,
  /**
   * A program at the local port whose seat another may take: one that the game server has never answered (a server that is there
   * answers a join within a second), and a player that says nothing any more (games give up after 30 s at most).
   */
  seatUnansweredMs: 5_000,
  seatIdleMs: 60_000,
  /**
   * A seat whose friend has gone keeps its socket so long: games repeat themselves to players that left, and hear of a closed port as of a
   * crash. It needs none to be the same again.
   */
  seatSleepMs: 30_000,
  /**
   * Friends (and programs behind them) that keep their address at the game server; far above any player limit seen. Of these
   * `guestsMax` are kept free for friends that come, so that programs behind friends never take their place.
   */
  forwardSeatsMax: 1_024,
  /** Friends are 127.77.0.2 to 127.77.255.254, hosts 127.78.0.2 and so on: clear of 127.0.0.x, where other programs sit. */
  loopbackFirst: 2,
  loopbackNumbers: 65_535,
  /**
   * A seat's port: within the range from which Linux itself gives ports (net.ipv4.ip_local_port_range), where no server sits. Of a
   * friend's own address hardly any is taken; where addresses are shared, 1,024 seats among them make runs of ten at the most.
   */
  seatPortFirst: 32_768,
  seatPorts: 28_232,
  seatPortTries: 32,
  /** Sizes of oversized datagrams told per path; a game has one or two. */
  sizesToldMax: 8,
  /** Ports tried upwards, and then downwards, from a wished local port that is taken. */
  localPortTries: 20,
  /**
   * A host says which ports are opened on a friend's computer. Those below belong to services of systems (RFC 6335 section 6): a friend who
   * is root must not find its own name server, say, to be the host's.
   */
  localPortFirst: 1_024,
  /**
   * A master that does not answer is told after 2 s. One that does may make us wait for 20 s, where many start behind one address
   * (`helloWaitMsInAll`), and detection has 2 s (docs/reference/design.md §5).
   */
  agentReadyMs: 24_000,
  /** So long the name of the masterserver is waited for where nothing can be done without: two dead name servers take 5 s each (resolv.conf(5)). */
  firstLookupMs: 12_000,
  /** Names are looked up again so often while the masterserver does not answer: between two rounds of handshakes. */
  namesAgainMs: 3_000,
  /**
   * So long the addresses of one family wait for those of the other: RFC 8305 section 3 has 50 ms. Where those that are tried first are
   * the late ones, as long as an attempt is ahead of the next (section 5).
   */
  otherFamilyMs: 50,
  mainFamilyMs: 250,
  /**
   * A changed network is told so long after it was seen, at the latest, with as much as is known of it: its name server may be slow to say
   * whether there is a NAT64. With `networkWatchMs` before it that is within a second.
   */
  networkToldMs: 500,
  /** Ways out that are tried: a cable, radio and a phone; a handshake each. */
  waysMeasuredMax: 3,
  /** So much quicker another way has to be than the one in use: a third, and more than the jitter of a line. */
  wayGain: 1 / 3,
  wayGainMs: 10,
  /** Once one of them has answered the others have so long: who is so much slower is as good as silent, and somebody waits for a path. */
  waysWaitMs: 500,
  /** Ways out are tried again so often, where there are several. */
  waysAgainMs: 60_000,
  /** The whole of `check`, the slow measurements included. */
  agentCheckMs: 15_000,
  /** Goodbyes are sent at once; nobody waits longer for their acknowledgement when quitting. */
  agentCloseMs: 500,
  /** Kept of a join: lines of its log, hours of attempts at some ten lines a minute, and attempts. */
  joinLogLinesMax: 2_000,
  joinAttemptsMax: 500,
  /** Characters of a text in an event: the longest of ours is a plan in the log. */
  eventTextMax: 512,
  /** How often addresses and default route of this computer are compared: a game waits for it, and it takes 0.2 ms of a busy core. */
  networkWatchMs: 250,
  /** LAN announcements: how often, how many servers a list keeps, and the longest datagram read (code, name and game fit twice).
   * Each is answered by a ping; after so many without an answer the list says so. */
  lanAnnounceMs: 3_000,
  lanServersMax: 64,
  lanPingsMax: 3,
  /** Private hosts are looked up among all known ones; an honest address says two or three things in an interval. */
  lanExaminedMax: 8,
  lanAnnounceBytesMax: 512,
  /** Questions of clients in the local network that are handed on to a host: somebody who opens a list asks a few times. */
  lanQuestions: { perSecond: 20, burst: 40 },
  /** As often as Minecraft's own worlds are announced. */
  lanGameAnnounceMs: 1_500,
  /** A game is asked for its map and players as often as the original's hosts spoke, and has so long to answer. */
  gameAskMs: 10_000,
  gameAnswerMs: 2_000,
  /**
   * Whether the game answers is looked at four times a second, and what listens on this computer once: a friend is told within 2 s.
   * Silence: games speak ten times a second and more, and a hitch of a second is nothing that anybody has to be told of.
   */
  gameTickMs: 250,
  gameTicksPerLook: 4,
  gameSilentMs: 1_250,
  gameUnansweredMin: 2,
  /** What a heartbeat can carry. */
  playersTold: 65_535,
  /**
   * TCP connections to the servers of a host, a descriptor each: every friend has room for so many, and the rest of all is for whoever
   * comes. Of 128 friends with a connection or two nobody notices a limit.
   */
  tcpSocketsMax: 1_024,
  tcpSocketsShare: 4,
  /** A server of the local network that does not answer; on this computer a refusal comes at once. */
  tcpConnectMs: 10_000,
  /** Quitting waits so long for the router to close the port; it usually takes a few milliseconds. */
  upnpCloseMs: 1_000,
} as const;
