/** Filled by its layer. */
export type {};
