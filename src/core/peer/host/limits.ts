/** What strangers may have of a host's door. */
export const DOOR_LIMITS = {
  /** Visits under way, and askers, of one address, its network and its provider: a LAN party behind one NAT still gets in. */
  guestCaps: { narrow: 16, wide: 32, widest: 64 },
  /** Programs of one friend that are connected at once: a family at one computer, or a copied state folder. */
  instancesMax: 4,
  /** Friends remembered because they have been here: they go first, and wait for nobody's wrong guesses. */
  knownMax: 10_000,
  /**
   * Wrong passwords: so many of an address, its network, its provider and of one key wait for nothing; each more doubles the wait,
   * from one second up to five minutes. Ten minutes without a wrong one halve the count.
   */
  guessesFree: { narrow: 3, wide: 12, widest: 48 },
  guessWaitMs: 1_000,
  guessWaitMsMax: 300_000,
  guessHalfMs: 600_000,
  /** Addresses whose wrong guesses are remembered; the one that has been quiet for longest is forgotten first. */
  guessersMax: 4_096,
  /**
   * The host as a whole. Those who have guessed wrong before share one turn a second at first, one a minute after some hundred
   * wrong guesses. Whoever comes for the first time waits for nobody until 128 have come at once, then for ten seconds.
   */
  guessTurnMs: 1_000,
  guessTurnMsMax: 60_000,
  guessTurnDoubles: 16,
  /** Turns at once: somebody mistypes. */
  guessTurnsBurst: 4,
  firstGuesses: { perSecond: 0.1, burst: 128 },
  /** The person is told of wrong guesses at most so often. */
  guessesToldMs: 10_000,
} as const;
