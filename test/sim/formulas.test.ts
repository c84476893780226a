/** docs/reference/nat-model.md §4 reproduced: a plain reference prober on the simulated boxes against the formulas, seeds fixed. */
import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/index.ts';
import {
  birthday,
  createNat,
  meetRandom,
  NATS,
  type Nat,
  type NatBehaviour,
  PORTS_ALL,
  PORTS_PF,
  type SimRandom,
  simRandom,
} from '../../src/sim/index.ts';

const APDM = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;
const CONE: Endpoint = { address: '203.0.113.200', port: 40_000 };

/** One side: its box, and a way to send from socket number n to an endpoint, giving the external endpoint or null. */
class Side {
  readonly nat: Nat;
  readonly address: string;

  constructor(behaviour: NatBehaviour, random: SimRandom, net: number) {
    const addresses = Array.from({ length: behaviour.addresses ?? 1 }, (_, i) => `203.0.${net}.${i + 1}`);
    this.nat = createNat({ behaviour, addresses, random: random.fork(`side${net}`) });
    this.address = addresses[0] as string;
  }

  send(socket: number, to: Endpoint, now: number): Endpoint | null {
    const result = this.nat.outbound(packetOf({ address: '10.0.0.2', port: 1024 + socket }, to), now);
    return result.kind === 'forward' ? result.packet.from : null;
  }

  hears(from: Endpoint, to: Endpoint, now: number): boolean {
    return this.nat.inbound(packetOf(from, to), now).kind === 'forward';
  }
}

function packetOf(from: Endpoint, to: Endpoint) {
  return { id: 0, from, to, ttl: 64, bytes: new Uint8Array(0), icmp: null, origin: 'prober' };
}

/** Share of successes within the 99.9 % bound of `expected`, plus what the formula itself is off by. */
function expectRate(
  name: string,
  trials: number,
  expected: number,
  slack: number,
  run: (random: SimRandom) => boolean,
) {
  let met = 0;
  for (let trial = 0; trial < trials; trial++) if (run(simRandom(`${name} ${trial}`))) met++;
  const bound = 3.3 * Math.sqrt((expected * (1 - expected)) / trials) + slack;
  expect(Math.abs(met / trials - expected), `${name}: ${met / trials} ~ ${expected}`).toBeLessThan(bound);
}

function distinct(count: number, low: number, high: number, random: SimRandom): number[] {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(random.int(low, high));
  return [...ports];
}

describe('4.1 cone and random in a range: birthday', () => {
  const probe =
    (behaviour: NatBehaviour, mappings: number, probes: number, low: number, high: number) => (random: SimRandom) => {
      const hard = new Side(behaviour, random, 1);
      for (let socket = 0; socket < mappings; socket++) hard.send(socket, CONE, 0);
      return distinct(probes, low, high, random).some((port) =>
        hard.hears(CONE, { address: random.pick(hard.nat.addresses), port }, 1),
      );
    };
  const random = (range: { low: number; high: number }) => ({ ...APDM, allocation: { random: range } });

  test.each([
    { name: 'all ports', range: PORTS_ALL, mappings: 256, probes: 577, trials: 300 },
    { name: 'pf', range: PORTS_PF, mappings: 256, probes: 138, trials: 500 },
    { name: 'block 1024', range: { low: 2048, high: 3071 }, mappings: 64, probes: 36, trials: 800 },
    { name: 'block 512', range: { low: 2048, high: 2559 }, mappings: 16, probes: 22, trials: 800 },
  ])('$name', ({ name, range, mappings, probes, trials }) => {
    const p = birthday(range.high - range.low + 1, mappings, probes);
    expectRate(name, trials, p, 0.005, probe(random(range), mappings, probes, range.low, range.high));
  });

  test('arbitrary pooling over 4 addresses is a range four times as large', () => {
    const behaviour = { ...random(PORTS_ALL), addresses: 4, pooling: 'arbitrary' } as const;
    expectRate('pool', 300, 0.5, 0.02, probe(behaviour, 256, 699, PORTS_ALL.low, PORTS_ALL.high));
  });

  test('a known parity halves the range', () => {
    const behaviour = { ...random({ low: 2048, high: 4095 }), parity: true };
    const run = (random: SimRandom) => {
      const hard = new Side(behaviour, random, 1);
      for (let socket = 0; socket < 32; socket++) hard.send(2 * socket, CONE, 0);
      return distinct(36, 1024, 2047, random).some((half) =>
        hard.hears(CONE, { address: hard.address, port: 2 * half }, 1),
      );
    };
    expectRate('parity', 800, birthday(1024, 32, 36), 0.005, run);
  });
});

