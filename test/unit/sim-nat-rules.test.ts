/** The rules of allocation and the limits of a NAT that `sim-nat.test.ts` leaves over. */
import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/index.ts';
import {
  type Allocation,
  createNat,
  createWorld,
  NATS,
  type NatBehaviour,
  reflect,
  simRandom,
} from '../../src/sim/index.ts';

const APDM = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;

function natOf(behaviour: NatBehaviour, seed = 'rules') {
  const nat = createNat({ behaviour, addresses: ['203.0.113.9'], random: simRandom(seed) });
  const packet = { id: 1, ttl: 64, bytes: new Uint8Array(8), icmp: null, origin: 'test' };
  return {
    nat,
    /** External port of a packet to the n-th destination, or the reason of its drop. */
    out(n: number, port = 50_000, host = 2, now = 0): number | string {
      const from = { address: `192.168.0.${host}`, port };
      const result = nat.outbound({ ...packet, from, to: { address: '198.51.100.7', port: 1000 + n } }, now);
      return result.kind === 'drop' ? result.why : result.packet.from.port;
    },
  };
}

function ports(allocation: Allocation, count: number): number[] {
  const { out } = natOf({ ...APDM, allocation });
  return Array.from({ length: count }, (_, n) => Number(out(n)));
}

describe('allocation', () => {
  test('a taken port is followed by a random one, or by the next', () => {
    const range = { low: 40_000, high: 60_000 };
    const sequential = natOf({ ...NATS.linux, overloading: false, allocation: { preserve: 'sequential', range } });
    expect([sequential.out(1), sequential.out(1, 50_000, 3), sequential.out(1, 50_000, 4)]).toEqual([
      50_000, 50_001, 50_002,
    ]);
    const random = natOf({ ...NATS.linux, overloading: false, allocation: { preserve: 'random', range } });
    expect(random.out(1)).toBe(50_000);
    expect(Math.abs(Number(random.out(1, 50_000, 3)) - 50_000)).toBeGreaterThan(10);
  });

  test('a scan begins anywhere in its range and goes on by one; a port inside it is kept', () => {
    const { out } = natOf({ ...APDM, allocation: { scan: { low: 20_000, high: 20_009 } } });
    const all = Array.from({ length: 10 }, (_, n) => Number(out(n)));
    expect([...all].sort()).toEqual(Array.from({ length: 10 }, (_, n) => 20_000 + n));
    expect(out(10)).toBe('ports-exhausted');
    expect(natOf({ ...APDM, allocation: { scan: { low: 20_000, high: 20_009 } } }).out(1, 20_004)).toBe(20_004);
  });

  test('a sequential block counts up inside it and goes on in the next', () => {
    const taken = ports({ block: { size: 64, order: 'sequential', blocksMax: 2 } }, 128);
    const first = taken[0] as number;
    expect(first % 64).toBe(0);
    expect(taken.slice(0, 64)).toEqual(Array.from({ length: 64 }, (_, n) => first + n));
    const second = taken[64] as number;
    expect(Math.floor(second / 64)).not.toBe(Math.floor(first / 64));
    expect(taken.slice(64)).toEqual(Array.from({ length: 64 }, (_, n) => second + n));
  });

  test('every subscriber has blocks of its own', () => {
    const block = { size: 256, order: 'random', blocksMax: 1 } as const;
    const { out } = natOf({ ...APDM, allocation: { block } });
    const blockOf = (host: number) => Math.floor(Number(out(host, 50_000, host)) / 256);
    expect(new Set([2, 3, 4, 5, 6].map(blockOf)).size).toBe(5);
  });

  test('a mixture draws one of its rules for each mapping, by weight', () => {
    const rules = [
      { weight: 3, allocation: { random: { low: 10_000, high: 19_999 } } },
      { weight: 1, allocation: { random: { low: 40_000, high: 49_999 } } },
    ];
    const taken = ports({ mixture: rules }, 400);
    const low = taken.filter((port) => port < 20_000).length;
    // 300 expected, standard deviation 8.7.
    expect(low).toBeGreaterThan(265);
    expect(low).toBeLessThan(335);
  });

  test('background in bursts varies as told', () => {
    const counts = (dispersion: number) => {
      const range = { low: 1, high: 65_000 };
      const { out } = natOf({ ...APDM, allocation: { step: 1, range }, background: { perSecond: 100, dispersion } });
      const taken = Array.from({ length: 400 }, (_, n) => Number(out(n, 50_000, 2, n * 100)));
      return taken.slice(1).map((port, n) => ((port - (taken[n] as number) + 65_000) % 65_000) - 1);
    };
    const ratio = (all: readonly number[]) => {
      const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
      return all.reduce((sum, one) => sum + (one - mean) ** 2, 0) / all.length / mean;
    };
    expect(ratio(counts(1))).toBeLessThan(1.3);
    expect(ratio(counts(3))).toBeGreaterThan(2.2);
  });
});

test('a full quota evicts the oldest mapping where the box is told to', () => {
  const quota = { ...APDM, allocation: { step: 1 }, subscriberMappingsMax: 2, whenFull: 'evict' } as const;
  const { nat, out } = natOf(quota);
  const [first] = [out(1), out(2), out(3)];
  expect(nat.stats(0).mappings).toBe(2);
  expect(out(2)).toBe(Number(first) + 1);
  expect(out(1)).not.toBe(first);
});

test.each([false, true])('an ICMP error from outside ends the mapping: %s', (icmpEndsMapping) => {
  const { nat, out } = natOf({ ...APDM, allocation: { step: 1 }, icmpEndsMapping });
  const external = { address: '203.0.113.9', port: Number(out(1)) };
  const target = { address: '198.51.100.7', port: 1001 };
  const icmp = { kind: 'port-unreachable', from: external, to: target } as const;
  const error = { id: 2, from: target, to: external, ttl: 64, bytes: new Uint8Array(0), icmp, origin: 'test' };
  expect(nat.inbound(error, 1).kind).toBe('forward');
  expect(out(1, 50_000, 2, 2) === external.port).toBe(!icmpEndsMapping);
});

/** Sends one packet with the TTL from behind so many boxes; where it ended, and how many errors came back. */
function dieAt(ttl: number, chain: readonly NatBehaviour[]): [string | undefined, number] {
  const world = createWorld({ seed: 1, hops: 0 });
  const server = world.server();
  reflect(server, [9]);
  const host = world.host({ name: 'home', behind: chain });
  const local = host.bind({ address: '0.0.0.0', port: 4000 }, () => {}) as Endpoint;
  host.send(local, { address: server.address, port: 9 }, new Uint8Array(1), ttl);
  world.run(2_000);
  return [world.trace.filter(({ packet }) => packet.id === 1).at(-1)?.where, host.icmp.length];
}

test.each([2, 3, 5])('a chain of %i NATs translates at every box, and a TTL counts them', (depth) => {
  const chain = Array.from({ length: depth }, () => NATS.linux);
  expect(dieAt(64, chain)).toEqual(['server0', 0]);
  for (let ttl = 1; ttl <= depth; ttl++) expect(dieAt(ttl, chain)).toEqual([`home.nat${ttl - 1}`, 1]);
  expect(dieAt(1, [{ ...NATS.linux, timeExceeded: false }, ...chain.slice(1)])).toEqual(['home.nat0', 0]);
});
