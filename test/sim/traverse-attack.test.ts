/** A peer or a master that lies: whatever field names a victim, the victim gets nothing, and the caps of the device hold. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Allocator,
  type Candidate,
  type Device,
  device,
  LIMITS,
  type NatProfile,
  type Output,
  type Role,
  socketIds,
  type Traversal,
  type TraversalEvent,
  traversal,
  UNKNOWN_ALLOCATOR,
  UNKNOWN_PROFILE,
} from '../../src/core/index.ts';
import type { SidePlan } from '../../src/core/traverse/side.ts';
import { decodeStep, encodeStep, type Step } from '../../src/core/traverse/step.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { simRandom } from '../../src/sim/index.ts';

const ATTACKER = '203.0.113.66';
const VICTIM = '198.51.100.7';
const SOCKET = 1000;

interface Sent {
  readonly at: number;
  readonly socket: number;
  readonly to: { readonly address: string; readonly port: number };
}

interface Victimless {
  readonly machine: Traversal;
  readonly sent: Sent[];
  readonly events: TraversalEvent[];
  /** Runs until `until`, opening every socket at once. */
  run(until: number): void;
}

function honest(
  role: Role,
  profile: NatProfile,
  candidates: readonly Candidate[],
  probesMax: number,
  shared: Device = device(),
  sid: Uint8Array = new Uint8Array(16),
): Victimless {
  const permit = { addresses: [ATTACKER], probesMax, probesPerSecondMax: 65_535, expiresInMs: 1_000_000 };
  const own = {
    profile: UNKNOWN_PROFILE,
    candidates: [{ kind: 'reflexive', endpoint: { address: '192.0.2.9', port: 7 } } as const],
  };
  const machine = traversal(0, {
    ...{ role, sid, punchKey: new Uint8Array(32), socket: SOCKET, family: 4, own, permit, relayRttMs: 80 },
    ...{
      peer: { profile, candidates },
      sources: [],
      redirecting: null,
      sockets: socketIds(),
      random: simRandom(1),
      crypto: nodeCrypto,
      device: shared,
    },
  });
  const sent: Sent[] = [];
  const events: TraversalEvent[] = [];
  let now = 0;
  const drain = (): number => {
    for (;;) {
      const output: Output<TraversalEvent> = machine.poll();
      if (output.kind === 'wait') return output.until;
      if (output.kind === 'transmit') sent.push({ at: now, socket: output.socket, to: output.to });
      else if (output.kind === 'event') events.push(output.event);
      else if (output.op === 'open')
        machine.handleSocket(now, output.socket, { ok: true, local: { address: '0.0.0.0', port: 1 } });
    }
  };
  machine.handleCommand(now, { do: 'start' });
  return {
    machine,
    sent,
    events,
    run(until) {
      for (let next = drain(); next <= until; next = drain()) {
        now = Math.max(now, next);
        machine.handleTimeout(now);
      }
      now = until;
    },
  };
}

const CANDIDATES: readonly Candidate[] = (['reflexive', 'lan', 'mapped', 'ipv6', 'public'] as const).flatMap((kind) => [
  { kind, endpoint: { address: VICTIM, port: 53 } },
  { kind, endpoint: { address: '2001:db8::7', port: 53 } },
]);

const PROFILE: NatProfile = {
  ...UNKNOWN_PROFILE,
  mapping: 'eim',
  filtering: 'apdf',
  external: [VICTIM],
  confidence: 0.9,
};

const SALVO: SidePlan = {
  class: 'birthday',
  from: 'fresh',
  sockets: 1500,
  tuples: 1500,
  addresses: [VICTIM],
  ports: { kind: 'shuffle', low: 1, high: 65_535, seed: 1 },
  portEvery: 1,
  ratePerSecond: 65_535,
  passes: [{ afterMs: 0, ttl: null }],
  again: { mode: 'refresh', everyMs: 1 },
  sampleEvery: 0,
  durationMs: 60_000,
};

