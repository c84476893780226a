/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const LEAD_LIMITS = {
  /** Plans of one session that run at one time: an attempt has five, and a step may come late. */
  plansAtOnce: 32,
  /**
   * Sockets that the plans of all sessions of a host hold: one hard session's 1,536, and 256 each of four others. Well below the 4,096
   * that the strictest of common systems let a process open.
   */
  plannedSocketsMax: 2_560,
  /** Credits asked for at once; one pays for 60 probes (docs/reference/security.md §3.3). */
  creditsAtOnce: 40,
  /** A turn of one of them while others wait: a full birthday with its second round, or two lives of a mapping. */
  hardTurnMs: 60_000,
  /**
   * From one attempt with many ports for one client to the next, at first and at last, for both sides (docs/seed.md S15,
   * docs/reference/design.md §6); each rest is half as long again as the one before, so that a second and a third attempt fit into the
   * first minute.
   */
  manyPortsRestMsMax: 300_000,
  /** The client's order for the next attempt may be so much quicker on its way than the last was: a new socket, a queue. */
  manyPortsEarlyMs: 2_000,
  /** Longest time that one plan may run on either side. */
  salvoMs: 600_000,
  /** Orders that a host remembers, to know a repetition. */
  stepsRemembered: 256,
  /** Salvos whose samples a host still owes; an attempt has two. */
  reportsMax: 8,
  /** Credits that are asked for when a probe has waited for `RUN_LIMITS.unpaidMs`. */
  creditsWhenUnpaid: 3,
  /** A permit lives 15 s (docs/reference/security.md §3.2); a lasting plan renews it in time for two losses. */
  permitRenewMs: 8_000,
} as const;
