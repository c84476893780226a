import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { predictionWindow, predictPorts } from '../../bench/predict.ts';
import type { Allocator } from '../../src/core/index.ts';
import { inferMapping, type Observation, UNKNOWN_ALLOCATOR } from '../../src/core/testing.ts';

const A = '192.0.2.1';
const B = '192.0.2.2';
const US = '203.0.113.9';

/** Sixteen sockets, each asks two ports of A, or A and B. `portOf` is the NAT: called once per mapping it makes. */
function observe(
  mapping: 'eim' | 'adm' | 'apdm',
  portOf: (made: number, at: number, localPort: number) => number,
  groups = 2,
): Observation[] {
  const observations: Observation[] = [];
  const ports = new Map<string, number>();
  for (let socket = 0; socket < 16; socket++) {
    const localPort = 40_000 + 137 * socket;
    const sentAt = 1000 + socket * 25 + 4 * (socket % 3);
    const second = socket % 2 === 0 || groups === 1 ? { address: A, port: 2 } : { address: B, port: 1 };
    for (const target of [{ address: A, port: 1 }, second]) {
      const key = `${socket} ${mapping === 'eim' ? '' : target.address} ${mapping === 'apdm' ? target.port : ''}`;
      if (!ports.has(key)) ports.set(key, portOf(ports.size, sentAt, localPort));
      const observed = { address: US, port: ports.get(key)! };
      observations.push({
        socket,
        localPort,
        target,
        trusted: true,
        sentAt,
        repeated: false,
        observed,
        roundTripMs: null,
      });
    }
  }
  return observations;
}

