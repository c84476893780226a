/**
 * Openers that go far enough and no further, where nobody has measured how deep the NAT lies: it steps, and the other side's router is
 * spoilt by packets that come before it has sent anything. Times count from JOIN.
 */
import { expect, test } from 'vitest';
import type { NatProfile } from '../../src/core/index.ts';
import type { Role } from '../../src/core/testing.ts';
import { NATS, type NatBehaviour } from '../../src/sim/index.ts';
import { runPair } from './traverse-pair.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const untested = (_role: Role, profile: NatProfile): NatProfile => ({ ...profile, poisonable: 'untested' });
const step = (perSecond: number): NatBehaviour => ({
  ...{ mapping: 'address-and-port', filtering: 'address-and-port', allocation: { step: 1 } },
  ...{ background: { perSecond }, timeouts: { unrepliedMs: 30_000, establishedMs: 60_000 } },
});

// Before the gaps were read, a router at home two hops from the other took 5.5 attempts and 10 s, and one four hops from it two and 2 s.
test.each([1, 2, 4])(
  'a NAT that steps meets one that is spoilt early at the first attempt, %i routers from the middle',
  (hops) => {
    for (const perSecond of [5, 100]) {
      for (const deep of [0, 1, 3, 5, 8, 10]) {
        // A provider's, with many others behind it, that lies at hop 1 and within five of the other: nobody expects it.
        if (perSecond === 100 && deep + 2 * hops < 5) continue;
        for (const seed of SEEDS) {
          for (const side of ['client', 'host'] as const) {
            const nats = { client: NATS.linuxAccept, host: NATS.linuxAccept, [side]: step(perSecond) };
            const routers = { client: 0, host: 0, [side]: deep };
            const result = runPair({ seed, ...nats, routers, world: { hops }, unmeasured: true, edit: untested });
            const where = `${side} at hop ${deep + 1}, ${perSecond}/s, seed ${seed}`;
            expect(result.attempts, where).toBe(1);
            expect(result.ms, where).toBeLessThan(1_500);
          }
        }
      }
    }
  },
);
