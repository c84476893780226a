/**
 * What the other side says of its network is read by the planner, the predictor and the advice. Whatever it says, whether our own
 * encoder can write it or not: everything planned is finite, every packet goes to a port that there is, and nothing throws.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { adviceText, nextText } from '../../src/agent/index.ts';
import { natText } from '../../src/agent/testing.ts';
import { type NatProfile, requestNumbers, socketIds, WIRE_LIMITS } from '../../src/core/index.ts';
import {
  adviceFor,
  changeBetween,
  decodeStep,
  device,
  encodeStep,
  knownLife,
  LEAD_LIMITS,
  type MappingSource,
  natView,
  oddsNextMinute,
  type Plan,
  PROFILE_BYTES_MAX,
  packetsOf,
  plansFor,
  portCount,
  quotaOf,
  Reader,
  readProfile,
  type SidePlan,
  type Step,
  type TraversalEvent,
  traversal,
  tupleAt,
  UNKNOWN_PROFILE,
  Writer,
  writeProfile,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { simRandom } from '../../src/sim/index.ts';
import { permitOf } from '../permit.ts';
import { FUZZ_SEED } from './wire-fuzz.ts';

const HOST = '203.0.113.66';
const CLIENT = '192.0.2.9';

/** Null, the ends of what the wire holds, what lies around the ends of the ranges that count, and anything. */
const extreme = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.constantFrom(0, 1, 2, 7, 8, 15, 100, 1023, 1024, 65_535, 65_536, 1e6, 2 ** 31, 2 ** 32),
  fc.constantFrom(0.0004, 0.4, 0.999, 1.5, 1000.001),
  fc.nat(100_000),
);
const signed = fc.tuple(extreme, fc.boolean()).map(([value, less]) => (value !== null && less ? -value : value));
const port = fc.oneof(
  fc.constant(null),
  fc.constantFrom(1, 2, 500, 1023, 1024, 1025, 40_000, 65_534, 65_535),
  fc.integer({ min: 1, max: 65_535 }),
);
const share = fc.oneof(fc.constantFrom(0, 1e-5, 0.01, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const address = fc.constantFrom(HOST, '198.51.100.7', '10.0.0.1', '2001:db8::1', '0.0.0.0', '255.255.255.255');
const allocator = fc
  .record({
    kind: fc.constantFrom('preserve', 'step', 'time', 'range', 'block', 'random', 'random'),
    parity: fc.constantFrom('unknown', 'kept', 'none'),
    weight: share,
    step: fc.oneof(signed, fc.constantFrom(1, 2, -1, 4, 0.4, 1.5, -2.5)),
    range: fc.oneof(
      { weight: 2, arbitrary: fc.tuple(port, port) },
      port.map((one) => [one, one]),
    ),
    backgroundPerSecond: extreme,
    backgroundDispersion: extreme,
    backgroundError: extreme,
  })
  .map(({ range: [low, high], ...rest }) => ({ ...rest, low, high }));
const tested = fc.constantFrom('untested', 'yes', 'no');
const said = fc
  .record({
    mapping: fc.constantFrom('unknown', 'eim', 'adm', 'apdm'),
    filtering: fc.constantFrom('unknown', 'eif', 'adf', 'apdf'),
    type: fc.constantFrom('unknown', 'public', 'cone', 'address-sensitive', 'port-sensitive'),
    mixture: fc.array(allocator, { maxLength: WIRE_LIMITS.profileMixtureMax }),
    external: fc.array(address, { maxLength: WIRE_LIMITS.profileAddressesMax }),
    pooling: fc.constantFrom('unknown', 'paired', 'arbitrary'),
    delta: signed,
    lastPort: port,
    lastPortAgeMs: extreme,
    predictedNextPort: port,
    hairpin: tested,
    poisonable: tested,
    natHops: extreme,
    layers: extreme,
    idleLifetimeMs: extreme,
    quota: extreme,
    confidence: share,
    samples: extreme,
    addressesAsked: extreme,
    ageMs: extreme,
  })
  .map((fields) => ({ ...UNKNOWN_PROFILE, ...fields }) as NatProfile);

/** Bytes that our own encoder writes, some of them changed. */
const bytes = fc
  .record({ profile: said, changes: fc.array(fc.tuple(fc.nat(PROFILE_BYTES_MAX), fc.nat(255)), { maxLength: 6 }) })
  .map(({ profile, changes }) => {
    const writer = new Writer(PROFILE_BYTES_MAX);
    writeProfile(writer, profile);
    const written = writer.done().slice();
    for (const [at, value] of changes) written[at % written.length] = value;
    return written;
  });

function read(written: Uint8Array): NatProfile | null {
  const reader = new Reader(written);
  const profile = readProfile(reader);
  return reader.ok ? profile : null;
}

const told = bytes.map(read).filter((profile) => profile !== null);

const limitsOf = (profile: NatProfile) => ({ quota: quotaOf(profile), lifetimeMs: profile.idleLifetimeMs });

/** What is wrong with a plan, or null. */
function fault(plan: Plan): string | null {
  const { expected, packets, durationMs, restMs, mappings, probes } = plan;
  if (!(expected >= 0 && expected <= 1)) return `expected ${expected}`;
  if (!(durationMs > 0 && durationMs <= LEAD_LIMITS.salvoMs)) return `durationMs ${durationMs}`;
  const counts = { mappings, probes, restMs, client: packets.client, host: packets.host };
  const odd = Object.entries(counts).find(([, count]) => !(Number.isSafeInteger(count) && count >= 0));
  return odd === undefined ? null : odd.join(' ');
}

test('whatever two sides say of themselves, each plan of a long session is finite, and so is what is told of it', () => {
  fc.assert(
    fc.property(told, told, fc.nat(2_000), (client, host, sampleAgeMs) => {
      const limits = { client: limitsOf(client), host: limitsOf(host), sampleAgeMs };
      const failed = new Map<string, number>();
      const side = (profile: NatProfile) => ({ profile, candidates: [] });
      let last: Plan | null = null;
      for (let attempt = 0; attempt < 24; attempt++) {
        const plan = plansFor(client, host, failed, limits);
        expect(fault(plan), plan.key).toBeNull();
        expect(adviceText(adviceFor(plan, side(client), side(host)))).not.toMatch(/NaN|undefined|Infinity/);
        expect(nextText(changeBetween(last ?? plan, plan))).not.toMatch(/NaN|undefined|Infinity/);
        expect(`${natText(natView(plan.client))} ${natText(natView(plan.host))}`).not.toMatch(/NaN|undefined|Infinity/);
        expect(oddsNextMinute(plan)).toBeLessThanOrEqual(1);
        failed.set(plan.key, (failed.get(plan.key) ?? 0) + 1);
        last = plan;
      }
      expect(knownLife(host).lifetimeMs).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 400, seed: FUZZ_SEED },
  );
});

const anyPort = fc.oneof(fc.constantFrom(0, 1, 65_535), fc.nat(65_535));
const sample = fc.record({ before: fc.oneof(fc.nat(6), fc.nat(65_535)), port: anyPort });
/** What a host says to an order, beside whose it is. */
const answer = fc.record({
  samples: fc.array(sample, { maxLength: 8 }),
  near: fc.boolean(),
  endpoint: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 65_535 }) }, anyPort),
  refused: fc.option(fc.nat(400_000), { freq: 6 }),
  pay: fc.option(fc.nat(65_535)),
});

