import { expect, test } from 'vitest';
import { NATS, type NatBehaviour, PORTS_ALL } from '../../src/sim/index.ts';
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
    test(`${client} – ${host} meet in two trips through the master and three one-way trips`, () => {
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

test('a poisonable NAT on one or both sides, with one router between them, is met all the same', () => {
  for (const [client, host] of [
    [NATS.linuxAccept, NATS.linux],
    [NATS.linux, NATS.linuxAccept],
    [NATS.linuxAccept, NATS.linuxAccept],
  ] as const) {
    for (let seed = 0; seed < 20; seed++) {
      const run = runPair({
        seed,
        client,
        host,
        world: { hops: 1, delayMs: { min: 2, max: 30 }, jitterMs: 1 },
        unmeasured: true,
      });
      expect(run.connected, run.world.replayText()).toBe(true);
      expect(run.ms).toBeLessThan(5_000);
    }
  }
});

test('next door to each other, where a trip is nothing and timers are all, no packet comes early enough to poison', () => {
  for (const [client, host] of [
    [NATS.linuxAccept, NATS.linux],
    [NATS.linuxAccept, NATS.linuxAccept],
  ] as const) {
    for (const jitterMs of [0, 5]) {
      for (let seed = 0; seed < 20; seed++) {
        const run = runPair({ seed, client, host, masterDelayMs: 0, world: { delayMs: 0, jitterMs } });
        expect(run.connected, run.world.replayText()).toBe(true);
        expect(run.attempts, run.world.replayText()).toBe(1);
      }
    }
  }
});

test('the other users of a home router with 4096 sessions lose nothing while a birthday runs', () => {
  const hard: NatBehaviour = {
    mapping: 'address-and-port',
    filtering: 'address-and-port',
    allocation: { random: PORTS_ALL },
  };
  for (const [client, host] of [
    [{ ...NATS.linux, sessionsMax: 4096 }, hard],
    [{ ...hard, sessionsMax: 4096 }, NATS.linux],
  ] as const) {
    for (let seed = 0; seed < 5; seed++) {
      const run = runPair({ seed, client, host, bystander: true });
      expect(run.connected, run.world.replayText()).toBe(true);
      expect(run.bystander.asked).toBeGreaterThan(5);
      expect(run.bystander.answered).toBe(run.bystander.asked);
    }
  }
});