const infer = (observations: readonly Observation[], local = ['192.168.1.2']) => inferMapping(observations, local);
/** Without a pattern, the same on every run. */
function scattered(n: number, low: number, size: number): number {
  let h = Math.imul(n + 1, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return low + (((h ^ (h >>> 16)) >>> 0) % size);
}

describe('what a mapping depends on', () => {
  test.each(['eim', 'adm', 'apdm'] as const)('%s is told from two addresses and two ports', (mapping) => {
    const found = infer(observe(mapping, (n) => scattered(n, 1024, 64_512)));
    expect(found.mapping).toBe(mapping);
    expect(found.confidence).toBeGreaterThan(0.9);
  });

  test('with one address ADM looks like EIM, and the confidence says so', () => {
    const moving = infer(observe('adm', (n) => scattered(n, 1024, 64_512), 1));
    expect(moving).toMatchObject({ mapping: 'eim', addressesAsked: 1 });
    expect(moving.confidence).toBeLessThan(0.93);
    // Hardly any keeps the port.
    const keeping = infer(observe('adm', (_n, _at, local) => local, 1));
    expect(keeping).toMatchObject({ mapping: 'eim', addressesAsked: 1 });
    expect(keeping.confidence).toBeGreaterThan(moving.confidence);
    expect(keeping.confidence).toBeLessThan(0.995);
  });

  test('boxes that share the load by the ports do not make ADM look like APDM', () => {
    // Of every other socket the two ports of one address fall on two boxes.
    const observations = observe('adm', (n) => scattered(n, 1024, 64_512)).map((observation) =>
      observation.socket % 4 === 0 && observation.target.port === 2
        ? { ...observation, observed: { address: '203.0.113.10', port: scattered(observation.socket, 1024, 64_512) } }
        : observation,
    );
    expect(infer(observations)).toMatchObject({ mapping: 'adm', pooling: 'arbitrary' });
  });

  test('a third server that lies about the port is outvoted', () => {
    const honest = observe('eim', (_n, _at, local) => local);
    const lies = honest
      .filter(({ target }) => target.port === 1 && target.address === A)
      .map((observation, i) => ({
        ...observation,
        trusted: false,
        target: { address: '192.0.2.66', port: 1 },
        observed: { address: US, port: 5000 + 31 * i },
      }));
    expect(infer([...honest, ...lies])).toMatchObject({ mapping: 'eim', type: 'port-preserving-cone' });
  });

  test('a server that lies about the address is not believed against the master', () => {
    const honest = observe('eim', (_n, _at, local) => local, 1);
    const lies = honest.map((observation) => ({
      ...observation,
      trusted: false,
      target: { address: B, port: 1 },
      observed: { address: '198.51.100.66', port: 1234 },
    }));
    expect(infer([...honest, ...lies])).toMatchObject({ mapping: 'eim', external: [US] });
  });

  test('no translation at all is public', () => {
    expect(
      infer(
        observe('eim', (_n, _at, local) => local),
        [US],
      ).type,
    ).toBe('public');
  });
});

describe('the rule that picks the ports', () => {
  const allocator = (mapping: 'eim' | 'adm' | 'apdm', portOf: Parameters<typeof observe>[1]) =>
    infer(observe(mapping, portOf)).allocator;

  test('keeping the local port, and an offset to it', () => {
    expect(allocator('eim', (_n, _at, local) => local)).toMatchObject({ kind: 'preserve', step: 0 });
    expect(allocator('eim', (_n, _at, local) => local + 1000)).toMatchObject({ kind: 'preserve', step: 1000 });
  });

  test.each([1, 2, -1, 3, 8])('a step of %i, in spite of one outlier', (step) => {
    const found = infer(observe('apdm', (n) => (n === 9 ? 61_234 : 30_000 + step * n)));
    expect(found.allocator).toMatchObject({ kind: 'step', step });
    expect(found.delta).toBe(step);
    expect(found.predictedNextPort).toBe(found.lastPort! + step);
  });

  test('a step under foreign traffic, whose rate is told', () => {
    // Two of ours at once, then 0, 1, 2, 3, 4, ... others until the next two 25 ms later: 80/s.
    const found = allocator(
      'apdm',
      (n, at) =>
        20_000 + n + [0, 0, 1, 3, 6, 10][Math.floor((at - 1000) / 25) % 6]! + 10 * Math.floor((at - 1000) / 150),
    );
    expect(found).toMatchObject({ kind: 'step', step: 1 });
    expect(found.backgroundPerSecond).toBeGreaterThan(50);
    expect(found.backgroundPerSecond).toBeLessThan(150);
  });

  test('a clock', () => {
    const found = allocator('eim', (_n, at) => 20_000 + Math.floor(0.4 * (at - 1000)));
    expect(found.kind).toBe('time');
    expect(found.step).toBeCloseTo(400, -1);
  });

  /** One question a socket at these times; `portOf` hears the time and how many came before. */
  const seenAt = (
    times: readonly number[],
    portOf: (at: number, n: number, localPort: number) => { port: number; address?: string },
  ): Observation[] =>
    times.flatMap((at, n) => {
      const localPort = 40_000 + 137 * n;
      return [A, B].map((address, k) => {
        const { port, address: outside = US } = portOf(at, 2 * n + k, localPort);
        return {
          ...{ socket: n, localPort, target: { address, port: 1 }, trusted: true, sentAt: 1000 + at },
          ...{ repeated: false, observed: { address: outside, port }, roundTripMs: null },
        };
      });
    });
  const UNEVEN = [0, 20, 50, 70, 105, 125, 190, 275, 375, 490, 615, 750];

  test('a clock that our own mappings outrun at first is no step: after a pause it is ahead', () => {
    let last = 0;
    const slow = (at: number) => {
      last = Math.max(last + 1, 20_000 + Math.floor(0.06 * at));
      return { port: last };
    };
    const found = infer(seenAt(UNEVEN, slow)).allocator;
    expect(found.kind).toBe('time');
    expect(found.step).toBeCloseTo(60, -1);
    expect(infer(seenAt(UNEVEN, (_at, n) => ({ port: 20_000 + n }))).allocator).toMatchObject({
      kind: 'step',
      step: 1,
    });
  });

  test('a clock gives the same port on two external addresses', () => {
    const pool = (at: number, n: number) => ({
      port: 20_000 + Math.floor(0.5 * at),
      address: `203.0.113.${9 + (n % 2)}`,
    });
    const { kind, step, backgroundError } = infer(seenAt(UNEVEN, pool)).allocator;
    expect(kind).toBe('time');
    expect(backgroundError).toBeLessThan(1);
    expect(Math.abs(step! - 500)).toBeLessThan(3 * backgroundError!);
  });

  test('a counter goes on at the other end of the range', () => {
    const turning = (at: number, n: number) => ({ port: 1024 + ((64_490 + n + Math.floor(at / 25)) % 64_512) });
    expect(infer(seenAt(UNEVEN, turning)).allocator).toMatchObject({ kind: 'step', step: 1 });
  });

  test('two boxes side by side, each with an address and a counter of its own', () => {
    const boxes = (_at: number, n: number) =>
      n % 3 === 0
        ? { port: 50_000 + n / 3, address: '203.0.113.10' }
        : { port: 20_000 + n - Math.ceil(n / 3), address: US };
    expect(infer(seenAt(UNEVEN, boxes)).allocator).toMatchObject({ kind: 'step', step: 1 });
  });

  test('with parity kept a step of two is one of two or three ports', () => {
    let last = 20_000;
    const parity = (_at: number, n: number) => {
      // Local ports are even and odd in turn.
      last += (last + 2) % 2 === (40_000 + 137 * Math.floor(n / 2)) % 2 ? 2 : 3;
      return { port: last };
    };
    expect(infer(seenAt(UNEVEN, parity)).allocator).toMatchObject({ kind: 'step', step: 2, parity: 'kept' });
  });

  test.each([
    ['random', 1024, 65_535],
    ['range', 50_001, 65_535],
    ['range', 32_768, 65_535],
    ['block', 20_480, 20_991],
    ['block', 5120, 5183],
  ])('%s %i-%i', (kind, low, high) => {
    const size = high - low + 1;
    const found = allocator('apdm', (n) => scattered(n, low, size));
    expect(found).toMatchObject({ kind, low, high });
  });

  test('a few ports that no rule fits are of an unknown one', () => {
    const few = observe('apdm', (n) => [60_000, 5, 30_000][n]!).slice(0, 3);
    expect(infer(few)).toMatchObject({ allocator: { kind: 'unknown' }, delta: null, samples: 3 });
  });

  test('a block begins behind port 0, and what comes after the last port is not told as one', () => {
    const low = infer(observe('apdm', (n) => 1 + ((n * 37) % 63)));
    expect(low.mixture.map(({ low: first }) => first)).not.toContain(0);
    const last = infer(observe('apdm', (n) => 65_535 - 31 + n));
    expect(last).toMatchObject({ allocator: { kind: 'step', step: 1 }, lastPort: 65_535, predictedNextPort: null });
  });

  test('parity is noticed', () => {
    const even = (n: number, local: number) => scattered(n, 512, 32_000) * 2 + (local % 2);
    expect(allocator('apdm', (n, _at, local) => even(n, local))).toMatchObject({ kind: 'random', parity: 'kept' });
  });
});

describe('prediction', () => {
  const step = (fields: Partial<Allocator>): Allocator => ({ ...UNKNOWN_ALLOCATOR, kind: 'step', step: 1, ...fields });
  const basis = { lastPort: 30_000, ageMs: 300, mappingsAhead: 1, localPort: 40_000 };

  test('a quiet sequential NAT gives the next port', () => {
    const [first] = predictPorts([step({ backgroundPerSecond: 0.1 })], basis);
    expect(first!.port).toBe(30_001);
    expect(first!.probability).toBeGreaterThan(0.95);
  });

  test('it goes the way the step goes', () => {
    const window = predictionWindow([step({ step: -2, backgroundPerSecond: 5 })], basis, 0.99, 100);
    expect(window.ports[0]!.port).toBeLessThan(30_000);
    expect(window.ports.every(({ port }) => port % 2 === 0)).toBe(true);
  });

  test('probabilities fall, sum to the coverage, and windows have the size that theory says', () => {
    // mu = 20, Poisson: 7 / 15 / 23 ports for 50 / 90 / 99 %.
    const mixture = [step({ backgroundPerSecond: 20 })];
    const sizes = [0.5, 0.9, 0.99].map(
      (coverage) => predictionWindow(mixture, { ...basis, ageMs: 1000 }, coverage, 1000).ports.length,
    );
    expect(sizes).toEqual([7, 15, 23]);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 200, noNaN: true }),
        fc.double({ min: 1, max: 3, noNaN: true }),
        (rate, dispersion) => {
          const all = [...predictPorts([step({ backgroundPerSecond: rate, backgroundDispersion: dispersion })], basis)];
          for (let i = 1; i < all.length; i++)
            expect(all[i]!.probability).toBeLessThanOrEqual(all[i - 1]!.probability + 1e-7);
          expect(all.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 3);
        },
      ),
    );
  });

  test('a rate known badly makes the window wider', () => {
    const window = (error: number) =>
      predictionWindow(
        [step({ backgroundPerSecond: 50, backgroundError: error })],
        { ...basis, ageMs: 1000 },
        0.9,
        1000,
      );
    expect(window(30).ports.length).toBeGreaterThan(2 * window(0).ports.length);
  });

  test('a mixture gives the sure port first, then the range, none twice', () => {
    const mixture = [
      { ...UNKNOWN_ALLOCATOR, kind: 'preserve', step: 0, weight: 0.6 },
      { ...UNKNOWN_ALLOCATOR, kind: 'block', low: 39_936, high: 40_959, weight: 0.4 },
    ] as const;
    const all = [...predictPorts(mixture, basis)];
    expect(all[0]!.port).toBe(40_000);
    expect(new Set(all.map(({ port }) => port)).size).toBe(1024);
  });
});