describe('4.2 cone and sequential: best-first window', () => {
  /** The W likeliest counts, and how likely they are together; negative binomial where dispersion > 1. */
  function window(mean: number, dispersion: number, width: number): { counts: number[]; total: number } {
    const pmf: number[] = [];
    const size = mean / (dispersion - 1);
    for (let k = 0; k < 8 * mean + 60; k++) {
      const before = pmf[k - 1];
      if (dispersion === 1) pmf.push(before === undefined ? Math.exp(-mean) : (before * mean) / k);
      else pmf.push(before === undefined ? dispersion ** -size : (before * (k - 1 + size) * (1 - 1 / dispersion)) / k);
    }
    const order = pmf.map((_, k) => k).sort((a, b) => (pmf[b] as number) - (pmf[a] as number));
    const counts = order.slice(0, width);
    return { counts, total: counts.reduce((sum, k) => sum + (pmf[k] as number), 0) };
  }

  test.each([
    { mean: 1, dispersion: 1, width: 3, published: 0.9 },
    { mean: 5, dispersion: 1, width: 8, published: 0.9 },
    { mean: 5, dispersion: 1.6, width: 9, published: 0.9 },
    { mean: 5, dispersion: 3, width: 11, published: 0.9 },
    { mean: 20, dispersion: 3, width: 25, published: 0.9 },
    { mean: 100, dispersion: 1, width: 33, published: 0.9 },
    { mean: 100, dispersion: 3, width: 89, published: 0.99 },
  ])(
    'mean $mean, variance over mean $dispersion: $width ports give $published',
    ({ mean, dispersion, width, published }) => {
      const { counts, total } = window(mean, dispersion, width);
      expect(total).toBeGreaterThan(published - 0.005);
      const behaviour = {
        ...APDM,
        allocation: { step: 1 },
        background: { perSecond: mean / 0.3, dispersion },
      };
      expectRate(`window ${mean} ${dispersion}`, 1500, total, 0.01, (random) => {
        const hard = new Side(behaviour, random, 1);
        const sample = hard.send(0, CONE, 1_000) as Endpoint;
        hard.send(1, CONE, 1_300);
        return counts.some((k) => {
          const port = 1024 + ((sample.port + 1 + k - 1024) % 64_512);
          return hard.hears(CONE, { address: hard.address, port }, 1_301);
        });
      });
    },
  );
});

describe('4.3 sequential and sequential', () => {
  /** The next external port of a quiet counter seen at `port`, `ahead` mappings later. */
  const later = (port: number, ahead: number) => 1024 + ((((port + ahead - 1024) % 64_512) + 64_512) % 64_512);
  const stepping = (perSecond: number) => ({ ...APDM, allocation: { step: 1 }, background: { perSecond } });

  test.each([
    { perSecond: 20, rate: 1000 },
    { perSecond: 264, rate: 1000 },
    { perSecond: 100, rate: 100 },
  ])('a cross at $rate/s against $perSecond/s of background meets with 1/((1+p)(1+p))', ({ perSecond, rate }) => {
    const ratio = perSecond / rate;
    expectRate(`cross ${perSecond}`, 500, 1 / (1 + ratio) ** 2, 0.015, (random) => {
      const [a, b] = [new Side(stepping(perSecond), random, 1), new Side(stepping(perSecond), random, 2)];
      const sampleA = a.send(0, CONE, 0) as Endpoint;
      const sampleB = b.send(0, CONE, 0) as Endpoint;
      const meetA = { address: a.address, port: later(sampleA.port, 200) };
      const meetB = { address: b.address, port: later(sampleB.port, 200) };
      for (let n = 1; n <= 400; n++) {
        a.send(n, meetB, (n * 1000) / rate);
        b.send(n, meetA, (n * 1000) / rate);
      }
      const end = (400 * 1000) / rate + 1;
      return b.hears(meetA, meetB, end) && a.hears(meetB, meetA, end);
    });
  });

  /** Both at r = 100/s, at most 1000 steps, a and b the last sampled ports + 1. */
  function babyGiant(perSecond: number) {
    return (random: SimRandom) => {
      const [a, b] = [new Side(stepping(perSecond), random, 1), new Side(stepping(perSecond), random, 2)];
      const startA = later((a.send(0, CONE, 0) as Endpoint).port, 1);
      const startB = later((b.send(0, CONE, 0) as Endpoint).port, 1);
      const sent = new Set<string>();
      for (let n = 0; n < 1000; n++) {
        const now = 300 + n * 10;
        const toB = { address: b.address, port: later(startB, n) };
        const toA = { address: a.address, port: later(startA, 2 * n) };
        const fromA = a.send(1, toB, now) as Endpoint;
        const fromB = b.send(1, toA, now) as Endpoint;
        sent.add(`a ${fromA.port} ${toB.port}`);
        sent.add(`b ${toA.port} ${fromB.port}`);
        if (sent.has(`b ${fromA.port} ${toB.port}`) || sent.has(`a ${toA.port} ${fromB.port}`)) return true;
      }
      return false;
    };
  }

  test('baby and giant steps meet below the cliff at (1+p)(1+p) = 2 and not above it', () => {
    expectRate('baby 20', 150, 1, 0.01, babyGiant(20));
    expectRate('baby 30', 150, 0.995, 0.02, babyGiant(30));
    expectRate('baby 35', 200, 0.96, 0.04, babyGiant(35));
    // Between 36 and 45 the outcome hangs on the offsets at the start.
    expectRate('baby 50', 150, 0.002, 0.02, babyGiant(50));
  });
});