function stepOf(order: number, { samples, near, endpoint, refused, pay }: FcValue<typeof answer>): Step {
  const observed = (port: number) => ({ address: HOST, port });
  return {
    order,
    // Half of them look as those of a NAT that counts.
    samples: near
      ? [0, 1, 2, 3, 4].map((before) => ({ before, observed: observed(Math.min(65_535, endpoint + 4 * before)) }))
      : samples.map(({ before, port }) => ({ before, observed: observed(port) })),
    endpoint: observed(endpoint),
    ...(refused === null ? {} : { refused: { allowedInMs: refused } }),
    ...(pay === null ? {} : { pay }),
  };
}
/** Tells a socket its mapping. */
const SOURCE: MappingSource = {
  target: { address: '198.51.100.1', port: 3478 },
  kind: 'stun',
  answersFrom: [],
  request: (_now, request) => Uint8Array.of(0, request >> 8, request & 255),
  requestTo: (_now, request) => Uint8Array.of(0, request >> 8, request & 255),
  answer(_from, bytes) {
    const [family, high, low, ...port] = bytes;
    if (family === 0) return null;
    const address = family === 4 ? CLIENT : '2001:db8::9';
    return { request: high! * 256 + low!, observed: { address, port: port[0]! * 256 + port[1]! } };
  },
};

