/**
 * Who tells sockets their mappings may lie about every one of them: a master, a STUN server, a NAT that is worse than any known.
 * Detection ends in a profile that others can read, whatever it has been told.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDetector, type Endpoint, type NatProfile, requestNumbers, socketIds } from '../../src/core/index.ts';
import {
  type MappingSource,
  PROFILE_BYTES_MAX,
  Reader,
  readProfile,
  Writer,
  writeProfile,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { simRandom } from '../../src/sim/index.ts';
import { FUZZ_SEED } from './wire-fuzz.ts';

const FOR_MS = 400_000;

/** The port of the n-th mapping that is told. */
const ports = fc.oneof(
  fc.record({ start: fc.integer({ min: 1, max: 65_535 }), step: fc.integer({ min: -70_000, max: 70_000 }) }),
  fc.record({ start: fc.integer({ min: 1, max: 65_535 }), step: fc.integer({ min: -4, max: 4 }) }),
  fc.constantFrom({ start: 1, step: 0 }, { start: 65_535, step: 1 }, { start: 1, step: -1 }),
);
const answer = fc.record({
  address: fc.constantFrom('203.0.113.9', '203.0.113.10', '10.0.0.9', '0.0.0.0', '255.255.255.255', '2001:db8::9'),
  /** Of the counter that it is on, or anything. */
  port: fc.option(fc.nat(65_535), { freq: 3 }),
  delayMs: fc.constantFrom(0, 5, 80, 1_900, 30_000),
  times: fc.constantFrom(0, 1, 1, 1, 2),
  /** Of another question than was asked. */
  shift: fc.constantFrom(0, 0, 0, 1, -1),
  /** From where it was not awaited: it says so itself. */
  elsewhere: fc.boolean(),
});

function source(n: number): MappingSource {
  const target = { address: `198.51.100.${1 + (n >> 1)}`, port: 3_478 + (n & 1) };
  return {
    ...{ target, kind: n < 2 ? 'master' : 'stun' },
    answersFrom: ['same', 'other-port', 'other-address'],
    answererOf: (from) => ({
      address: from === 'other-address' ? '198.51.100.99' : target.address,
      port: from === 'same' ? target.port : 9_999,
    }),
    request: (_now, request) => new Writer(4).u32(request).done(),
    requestTo: (_now, request) => new Writer(4).u32(request).done(),
    answer(_from, bytes) {
      const reader = new Reader(bytes);
      const [mine, request, port, address] = [reader.u8(), reader.u32(), reader.u16(), reader.text8()];
      return mine === n && reader.ok ? { request, observed: { address, port } } : null;
    },
  };
}

function readable(profile: NatProfile): boolean {
  const writer = new Writer(PROFILE_BYTES_MAX);
  writeProfile(writer, profile);
  const reader = new Reader(writer.done());
  readProfile(reader);
  return reader.ok;
}

test('whatever its sources say, a detector ends with a profile that others can read, and asks at ports that there are', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(ports, fc.array(answer, { minLength: 1, maxLength: 12 }), fc.nat(), (counter, answers, seed) => {
      const sources = [0, 1, 2, 3].map(source);
      const ids = { sockets: socketIds(), requests: requestNumbers() };
      const detector = createDetector({ random: simRandom(seed), crypto: nodeCrypto, ...ids, family: 4 });
      const inputs: { readonly at: number; run(): void }[] = [];
      let [now, told, asked] = [0, 0, 0];
      let last: NatProfile | null = null;

      function answerTo(socket: number, to: Endpoint, request: number): void {
        const { address, port, delayMs, times, shift, elsewhere } = answers[asked++ % answers.length]!;
        const n = sources.findIndex(({ target }) => target.address === to.address && target.port === to.port);
        const from = elsewhere ? { address: '198.51.100.99', port: 9_999 } : to;
        const counted = (((counter.start + counter.step * told++) % 65_535) + 65_535) % 65_535 || 1;
        const bytes = new Writer(60)
          .u8(Math.max(0, n))
          .u32(Math.max(0, request + shift))
          .u16(port ?? counted);
        const sent = bytes.text8(address).done();
        for (let copy = 0; copy < times; copy++)
          inputs.push({ at: now + delayMs, run: () => detector.handleDatagram(now, socket, from, sent) });
      }

      function drain(): number {
        for (;;) {
          const output = detector.poll();
          if (output.kind === 'wait') return output.until;
          if (output.kind === 'transmit') {
            const { port } = output.to;
            if (!Number.isInteger(port) || port < 1 || port > 65_535) expect.unreachable(`port ${port}`);
            answerTo(output.socket, output.to, new Reader(output.bytes).u32());
          } else if (output.kind === 'event' && output.event.ev === 'profile') {
            last = output.event.profile;
            kinds.add(last.allocator.kind);
            if (!readable(last)) expect.unreachable(JSON.stringify(last));
          } else if (output.kind === 'socket' && output.op === 'open') {
            const { socket } = output;
            const outcome = { ok: true, local: { address: '0.0.0.0', port: 40_000 + (socket % 20_000) } } as const;
            inputs.push({ at: now, run: () => detector.handleSocket(now, socket, outcome) });
          }
        }
      }

      detector.handleCommand(now, { do: 'network', network: { addresses: ['192.168.1.2'], gateway: '192.168.1.1' } });
      detector.handleCommand(now, { do: 'sources', sources });
      detector.handleCommand(now, { do: 'detect' });
      detector.handleCommand(now, { do: 'lifetime' });
      for (let until = drain(); ; until = drain()) {
        inputs.sort((left, right) => left.at - right.at);
        const input = inputs[0];
        const next = Math.min(until, input?.at ?? Number.POSITIVE_INFINITY);
        if (next > FOR_MS) break;
        now = Math.max(now, next);
        if (input !== undefined && input.at <= now) inputs.shift()!.run();
        else detector.handleTimeout(now);
      }
      expect(last).not.toBeNull();
    }),
    { numRuns: 200, seed: FUZZ_SEED },
  );
  expect(kinds.size).toBeGreaterThanOrEqual(5);
});
