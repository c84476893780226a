/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const LINK_LIMITS = {
  /** HELLO goes out at these times; from the third on it insists on a RETRY. The failure is told within 2 s (docs/reference/product.md §4B). */
  helloRepeatAtMs: [0, 250, 750, 1250],
  helloInsistFrom: 2,
  handshakeMsMax: 2_000,
  /**
   * A master that has had enough HELLOs of our address says when the next may come: after that, or after 1 s doubled with each
   * refusal up to 4 s, half as much more or less, so that those who wait do not come together. 200 people behind one address are in
   * within 15 s; who is still out after 20 s is told that the master is busy.
   */
  helloWaitMs: 1_000,
  helloWaitMsMax: 4_000,
  helloWaitMsInAll: 20_000,
  /** Addresses of one master link that are tried, each this much after the one before (as RFC 8305 races families). */
  linkAddressesMax: 4,
  linkAddressStaggerMs: 250,
  /**
   * A further way to the master begins so long after the one before it: three HELLOs have gone by then, and a line with 20 % loss
   * each way leaves all of them unanswered once in 20.
   */
  linkWayMs: 800,
  /** A report waits so long for a tunnel: TCP and TLS with one lost packet, and the handshake. */
  surveyTunnelMsMax: 5_000,
  /** While a session goes over TLS: UDP is tried again so often, one datagram of 512 bytes to four. */
  udpAgainMs: 60_000,
  /** Requests (docs/reference/security.md §3.2): 8 tries; 6.75 s from the first to the last, and a second for the last answer. */
  requestGiveUpMs: 7_750,
  /** Far above what one participant has under way: steps, credits and joins of all its sessions. What is more is BUSY. */
  linkRequestsMax: 1_024,
  /** Silence after a question that ends a session: nine echoes, so that 20 % loss each way ends one in ten thousand. */
  linkDeadMs: 2_250,
  linkEchoRepeatMs: 250,
  /**
   * So often a link asks whether its master lives while somebody may wait for it: a join, what is asked for, the first half minute of a
   * session, and after the word of a master that it goes. A person tries again what has failed, mostly within half a minute.
   */
  linkAlertPingMs: 2_000,
  linkAlertMs: 30_000,
  /** A master says how soon it goes; it does not keep us awake for longer. */
  linkGoingMsMax: 60_000,
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
  /** Tickets (docs/reference/security.md §3.1, RESUME): good for a day; a resumed session ends by a Diffie-Hellman within the hour. */
  resumedMsMax: 3_600_000,
  /** A step or credit that the master had no room for. */
  busyRestMs: 250,
  /**
   * A session that was seen at another address gives way to one with other keys and another CID: so much later where whoever has been
   * moved is finding a path by it, which takes a second or two.
   */
  linkStayMs: 5_000,
  /** A node that has not made a session by then is passed over: two rounds of its handshake, or one that had to wait for a cookie twice. */
  nodePatienceMs: 4_000,
  /**
   * Links to nodes that are begun: all of a list and of the one before it at once, then one in 5 s. A master that names others in each
   * list sends participants at whomever it likes, half a kilobyte for each HELLO (SECURITY.md row 15); an honest one adds a node a day.
   */
  nodeBegins: { perSecond: 0.2, burst: 16 },
  /** Links at once: those of two lists, and as many that are about to end. */
  nodeLinksMax: 32,
  /** A session that nothing was asked of for so long ends, where no host needs it. */
  nodeIdleMs: 60_000,
  /** Before the session with a node ends that a host has said goodbye to. */
  nodeLeaveMs: 2_000,
  /** Who asks a node for a host turns to the next after that: two repetitions, so that one lost packet is none. */
  nodeAnswerMs: 800,
  /**
   * A node that has made no session by then may be gone: the next is called beside it, and the first that has a session is asked. Two
   * round trips of a handshake are over by then on most continents; where they are not, a join costs one session more.
   */
  nodeBesideMs: 100,
  /** While a host's answer is awaited its node is asked whether it lives, and has so long to say so: three tries of an echo. */
  nodeEchoMs: 500,
  nodeSilentMs: 1_000,
  /** What is not known yet of a master, whether it is a fleet, comes with the answer to the first question. */
  nodesFirstMs: 1_000,
  /** Joins whose node is remembered: far more than one participant has under way. */
  nodeJoinsMax: 1_024,
} as const;
