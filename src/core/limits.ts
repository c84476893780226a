/** Maxima that two rooms or more agree on, each with its reason. What one room alone reads stands in that room's `limits.ts`. */
export const LIMITS = {
  /** Machines (machine.ts). Far above a birthday burst (1536 sockets and as many probes): beyond it a machine runs away. */
  machineOutputsMax: 65_536,
  /** Rounds in which siblings may answer each other at one instant. */
  nestPumpRoundsMax: 1_000,
  /** Closures of a peer that wait for their time (agenda.ts); a few for each join, visit, connection and request. */
  agendaMax: 4_096,
  /** Requests (docs/reference/security.md §3.2): 8 tries; 6.75 s from the first to the last, and a second for the last answer. */
  requestRepeatMs: [250, 500, 1_000],
  requestTriesMax: 8,
  /** Tickets (docs/reference/security.md §3.1, RESUME): good for a day; a resumed session ends by a Diffie-Hellman within the hour. */
  ticketMs: 24 * 3_600_000,
  /** 21^10 codes: short enough to say, and at 32 MiB for each try too many to find a key for a given one (decisions/0016). */
  codeSymbols: 10,
  /** What somebody pastes to join: a whole message; our longest link has 400 characters. */
  pastedCharactersMax: 4_096,
  /** Lines that a link may be broken into beside its first: one of two keys has 140 symbols, mails have lines of 76, quoted ones less. */
  pastedLineEndsMax: 3,
  /** Pages before a link that count clicks, each with the next one encoded in its address. */
  pastedEncodedMax: 3,
  /** Node's timers overflow above 2^31 - 1 ms; longer waits are cut into pieces of an hour. */
  driveTimerMsMax: 3_600_000,
  /** Probes that one credit pays for (docs/reference/security.md §3.3). */
  probesPerCredit: 60,
  /** Services of one host: a lane has four bits for them (connection/datagram.ts). Games have five ports at the most. */
  servicesMax: 16,
  /** A name that takes longer to resolve is left out (STUN) or reported (master). */
  nameLookupMs: 2_000,
  /** Prefixes of one network's NAT64 that are tried in turn. Networks have one, those that change theirs two (RFC 7050 section 6). */
  nat64PrefixesMax: 4,
  /** Friends at once where the person says nothing (docs/reference/product.md §4A). */
  playersMaxDefault: 8,
} as const;
