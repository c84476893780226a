/** What the driver knows of this computer's network; told at start and on every change. */
export interface LocalNetwork {
  /** Addresses of the interfaces, no loopback. */
  readonly addresses: readonly string[];
  readonly gateway: string | null;
}
