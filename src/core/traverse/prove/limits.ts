/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const PROVE_LIMITS = {
  /** Probes of one peer that are answered: those of a birthday at its peak that come while the first answer is under way. */
  answerRate: { perSecond: 50, burst: 256 },
  /** Probes that may still be answered: a full birthday run and its repetition. */
  probesOutstandingMax: 8192,
} as const;
