/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const LEARN_LIMITS = {
  /** Samples of the own NAT that are waited for at one time. */
  samplesOutstandingMax: 256,
} as const;
