import { expect, test } from 'vitest';
import { NATS, type NatBehaviour } from '../../src/sim/index.ts';
import { runPair } from './traverse-pair.ts';

const MAPPINGS: Record<string, NatBehaviour | null> = {
  public: null,
  fullCone: NATS.fullCone,
  addressRestricted: NATS.addressRestricted,
  linux: NATS.linux,
  linuxReject: NATS.linuxReject,
  linuxAccept: NATS.linuxAccept,
};

for (const [client, clientNat] of Object.entries(MAPPINGS)) {
  for (const [host, hostNat] of Object.entries(MAPPINGS)) {
    test(`${client} – ${host} meet in two relay trips and three one-way trips`, () => {
      const run = runPair({ seed: `${client}/${host}`, client: clientNat, host: hostNat });
      expect(run.connected, run.world.replayText()).toBe(true);
      expect(run.ms).toBeLessThanOrEqual(2 * 40 + 3 * 20 + 1);
      expect(run.attempts).toBe(1);
    });
  }
}

test('two hosts behind one NAT without hairpin meet on their own network', () => {
  const run = runPair({ seed: 1, client: NATS.linux, host: NATS.linux, sameNat: true });
  expect(run.connected, run.world.replayText()).toBe(true);
  expect(run.kind).toBe('lan');
  expect(run.ms).toBeLessThanOrEqual(141);
});

test('two guests that cannot see each other on the network meet through the hairpin', () => {
  const nat: NatBehaviour = { ...NATS.linux, hairpin: 'external-source' };
  const run = runPair({ seed: 1, client: nat, host: nat, sameNat: true, noLan: true });
  expect(run.connected, run.world.replayText()).toBe(true);
  expect(run.kind).toBe('direct');
});

test('easy pairs meet in spite of loss, whatever the seed', () => {
  for (let seed = 0; seed < 200; seed++) {
    const run = runPair({
      seed,
      client: NATS.linux,
      host: NATS.linuxAccept,
      world: { lossRate: 0.05, delayMs: { min: 5, max: 100 } },
    });
    expect(run.connected, run.world.replayText()).toBe(true);
    expect(run.ms, run.world.replayText()).toBeLessThan(8_000);
  }
});
