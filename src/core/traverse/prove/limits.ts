/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const PROVE_LIMITS = {
  /** Probes of one peer that are answered: those of a birthday at its peak that come while the first answer is under way. */
  answerRate: { perSecond: 50, burst: 256 },
  /** Probes that may still be answered: a full birthday run and its repetition. */
  probesOutstandingMax: 8192,
  /** Nominations of one path without an answer, from 40 ms on each 1.6 times later: some ten seconds. */
  nominationsMax: 12,
  /** Endpoints that are remembered as heard from; beyond it new ones are still answered, but not probed back. */
  heardMax: 256,
} as const;
