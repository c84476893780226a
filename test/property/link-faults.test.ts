import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import type { Response } from '../../src/core/testing.ts';
import { ANNOUNCEMENT, masterEvents, REGISTER, testRandom, world } from '../unit/rendezvous-net.ts';

/** LINK_RUNS=2000 is the long run. */
const RUNS = Number(process.env.LINK_RUNS ?? 60);

const fault = fc.record({
  kind: fc.constantFrom(
    'loss',
    'blackhole',
    'one-way',
    'mangle',
    'delay',
    'double',
    'restart',
    'move',
    'sleep',
    'nudge',
  ),
  ms: fc.integer({ min: 1, max: 12_000 }),
  seed: fc.nat(),
});

type Fault = typeof fault extends fc.Arbitrary<infer Value> ? Value : never;

/** Failures that long runs have found. */
const FOUND: [Fault[]][] = [
  // An answer that came late counted as life while the echo that was still open had used up its tries: nobody asked any more.
  [
    [
      { kind: 'loss', ms: 5_064, seed: 0 },
      { kind: 'delay', ms: 7_359, seed: 123_474_152 },
      { kind: 'restart', ms: 1, seed: 0 },
    ],
  ],
  // Moved without a word half a minute after anybody has waited for anything: only the next question shows it.
  [
    [
      { kind: 'loss', ms: 8_890, seed: 0 },
      { kind: 'loss', ms: 7_127, seed: 27 },
      { kind: 'loss', ms: 11_997, seed: 1_262_943_759 },
      { kind: 'move', ms: 1, seed: 0 },
    ],
  ],
];

test('whatever happens to the network and the master, 5 s after it stops (after its next question, where a router has moved it) a host is up, registered and reachable', () => {
  fc.assert(
    fc.property(fc.array(fault, { maxLength: 12 }), (faults) => {
      const w = world();
      const { net } = w;
      const host = w.participant('host', '203.0.113.5').start();
      host.get(REGISTER);
      const code = registeredCode(host.get(REGISTER));
      for (const { kind, ms, seed } of faults) {
        const { float } = testRandom(seed);
        if (kind === 'restart') w.restartMaster(`restart ${seed}`);
        if (kind === 'move') host.node.address = `203.0.113.${2 + (seed % 200)}`;
        if (kind === 'nudge') host.do({ do: 'nudge' });
        if (kind === 'sleep') host.node.alive = false;
        net.hook = (packet) => {
          if (kind === 'loss' && float() < 0.5) return [];
          if (kind === 'blackhole') return [];
          if (kind === 'one-way' && (packet.from.address === host.node.address) === (seed % 2 === 0)) return [];
          if (kind === 'mangle' && float() < 0.5) {
            const bytes = packet.bytes.slice(0, 1 + Math.floor(float() * packet.bytes.length));
            bytes[Math.floor(float() * bytes.length)] = seed;
            return [{ ...packet, bytes }];
          }
          if (kind === 'delay' && float() < 0.5) net.inject(packet, float() * 5_000);
          else if (kind === 'double') return [packet, packet];
          else return [packet];
          return [];
        };
        net.run(ms);
        host.node.alive = true;
      }
      net.hook = (packet) => [packet];
      host.node.until = Math.min(host.node.until, net.now);
      // What is late is still on its way for 5 s: an answer of the old master looks like a sign of life.
      if (faults.some(({ kind }) => kind === 'delay')) net.run(5_000);
      // A link that nobody waits for asks so seldom, and nothing else tells it that a router has given it another address.
      if (faults.some(({ kind }) => kind === 'move')) net.run(MASTER_LIMITS.pingMs);
      net.run(5_500);
      expect(host.states.at(-1)).toBe('up');
      expect(registeredCode(host.get(REGISTER))).toBe(code);
      // Reachable: a join offered now arrives, once.
      const offers = host.pushes.length;
      const client = w.participant('client', '198.18.0.9').start();
      const sid = new Uint8Array(16).fill(9);
      client.get(
        { type: 'join', hidden: false, sid, hostKey: host.key.publicKey, handshake: Uint8Array.of(1) },
        client.socket(),
        3_000,
      );
      expect(host.pushes.slice(offers).map((push) => push.type)).toEqual(['offer']);
    }),
    { numRuns: RUNS, examples: FOUND },
  );
});

test('whatever is lost, late or repeated, the master ends with the newest word of a host', () => {
  const word = fc.record({ what: fc.constantFrom('register', 'goodbye'), gapMs: fc.integer({ min: 0, max: 600 }) });
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), fc.nat(), (words, seed) => {
      const w = world();
      const host = w.participant('host', '203.0.113.5').start();
      const { float } = testRandom(seed);
      w.net.hook = (packet) => {
        if (packet.from.address !== host.node.address || float() < 0.4) return [packet];
        // Some are lost, some come late, some of those come twice.
        for (const lost of [0.5, 0.8]) if (float() >= lost) w.net.inject(packet, float() * 1_000);
        return [];
      };
      for (const [n, { what, gapMs }] of words.entries()) {
        const register = {
          type: 'register',
          code: '',
          announcement: ANNOUNCEMENT,
          players: n,
          profile: null,
          generation: 0,
        } as const;
        host.ask(what === 'register' ? register : { type: 'goodbye' });
        w.net.run(gapMs);
      }
      w.net.run(9_000);
      // One session all along: a goodbye counts only from the one that hosts.
      expect(host.states).toEqual(['connecting', 'up']);
      expect(w.counters().hosts).toBe(words.at(-1)?.what === 'register' ? 1 : 0);
      const told = masterEvents(w.master).flatMap((event) => (event.ev === 'host' ? [event.host.players] : []));
      if (words.at(-1)?.what === 'register') expect(told.at(-1)).toBe(words.length - 1);
    }),
    { numRuns: RUNS },
  );
});

function registeredCode(response: Response): string {
  if (response.type !== 'registered')
    return expect.unreachable(`a host is registered, not ${JSON.stringify(response)}`);
  return response.code;
}
