/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const APP_LIMITS = {
  /** Joins that are over and friends that are gone which the page still shows; each join has a log of its own. */
  joinsOverMax: 20,
  friendsGoneMax: 50,
} as const;