describe('4.4 and 4.5 a random side against a mapping per destination', () => {
  const RANGE_LOW = 2048;
  const randomIn = (range: number, overloading = false) => ({
    ...APDM,
    allocation: { random: { low: RANGE_LOW, high: RANGE_LOW + range - 1 } },
    overloading,
  });

  test.each([
    { range: 64, mappings: 45 },
    { range: 256, mappings: 178 },
    { range: 512, mappings: 355 },
  ])('sequential and random in $range: $mappings mappings meet with 1 - (1 - 1/R)^M', ({ range, mappings }) => {
    expectRate(`known column ${range}`, 600, 1 - (1 - 1 / range) ** mappings, 0.04, (random) => {
      const sequential = new Side({ ...APDM, allocation: { step: 1 } }, random, 1);
      const hard = new Side(randomIn(range), random, 2);
      const start = (sequential.send(0, CONE, 0) as Endpoint).port;
      for (let n = 1; n <= mappings; n++) {
        const column = { address: sequential.address, port: 1024 + ((start + n - 1024) % 64_512) };
        const row = { address: hard.address, port: RANGE_LOW + random.int(0, range - 1) };
        const from = sequential.send(n, row, 1) as Endpoint;
        if (from.port === column.port && hard.send(n, column, 1)?.port === row.port) return true;
      }
      return false;
    });
  });

  test.each([
    { left: 256, right: 256, sent: 213, overloading: false },
    { left: 1024, right: 1024, sent: 853, overloading: false },
    { left: 512, right: 512, sent: 256, overloading: false },
    { left: 256, right: 256, sent: 512, overloading: true },
    { left: 128, right: 1024, sent: 302, overloading: true },
  ])('random in $left and in $right, $sent each', ({ left, right, sent, overloading }) => {
    const expected = meetRandom(left, right, sent, sent);
    expectRate(`random ${left} ${right} ${sent}`, 200, expected, 0.02, (random) => {
      const [a, b] = [
        new Side(randomIn(left, overloading), random, 1),
        new Side(randomIn(right, overloading), random, 2),
      ];
      const shots = (range: number, side: Side) =>
        Array.from({ length: sent }, (_, n) => ({
          address: side.address,
          port: RANGE_LOW + (n < range ? (n * 7919) % range : random.int(0, range - 1)),
        }));
      const toB = shots(right, b).map((to, n) => ({ to, from: a.send(n, to, 0) }));
      for (const [n, to] of shots(left, a).entries()) b.send(n, to, 0);
      return toB.some(({ to, from }) => from !== null && b.hears(from, to, 1));
    });
  });
});

test('Linux overloads ports when its range is random, so that mappings may exceed the range', () => {
  const box = new Side({ ...NATS.linuxRandom, allocation: { random: { low: 2048, high: 2111 } } }, simRandom(1), 1);
  const got = Array.from({ length: 200 }, (_, n) => box.send(5, { address: CONE.address, port: n + 1 }, 0));
  expect(got.every((endpoint) => endpoint !== null && endpoint.port >= 2048 && endpoint.port <= 2111)).toBe(true);
});
