/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const DETECT_LIMITS = {
  /** Detection: packets of one run, all tests included (a home router notices nothing). */
  detectPacketsMax: 64,
  /** Mappings of one run that may live at once: half of the smallest port block, 64 (docs/reference/nat-model.md §2.1). */
  detectMappingsMax: 32,
  /** A user never waits longer (docs/reference/design.md §5). */
  detectMsMax: 2_000,
  /** Observations kept; older ones describe a NAT that may have changed. */
  observationsMax: 192,
  observationMsMax: 120_000,
  /** NATs are found up to this hop; further ones exist (12 seen, docs/reference/nat-model.md §1.2) but a packet each is spent here. */
  hopsMax: 5,
} as const;
