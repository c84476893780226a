/** What must hold for every NAT box whatever its knobs. fast-check prints the seed and path that replay a failure. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/index.ts';
import {
  type Allocation,
  createNat,
  type Dependence,
  type NatBehaviour,
  type Packet,
  simRandom,
} from '../../src/sim/index.ts';

const dependence = fc.constantFrom<Dependence>('endpoint-independent', 'address', 'address-and-port');
const range = { low: 2048, high: 2048 + 511 };
const allocation = fc.constantFrom<Allocation>(
  'preserve',
  { preserve: 'sequential' },
  { step: 1 },
  { step: -3, range },
  { random: range },
  { scan: range },
  { block: { size: 64, order: 'random', blocksMax: 3 } },
  { block: { size: 64, order: 'sequential', blocksMax: 3 } },
  { hash: range },
  { portsPerSecond: 10, range },
  {
    mixture: [
      { weight: 1, allocation: 'preserve' },
      { weight: 2, allocation: { random: range } },
    ],
  },
);

const behaviour: fc.Arbitrary<NatBehaviour> = fc.record({
  mapping: dependence,
  filtering: dependence,
  allocation,
  overloading: fc.boolean(),
  parity: fc.boolean(),
  addresses: fc.constantFrom(1, 3),
  pooling: fc.constantFrom('paired', 'arbitrary'),
  background: fc.record({ perSecond: fc.constantFrom(0, 30), dispersion: fc.constantFrom(1, 2) }),
  whenFull: fc.constantFrom('refuse', 'evict'),
  unsolicited: fc.constantFrom('drop', 'reject', 'accept'),
  subscriberMappingsMax: fc.constantFrom(8, 1000),
});

/** Datagrams between three inner and four outer endpoints at growing times, in either direction. */
const traffic = fc.array(
  fc.record({ inner: fc.nat(2), outer: fc.nat(3), waitMs: fc.constantFrom(0, 1, 100, 40_000), inwards: fc.boolean() }),
  { minLength: 1, maxLength: 60 },
);

const INNER: readonly Endpoint[] = [
  { address: '10.0.0.2', port: 5000 },
  { address: '10.0.0.2', port: 5001 },
  { address: '10.0.0.3', port: 5000 },
];
const OUTER: readonly Endpoint[] = [
  { address: '198.51.100.1', port: 7000 },
  { address: '198.51.100.1', port: 7001 },
  { address: '198.51.100.2', port: 7000 },
  { address: '198.51.100.3', port: 7000 },
];

function packet(from: Endpoint, to: Endpoint): Packet {
  return { id: 1, from, to, ttl: 64, bytes: new Uint8Array(0), icmp: null, origin: 'test' };
}

const text = (endpoint: Endpoint) => `${endpoint.address}:${endpoint.port}`;

test('whoever was sent to gets in at once, and reaches nobody else than the sender', () => {
  fc.assert(
    fc.property(behaviour, traffic, fc.nat(), (knobs, steps, seed) => {
      const addresses = ['203.0.113.1', '203.0.113.2', '203.0.113.3'].slice(0, knobs.addresses);
      const nat = createNat({ behaviour: knobs, addresses, random: simRandom(seed) });
      let now = 0;
      /** The external endpoint each pair was last seen with. */
      const seen = new Map<string, Endpoint>();
      for (const { inner, outer, waitMs, inwards } of steps) {
        now += waitMs;
        const [inside, outside] = [INNER[inner] as Endpoint, OUTER[outer] as Endpoint];
        const known = seen.get(`${text(inside)} ${text(outside)}`);
        if (inwards) {
          if (known !== undefined) nat.inbound(packet(outside, known), now);
          continue;
        }
        const sent = nat.outbound(packet(inside, outside), now);
        if (sent.kind !== 'forward') continue;
        const external = sent.packet.from;
        expect(addresses).toContain(external.address);
        if (knobs.parity) expect(external.port % 2).toBe(inside.port % 2);
        seen.set(`${text(inside)} ${text(outside)}`, external);
        const back = nat.inbound(packet(outside, external), now);
        expect(back.kind === 'forward' ? text(back.packet.to) : back.kind).toBe(text(inside));
        const stranger = nat.inbound(packet({ address: '192.0.2.1', port: 9 }, external), now);
        if (knobs.filtering !== 'endpoint-independent') expect(stranger.kind).toBe('drop');
        else if (stranger.kind === 'forward') expect(INNER.map(text)).toContain(text(stranger.packet.to));
      }
      expect(nat.stats(now).mappings).toBeLessThanOrEqual(3 * knobs.subscriberMappingsMax!);
    }),
    { numRuns: 400 },
  );
});

test('a mapping is kept while it is used, and its dependence is exactly the one asked for', () => {
  fc.assert(
    fc.property(dependence, dependence, fc.nat(), (mapping, filtering, seed) => {
      const random = { random: { low: 1024, high: 65_535 } };
      const nat = createNat({
        behaviour: { mapping, filtering, allocation: random },
        addresses: ['203.0.113.1'],
        random: simRandom(seed),
      });
      const port = (to: Endpoint, now: number) => {
        const sent = nat.outbound(packet(INNER[0] as Endpoint, to), now);
        return sent.kind === 'forward' ? sent.packet.from.port : null;
      };
      const first = OUTER.map((to) => port(to, 0));
      for (let now = 20_000; now < 200_000; now += 20_000) expect(OUTER.map((to) => port(to, now))).toEqual(first);
      const distinct = { 'endpoint-independent': 1, address: 3, 'address-and-port': 4 }[mapping];
      expect(new Set(first).size).toBe(distinct);
    }),
    { numRuns: 60 },
  );
});
