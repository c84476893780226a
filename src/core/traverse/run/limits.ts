/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const RUN_LIMITS = {
  /**
   * Sockets that are kept for a moment after their plan because the peer was heard on them. An honest peer needs the one that its
   * proof is under way on, and perhaps one more.
   */
  proofSocketsMax: 64,
  /** Texts whose scope a session remembers; what an order names beyond them is parsed each time. */
  scopesRememberedMax: 64,
  /** A plan of so many tuples is a burst: the line is watched while it runs. */
  burstTuples: 30,
  /** A probe that waits so long for credits asks for some more: those that were bought have been refused or lost. */
  unpaidMs: 1_000,
  /** Questions of a new punching socket, each to another source, before its endpoint counts as unknown. */
  endpointAsksMax: 6,
  /** New sockets for one at a wished address. Of four addresses, as of MODIFIERS.pooledAddresses, nine in ten get it within so many. */
  socketDrawsMax: 8,
} as const;
