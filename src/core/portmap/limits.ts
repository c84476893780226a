/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const PORTMAP_LIMITS = {
  /** Request numbers of port mapping's proofs begin here, apart from those of detection: both may ask one source. */
  portMapRequestFirst: 0x4000_0000,
} as const;
