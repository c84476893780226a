/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const RUN_LIMITS = {
  /** Sockets without a plan that are kept for a moment because the peer was heard on them. Two would do. */
  proofSocketsMax: 64,
  /** Texts whose scope a session remembers; what an order names beyond them is parsed each time. */
  scopesRememberedMax: 64,
  /** A plan of so many tuples is a burst: the line is watched while it runs. */
  burstTuples: 30,
  /** A probe that waits so long for credits asks for some more: those that were bought have been refused or lost. */
  unpaidMs: 1_000,
} as const;