test('a host that is asked for punches at a victim, in every field of a step and of a candidate, sends it nothing', () => {
  const { machine, sent, run } = honest('host', PROFILE, CANDIDATES, 100_000);
  const steps: Step[] = [
    { order: 1, run: { startInMs: 0, side: SALVO } },
    { order: 2, run: { startInMs: 0, side: { ...SALVO, from: 'known', sockets: 1, class: 'easy' } } },
    {
      order: 3,
      endpoint: { address: VICTIM, port: 53 },
      samples: [{ before: 0, observed: { address: VICTIM, port: 53 } }],
    },
    { order: 4, restun: true, pay: 65_535 },
    { order: 5, run: { startInMs: 0, side: { ...SALVO, class: 'prediction', sockets: 4, tuples: 4, sampleEvery: 1 } } },
  ];
  for (const step of steps) {
    machine.handleCommand(0, { do: 'step', bytes: encodeStep(step) });
    run(step.order * 2_000);
  }
  expect(sent.filter(({ to }) => to.address !== ATTACKER)).toEqual([]);
});

test('the bytes of a victim at any place of any order make a host send it nothing', () => {
  const side: SidePlan = { ...SALVO, sockets: 8, tuples: 8, addresses: [ATTACKER, ATTACKER], durationMs: 500 };
  const sample = { before: 0, observed: { address: ATTACKER, port: 53 } };
  const bytes = encodeStep({
    order: 1,
    samples: [sample],
    endpoint: sample.observed,
    run: { startInMs: 0, side },
    pay: 1,
  });
  let obeyed = 0;
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const { machine, sent, run } = honest('host', PROFILE, [], 100_000);
    const forged = Uint8Array.from(bytes);
    forged.set(VICTIM.split('.').map(Number), at);
    machine.handleCommand(0, { do: 'step', bytes: forged });
    run(2_000);
    if (sent.length > 0) obeyed++;
    expect(
      sent.filter(({ to }) => to.address !== ATTACKER),
      `at byte ${at}`,
    ).toEqual([]);
  }
  expect(obeyed).toBeGreaterThan(10);
});

test('an order at an address that the permit does not name is carried out at the one that it names', () => {
  const { machine, sent, run } = honest('host', PROFILE, [], 100_000);
  const side: SidePlan = { ...SALVO, sockets: 8, tuples: 8, durationMs: 500, again: { mode: 'none', everyMs: 0 } };
  machine.handleCommand(0, { do: 'step', bytes: encodeStep({ order: 1, run: { startInMs: 0, side } }) });
  run(2_000);
  expect(sent.map(({ to }) => to.address)).toEqual(Array.from({ length: 8 }, () => ATTACKER));
});

/** A client whose host says in every step that it is at `address`, next to the port that comes next. */
function liedTo(address: string, allocator: Allocator): readonly Sent[] {
  const profile: NatProfile = { ...PROFILE, mapping: 'apdm', allocator, mixture: [allocator], pooling: 'arbitrary' };
  const { machine, sent, run } = honest('client', profile, CANDIDATES, 100_000);
  for (let order = 1; order < 60; order++) {
    const samples = [0, 1, 2, 3, 4].map((before) => ({ before, observed: { address, port: 4000 + 2 * before } }));
    const bytes = encodeStep({ order, samples, endpoint: { address, port: 53 }, pay: 65_535 });
    machine.handleCommand(order * 500, { do: 'step', bytes });
    run(order * 500 + 499);
  }
  return sent;
}

test('a client whose host lies about where it is sends the victim nothing', () => {
  const step = { ...UNKNOWN_ALLOCATOR, kind: 'step', step: 1, backgroundPerSecond: 5 } as const;
  const random = { ...UNKNOWN_ALLOCATOR, kind: 'random' } as const;
  for (const allocator of [step, random]) {
    expect(liedTo(ATTACKER, allocator).length).toBeGreaterThan(20);
    expect(liedTo(VICTIM, allocator).filter(({ to }) => to.address !== ATTACKER)).toEqual([]);
  }
});

test('no step, whatever is in it, makes a host send to an address that its permit does not name', () => {
  const byte = fc.uint8Array({ minLength: 4, maxLength: 120 });
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 8 }), (lists) => {
      const { machine, sent, run } = honest('host', PROFILE, CANDIDATES, 100_000);
      for (const [n, bytes] of lists.entries()) {
        machine.handleCommand(0, { do: 'step', bytes: Uint8Array.from([1, bytes[0]!, 0, n + 1, ...bytes]) });
        run(n * 100);
      }
      run(3_000);
      return sent.every(({ to }) => to.address === ATTACKER);
    }),
    { numRuns: 200 },
  );
});

