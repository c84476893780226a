/** How many places each table of the masterserver has, and how many of them an address, its network and its provider may hold. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import { SERVER_LIMITS } from '../../src/master/testing.ts';
import { closeTables, fill, honest, joinsGoTo, openTables, stateOf } from './full-tables.ts';

interface Places {
  readonly max: number;
  /** Of IPv4, then of IPv6 where that differs. */
  readonly caps: readonly { readonly narrow: number; readonly wide: number; readonly widest: number }[];
}

/** How many places a table has, and how many of them are one address's, its /24 or /48's and its /32's. Names are paced instead. */
const PLACES: Readonly<Record<string, Places>> = {
  sessions: { max: MASTER_LIMITS.sessionsMax, caps: [MASTER_LIMITS.sessionCaps] },
  pending: { max: MASTER_LIMITS.pendingMax, caps: [MASTER_LIMITS.pendingCaps] },
  hosts: { max: MASTER_LIMITS.sessionsMax, caps: [MASTER_LIMITS.hostCapsIpv4, MASTER_LIMITS.hostCapsIpv6] },
  'away-codes': { max: MASTER_LIMITS.awayCodesMax, caps: [MASTER_LIMITS.awayCodeCaps] },
  joins: { max: MASTER_LIMITS.joinsMax, caps: [MASTER_LIMITS.joinCaps] },
  'event-streams': { max: SERVER_LIMITS.eventStreamsMax, caps: [SERVER_LIMITS.eventStreamCaps] },
  'http-connections': { max: SERVER_LIMITS.httpConnectionsMax, caps: [SERVER_LIMITS.httpConnectionCaps] },
  tunnels: { max: SERVER_LIMITS.tunnelsMax, caps: [SERVER_LIMITS.tunnelCaps] },
};
/** What takes longer is left to the test of shares. */
const FILLED_MAX = 1_500;

describe('a table', () => {
  beforeAll(() => {
    openTables();
    const { host } = honest('places', 2);
    joinsGoTo(host);
  });
  afterAll(closeTables);

  test.each(Object.keys(PLACES))(
    '%s has those that its limits say: of an address, of its network, of its provider',
    async (name) => {
      const { max, caps } = PLACES[name] as Places;
      const [four, six = four] = caps;
      expect(stateOf(name)).toMatchObject({ max, perAddress: four?.narrow });
      const at = Object.keys(PLACES).indexOf(name);
      const hex = (n: number): string => n.toString(16);
      const holders: readonly [cap: number | undefined, address: (n: number) => string][] = [
        [four?.narrow, () => `62.${at}.1.9`],
        [four?.wide, (n) => `62.${at}.2.${n % 250}`],
        [six?.narrow, (n) => `2001:${hex(0x1000 + at)}:1:1::${hex(n)}`],
        [six?.wide, (n) => `2001:${hex(0x2000 + at)}:1:${hex(n)}::1`],
        [six?.widest, (n) => `2001:${hex(0x3000 + at)}:${hex(n)}::1`],
      ];
      for (const [cap = 0, address] of holders) {
        if (cap > FILLED_MAX) continue;
        const before = stateOf(name);
        for (let n = 0; n < cap + 3; n++) await fill[name]?.(address(n));
        expect(stateOf(name).size - before.size, address(0)).toBe(Math.min(cap, max - before.size));
        expect(stateOf(name).evicted - before.evicted).toBe(3);
      }
    },
  );
});
