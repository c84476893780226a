/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const WIRE_LIMITS = {
  /** Wire (docs/reference/security.md §3.1-§3.3; sizes are UDP payload bytes and part of the protocol). */
  helloBytes: 512,
  retryBytes: 64,
  acceptBytesMax: 320,
  confirmBytesMin: 64,
  probeBytes: 48,
  /** An answer may go to another port of the asker, but to none of those that systems keep for services (RFC 6335). */
  probeToPortMin: 1024,
  stepBytesMax: 512,
  punchBytes: 32,
  /**
   * Anything larger is dropped unread: no message of ours is larger, and it fits every path seen (IPv6 minimum MTU 1280). JOIN, ANSWER
   * and CREDIT are padded to it: they pay for probes (docs/reference/security.md §3.3).
   */
  controlBytesMax: 1200,
  /** What a relay forwards: header, kind and tag of a sealed datagram, and what an Ethernet carries in one piece over IPv4. */
  relayedBytesMin: 34,
  relayedBytesMax: 1472,
  /** Relays that a master names: a participant measures the round trip to each, and all of them fit one answer. */
  relaysMax: 8,
  relayNameBytesMax: 24,
  /** Nodes of a fleet: all of them fit one answer, and a million hosts are 125,000 for each. */
  nodesMax: 8,
  /** Control messages (wire/messages.ts). 16 bytes at random: nobody guesses or repeats one (SECURITY.md row 7). */
  sessionIdBytes: 16,
  /** Where a master's page is: a scheme, the longest name of a dozen labels that people still pass on, a port. */
  pageBytesMax: 128,
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
  /** Addresses of one family that a master listens on: two suffice for every filtering test (RFC 5780). */
  masterAddressesMax: 4,
  /** Entries of one answer to `list`; as many as fit, four of the longest, mostly ten. */
  listPageMax: 16,
  /** The address of an official server: a name of 253 symbols and a port, cut to what a text holds. */
  entryAddressBytesMax: 255,
  /** No NAT is known to keep a mapping that nobody uses for longer than 350 s (docs/reference/nat-model.md §2.1). */
  mappingLifetimeMsMax: 355_000,
  /** What a profile may say: no NAT is known to forget within a second, or to lie deeper than a packet of 64 hops goes. */
  mappingLifetimeMsMin: 1_000,
  natHopsMax: 64,
  /** Marks on one letter: more than any living script needs only paint over the neighbouring rows. */
  marksInARowMax: 3,
  /** Control ports of a master at each of its addresses, those after its door; it chooses that of a session by the key of its participant. */
  controlPorts: 8,
} as const;