test('a dishonest master and a dishonest client together do not get more out of a host than its own caps', () => {
  const { machine, sent, run } = honest('host', PROFILE, [], 1_000_000_000);
  for (let order = 1; order <= 60; order++) {
    const side: SidePlan = { ...SALVO, addresses: [ATTACKER] };
    machine.handleCommand(1_000 * order, { do: 'step', bytes: encodeStep({ order, run: { startInMs: 0, side } }) });
    run(1_000 * order + 999);
  }
  expect(sent.length).toBeGreaterThan(1_000);
  expect(sent.length).toBeLessThanOrEqual(LIMITS.birthdayBurst + 61 * LIMITS.probesPerSecond);
  for (const [n, { at }] of sent.entries()) {
    const before = sent[n - LIMITS.birthdayPerSecond - LIMITS.probesAtOnce - 2];
    if (before !== undefined) expect(at - before.at).toBeGreaterThan(1_000);
  }
  expect(new Set(sent.map(({ socket }) => socket)).size).toBeLessThanOrEqual(LIMITS.birthdayMappings + 1);
});

test('S15: many ports are opened for one client once per rest, and a repeated order is not obeyed twice', () => {
  const { machine, events, sent, run } = honest('host', PROFILE, [], 100_000);
  const order = (n: number) =>
    machine.handleCommand(0, {
      do: 'step',
      bytes: encodeStep({
        order: n,
        run: { startInMs: 0, side: { ...SALVO, addresses: [ATTACKER], again: { mode: 'none', everyMs: 0 } } },
      }),
    });
  order(1);
  order(1);
  run(6_000);
  expect(new Set(sent.map(({ socket }) => socket)).size).toBe(1_500);
  order(2);
  run(12_000);
  expect(sent.length).toBe(1_500);
  expect(events.some((event) => event.ev === 'log' && event.what === 'refused')).toBe(true);
});

test('a second hard session is told its place, and is let in when it asks again after the first is over (S18)', () => {
  const shared = device();
  const first = honest('host', PROFILE, [], 100_000, shared);
  const second = honest('host', PROFILE, [], 100_000, shared, new Uint8Array(16).fill(1));
  const side: SidePlan = { ...SALVO, sockets: 100, tuples: 100, addresses: [ATTACKER] };
  const order = encodeStep({ order: 1, run: { startInMs: 0, side } });
  first.machine.handleCommand(0, { do: 'step', bytes: order });
  first.run(1_000);
  second.machine.handleCommand(0, { do: 'step', bytes: order });
  second.run(1_000);
  const told = second.events.flatMap((event) => (event.ev === 'step' ? [decodeStep(event.bytes)?.queued] : []));
  expect(told[0]).toBe(1);
  expect(first.sent.length).toBeGreaterThanOrEqual(100);
  expect(second.sent).toEqual([]);
  first.machine.handleCommand(2_000, { do: 'abort' });
  first.run(2_000);
  second.machine.handleCommand(2_500, { do: 'step', bytes: encodeStep({ order: 2, run: { startInMs: 0, side } }) });
  second.run(4_000);
  expect(second.sent.length).toBeGreaterThanOrEqual(100);
});

test('a hard session that goes on for ever ends its turn when another waits, and is told to wait itself (S18)', () => {
  const shared = device();
  const endless = honest('host', PROFILE, [], 100_000, shared);
  const waiting = honest('host', PROFILE, [], 100_000, shared, new Uint8Array(16).fill(1));
  const side: SidePlan = { ...SALVO, sockets: 100, tuples: 100, addresses: [ATTACKER], durationMs: 300_000 };
  const ask = (who: Victimless, at: number, order: number): void =>
    who.machine.handleCommand(at, { do: 'step', bytes: encodeStep({ order, run: { startInMs: 0, side } }) });
  ask(endless, 0, 1);
  let order = 0;
  let at = 0;
  for (; at < 2 * LIMITS.hardTurnMs && waiting.sent.length === 0; at += 2_000) {
    endless.run(at);
    ask(waiting, at, ++order);
    waiting.run(at + 1_000);
  }
  expect(at).toBeGreaterThanOrEqual(LIMITS.hardTurnMs);
  expect(at).toBeLessThanOrEqual(LIMITS.hardTurnMs + 5_000);
  const before = endless.sent.length;
  expect(before).toBeGreaterThanOrEqual(100);
  // What it ran has ended, and its client knows: asking again gives it its place behind the other.
  endless.run(at + 10_000);
  expect(endless.sent.length).toBe(before);
  const told = endless.events.flatMap((event) => (event.ev === 'step' ? [decodeStep(event.bytes)] : []));
  expect(told.at(-1)).toMatchObject({ order: 1, queued: 1 });
});
