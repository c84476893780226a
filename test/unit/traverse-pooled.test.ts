/** A client and a host whose NAT draws an address for each socket: nobody may probe an address that has not paid, and permits run out. */
import { expect, test } from 'vitest';
import { type NatProfile, requestNumbers, socketIds } from '../../src/core/index.ts';
import {
  decodeStep,
  device,
  encodeStep,
  type MappingSource,
  type Step,
  type TraversalEvent,
  traversal,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { simRandom } from '../../src/sim/index.ts';
import { permitOf } from '../permit.ts';

const JOINED_AT = '203.0.113.5';
const ELSEWHERE = '203.0.113.6';
const OWN = '192.0.2.9';
const PERMIT_MS = 15_000;
/** To the host and to the master, and back with what came of it. */
const TRIP_MS = 80;

const EASY: NatProfile = { ...UNKNOWN_PROFILE, mapping: 'eim', filtering: 'apdf', type: 'cone', confidence: 1 };
const CLIENT: NatProfile = { ...EASY, external: [OWN] };
const POOL = { external: [JOINED_AT, ELSEWHERE], pooling: 'arbitrary' } as const;
const draws = { ...UNKNOWN_PROFILE.allocator, kind: 'random', weight: 1, low: 1_024, high: 65_535 } as const;
const RANDOM: NatProfile = { ...EASY, mapping: 'apdm', type: 'port-sensitive', allocator: draws, mixture: [draws] };

/** Tells the client the mapping of its socket. */
const SOURCE: MappingSource = {
  target: { address: '198.51.100.1', port: 3_478 },
  kind: 'stun',
  answersFrom: [],
  request: (_now, request) => Uint8Array.of(request >> 8, request & 255),
  requestTo: (_now, request) => Uint8Array.of(request >> 8, request & 255),
  answer: (_from, bytes) => ({ request: bytes[0]! * 256 + bytes[1]!, observed: { address: OWN, port: 40_000 } }),
};

interface Play {
  readonly host: NatProfile;
  /** Addresses of the host that have paid, with what it is asked to pay in this step. */
  pays(paidFrom: readonly string[]): readonly string[];
  /** What the host says to an order. */
  answers(now: number, step: Step): Partial<Step>;
  readonly untilMs: number;
}

interface Sent {
  readonly at: number;
  readonly address: string;
  readonly port: number;
}

/** The client's side for so long: its attempts, and its probes. */
function play({ host, pays, answers, untilMs }: Play) {
  let paidFrom: readonly string[] = [JOINED_AT];
  let probesMax = 500;
  const permit = () => permitOf(paidFrom, { probesMax, expiresInMs: PERMIT_MS });
  const machine = traversal(0, {
    ...{ role: 'client', sid: new Uint8Array(16), punchKey: new Uint8Array(32), socket: 1_000, family: 4 },
    ...{ permit: permit(), master: null, viaMasterRttMs: TRIP_MS, sources: [SOURCE], redirecting: null },
    ...{ sockets: socketIds(), random: simRandom(1), crypto: nodeCrypto, requests: requestNumbers(), device: device() },
    own: { profile: () => CLIENT, candidates: [] },
    peer: { profile: host, candidates: [{ kind: 'reflexive', endpoint: { address: JOINED_AT, port: 5_000 } }] },
  });
  let now = 0;
  let renewAt = Number.POSITIVE_INFINITY;
  let permittedUntil = PERMIT_MS;
  const attempts: { at: number; method: string; lapsed: boolean }[] = [];
  const sent: Sent[] = [];
  const heard = (event: TraversalEvent): void => {
    if (event.ev === 'attempt') attempts.push({ at: now, method: event.plan.method, lapsed: now >= permittedUntil });
    if (event.ev !== 'step') return;
    const step = decodeStep(event.bytes)!;
    // The host pays, and the master's permit comes a trip later.
    if (step.pay !== undefined) {
      paidFrom = pays(paidFrom);
      renewAt = Math.min(renewAt, now + TRIP_MS);
    }
    machine.handleCommand(now, { do: 'step', bytes: encodeStep({ order: step.order, ...answers(now, step) }) });
  };
  machine.handleCommand(0, { do: 'start' });
  for (;;) {
    const output = machine.poll();
    if (output.kind === 'event') heard(output.event);
    else if (output.kind === 'transmit') {
      if (output.to.address !== SOURCE.target.address) sent.push({ at: now, ...output.to });
      else machine.handleDatagram(now, output.socket, SOURCE.target, output.bytes);
    } else if (output.kind === 'socket' && output.op === 'open')
      machine.handleSocket(now, output.socket, { ok: true, local: { address: '0.0.0.0', port: 1 } });
    else if (output.kind === 'wait') {
      const next = Math.min(output.until, renewAt);
      if (next > untilMs) return { attempts, sent };
      now = Math.max(now, next);
      if (now >= renewAt) {
        renewAt = Number.POSITIVE_INFINITY;
        probesMax += 500;
        permittedUntil = now + PERMIT_MS;
        machine.handleCommand(now, { do: 'permit', permit: permit() });
      } else machine.handleTimeout(now);
    }
  }
}

test('an attempt that begins with a permit that has run out sends as soon as the credit renews it', () => {
  const { attempts, sent } = play({
    host: { ...RANDOM, ...POOL },
    pays: () => [JOINED_AT, ELSEWHERE],
    answers: (now, { restun, run }) => ({
      ...(restun ? { endpoint: { address: JOINED_AT, port: 5_000 } } : {}),
      // The host lets its ports rest at first, for longer than the permit lives.
      ...(run && now < PERMIT_MS ? { refused: { allowedInMs: PERMIT_MS + 5_000 } } : {}),
    }),
    untilMs: 35_000,
  });
  const lapsed = attempts.filter((attempt) => attempt.lapsed && attempt.method === 'birthday');
  expect(lapsed.length).toBeGreaterThan(0);
  // In the first of its two rounds.
  for (const { at } of lapsed)
    expect(sent.filter((one) => one.at >= at && one.at < at + 2_800).length).toBeGreaterThan(100);
});

test('the new punching socket of a pooled host pays, so that the client may probe the address that it has got', () => {
  const { attempts, sent } = play({
    host: { ...EASY, ...POOL },
    pays: (paidFrom) => [...paidFrom, ELSEWHERE],
    answers: (_now, { restun }) => (restun ? { endpoint: { address: ELSEWHERE, port: 6_000 } } : {}),
    untilMs: 6_000,
  });
  expect(attempts.slice(0, 3).map(({ method }) => method)).toEqual(['known', 'known', 'known']);
  const [, second, third] = attempts;
  // And the other one that has paid, at the same port: which of them its NAT draws towards us nobody knows.
  for (const address of [ELSEWHERE, JOINED_AT]) {
    const there = sent.filter((one) => one.address === address && one.at >= second!.at && one.at < third!.at);
    expect(there.length).toBeGreaterThanOrEqual(5);
    expect(new Set(there.map(({ port }) => port))).toEqual(new Set([6_000]));
  }
});