type FcValue<T> = T extends fc.Arbitrary<infer Value> ? Value : never;

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;

function portsOf(side: SidePlan): readonly number[] {
  const count = Math.min(side.tuples, 4 * side.portEvery * Math.max(1, portCount(side.ports)), 3_000);
  return Array.from({ length: count }, (_, n) => tupleAt(side, n).port);
}

test('whatever the host says of itself and answers, the client sends to ports that there are, and orders only such, for minutes', () => {
  let [sent, ordered] = [0, 0];
  const methods = new Set<string>();
  fc.assert(
    fc.property(told, told, fc.array(answer, { minLength: 1, maxLength: 6 }), fc.nat(), (own, peer, answers, seed) => {
      const permit = permitOf([HOST], { probesMax: 1e6, probesPerSecondMax: 65_535, expiresInMs: 1e6 });
      const machine = traversal(0, {
        ...{
          role: 'client',
          sid: new Uint8Array(16),
          punchKey: new Uint8Array(32),
          socket: 1000,
          family: 4,
          permit,
          master: null,
        },
        ...{
          viaMasterRttMs: 80,
          sources: [SOURCE],
          redirecting: SOURCE,
          sockets: socketIds(),
          random: simRandom(seed),
        },
        own: { profile: () => own, candidates: [{ kind: 'reflexive', endpoint: { address: CLIENT, port: 7 } }] },
        requests: requestNumbers(),
        peer: { profile: peer, candidates: [{ kind: 'reflexive', endpoint: { address: HOST, port: 4_000 } }] },
        crypto: nodeCrypto,
        device: device(),
      });
      let now = 0;
      let n = 0;
      let mapped = 0;
      const heard = (event: TraversalEvent): void => {
        if (event.ev === 'attempt') methods.add(event.plan.method);
        if (event.ev !== 'step') return;
        const step = decodeStep(event.bytes);
        expect(step).not.toBeNull();
        if (step?.run) {
          ordered++;
          expect(packetsOf(step.run.side)).toBeLessThan(20_000);
          expect(portsOf(step.run.side).filter((port) => !isPort(port))).toEqual([]);
        }
        machine.handleCommand(now, {
          do: 'step',
          bytes: encodeStep(stepOf(step!.order, answers[n++ % answers.length]!)),
        });
      };
      machine.handleCommand(0, { do: 'start' });
      for (;;) {
        const output = machine.poll();
        if (output.kind === 'wait') {
          if (output.until > 180_000) break;
          now = Math.max(now, output.until);
          machine.handleTimeout(now);
        } else if (output.kind === 'event') heard(output.event);
        else if (output.kind === 'transmit') {
          if (output.to.address === SOURCE.target.address) {
            // Our own NAT may be as odd, or who tells us of it.
            const { near, endpoint } = answers[mapped++ % answers.length]!;
            const port = near ? 50_000 + (mapped & 255) : Math.max(1, endpoint);
            const bytes = Uint8Array.of(near ? 4 : 6, output.bytes[1]!, output.bytes[2]!, port >> 8, port & 255);
            machine.handleDatagram(now, output.socket, SOURCE.target, bytes);
            continue;
          }
          sent++;
          if (!isPort(output.to.port)) expect.unreachable(`port ${output.to.port}`);
          const { ttl } = output;
          if (ttl !== undefined && !(Number.isInteger(ttl) && ttl >= 1 && ttl <= 255)) expect.unreachable(`ttl ${ttl}`);
        } else if (output.op === 'open')
          machine.handleSocket(now, output.socket, { ok: true, local: { address: '0.0.0.0', port: 1 } });
      }
    }),
    { numRuns: 120, seed: FUZZ_SEED },
  );
  expect(methods.size).toBeGreaterThanOrEqual(5);
  expect(sent).toBeGreaterThan(1_000);
  expect(ordered).toBeGreaterThan(100);
});
