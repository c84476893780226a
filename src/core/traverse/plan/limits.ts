/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const PLAN_LIMITS = {
  /** A window, a cross or a sweep: the mathematics wants it short and quick (docs/reference/nat-model.md §4.3). */
  predictionPerSecond: 1000,
  predictionMappings: 256,
  /** One run against the whole port range (docs/reference/nat-model.md §4.1); the debt of a full run is paid back in 20 s, its rest. */
  birthdayBurst: 2048,
  birthdayPerSecond: 400,
  birthdayMappings: 1536,
  /** A cross or a window, whole: a burst of one instant leaves strangers behind the same NAT no time to come between. */
  predictionAtOnce: 64,
  /**
   * Life of a mapping where it is not measured: Linux's 30 s and a little; behind a quota, or replaced for ever, the median of
   * carriers (docs/reference/nat-model.md §1.2).
   */
  mappingLifetimeMs: 35_000,
  quotaLifetimeMs: 65_000,
  /**
   * From one attempt with many ports for one client to the next, at first and at last, for both sides (docs/seed.md S15,
   * docs/reference/design.md §6); each rest is half as long again as the one before, so that a second and a third attempt fit into the
   * first minute.
   */
  manyPortsRestMs: 20_000,
  hardRestGrowth: 1.5,
} as const;
