/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const FLEET_LIMITS = {
  /** A host has sessions with so many nodes of its order at least, while so many can be reached: one may die at any moment. */
  standing: 2,
  /**
   * So far down the order of a code hosts go and friends ask: of eight nodes four are down at once only where a region is. Who is asked
   * for a wrong code asks as often.
   */
  walkMax: 4,
  /** Secrets that count at once: the one that seals, and the one before it. */
  secretsMax: 2,
  /**
   * Clocks of two nodes may differ by so much, and a ticket of one still counts at the other. Ten minutes are what a computer is off by
   * whose clock nobody sets.
   */
  clockMsMax: 900_000,
} as const;
