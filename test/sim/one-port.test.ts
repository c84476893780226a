/** A master behind one port introduces two NATs as one with 25 does; alone it can't tell what a mapping depends on, and says so. */
import { expect, test } from 'vitest';
import { nodeCrypto } from '../../src/node/index.ts';
import { type PairOptions, runPair, type SimClassId } from '../../src/sim/index.ts';

const PAIRS: readonly (readonly [SimClassId, SimClassId])[] = [
  ['P1', 'P3'],
  ['P3', 'P3'],
  ['P3', 'S6'],
  ['S2', 'P3'],
];

function pair([clientClass, hostClass]: readonly [SimClassId, SimClassId], more: Partial<PairOptions> = {}) {
  const profiles = new Map<string, { mapping: string; filtering: string; addressesAsked: number }>();
  const result = runPair({
    ...{ clientClass, hostClass, seed: 16, crypto: nodeCrypto, master: { onePort: true, addresses: 1 } },
    replay: `sallyport sim --pair ${clientClass},${hostClass} --seed 16, of a master with one port`,
    onEvent: (side, event) => {
      if (event.ev === 'profile') profiles.set(side, event.profile);
    },
    ...more,
  });
  return { ...result, profiles };
}

test.each(PAIRS)('%s and %s meet at a master with one port', (...classes) => {
  const { connected, agreed } = pair(classes);
  expect({ connected, agreed }).toEqual({ connected: true, agreed: true });
});

test.each(PAIRS)('%s and %s meet at a master with one port and no STUN server in the world', (...classes) => {
  const { connected, profiles } = pair(classes, { stunServers: 0 });
  expect(connected).toBe(true);
  for (const { mapping, filtering, addressesAsked } of profiles.values())
    expect({ mapping, filtering, addressesAsked }).toEqual({
      ...{ mapping: 'unknown', filtering: 'unknown', addressesAsked: 1 },
    });
});

test('two addresses with one port each tell what a mapping depends on, and who gets in', () => {
  const { profiles } = pair(['P3', 'P3'], { master: { onePort: true, addresses: 2 }, stunServers: 0 });
  for (const { mapping, filtering } of profiles.values()) {
    expect(mapping).toBe('eim');
    expect(filtering).not.toBe('adf');
  }
});
