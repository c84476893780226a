/** Every table, retry and loop of this room has a named maximum here, with its reason. */
export const PORTMAP_LIMITS = {
  /** RFC 6886 §3.1: 250 ms, doubling; four tries are enough for a router in the same room. */
  askAfterMs: [0, 250, 750, 1_750],
  pcpTries: 2,
  giveUpMs: 2_750,
  lifetimeSeconds: 3_600,
  /** A shorter life is not believed: renewing it would keep us busy. */
  lifetimeSecondsMin: 4,
  /** Servers that are asked for one proof: two tries of the master and as many others as fit into three seconds. */
  proversMax: 8,
  /** What is open is looked at so often: a mapping that is lost is noticed and asked for anew within half a minute. */
  checkMs: 10_000,
  /** A router that starts again needs a minute or two; one that has not mapped for so long is asked less often from then on. */
  againMs: 15_000,
  againSeldomMs: 300_000,
  againOften: 40,
} as const;
