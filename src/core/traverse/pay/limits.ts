/** Every queue, table, retry and loop of this room has a named maximum here, with its reason. */
export const PAY_LIMITS = {
  /** Sustained rate of all probes of a device together; every burst is a debt paid back at this rate. */
  probesPerSecond: 100,
  /** Known addresses: some tens of packets reach everything that can be reached. */
  easyBurst: 60,
  easyPerSecond: 50,
  /** Beyond it, first packets on a mapping: a host's door lets 30 knocks in a second, so that is four seconds of them. */
  easyFirstBurst: 120,
  easyFirstPerSecond: 100,
  /** A window, a cross or a sweep: the mathematics wants it short and quick (docs/reference/nat-model.md §4.3). */
  predictionBurst: 300,
  /** Timers are no finer than 1 ms, so packets go in bunches: what may go at one instant. */
  probesAtOnce: 20,
  /** A router in front of a carrier's NAT mostly runs Linux: 30 s to the millisecond, whatever the carrier's keeps. */
  routerLifetimeMs: 30_100,
  /** A local address may belong to a stranger's printer as well, so all of them together get few packets in a session. */
  lanProbesMax: 40,
  /**
   * Of what an address has paid for, the last packets are kept for answers: a reply, a probe back, and the nomination with its
   * repetitions. Without them a path could be found and not proven.
   */
  answersReserved: 16,
  /** Addresses of one peer that a session keeps accounts for: each permit names four, and an honest peer's change once or twice. */
  accountsMax: 16,
  /** Hard sessions waiting for their turn on one device, and how long a place is kept without being asked for again. */
  hardQueueMax: 64,
  hardHoldMs: 5_000,
} as const;
