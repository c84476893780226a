/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const SOURCES_LIMITS = {
  /** Questions of one asker that are remembered, answered or not: the samples that a punch may wait for at one time. */
  questionsMax: 256,
  /** Requests of one source that may be answered: all of one detection. */
  stunPendingMax: 64,
  /** A public server gets one detection of ours, then so long a rest (docs/seed.md S3). */
  stunRestMs: 30_000,
  /** Servers whose rest is remembered; a list is rarely longer. */
  stunServersMax: 64,
  /** Destination addresses in one run: two to classify, a third to outvote a liar. */
  detectAddressesMax: 3,
} as const;
