/** A peer or a master that lies: whatever field names a victim, the victim gets nothing, and the caps of the device hold. */

import { expect, test } from 'vitest';
import type { Allocator, NatProfile } from '../../src/core/index.ts';
import {
  type Candidate,
  decodeStep,
  device,
  encodeStep,
  LEAD_LIMITS,
  PAY_LIMITS,
  PLAN_LIMITS,
  PROVE_LIMITS,
  RUN_LIMITS,
  type SidePlan,
  type Step,
  UNKNOWN_ALLOCATOR,
  UNKNOWN_PROFILE,
} from '../../src/core/testing.ts';
import { type Alone, alone, type Sent, TWIN } from './traverse-alone.ts';

const VICTIM = '198.51.100.7';

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
  const { machine, sent, run } = alone('host', { candidates: CANDIDATES });
  const steps: Step[] = [
    { order: 1, run: { startInMs: 0, side: SALVO } },
    { order: 2, run: { startInMs: 0, side: { ...SALVO, from: 'punching', sockets: 1, class: 'easy' } } },
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
  expect(sent.filter(({ to }) => to.address !== TWIN)).toEqual([]);
});

test('the bytes of a victim at any place of any order make a host send it nothing', () => {
  const side: SidePlan = { ...SALVO, sockets: 8, tuples: 8, addresses: [TWIN, TWIN], durationMs: 500 };
  const sample = { before: 0, observed: { address: TWIN, port: 53 } };
  const bytes = encodeStep({
    order: 1,
    samples: [sample],
    endpoint: sample.observed,
    run: { startInMs: 0, side },
    pay: 1,
  });
  let obeyed = 0;
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const { machine, sent, run } = alone('host');
    const forged = Uint8Array.from(bytes);
    forged.set(VICTIM.split('.').map(Number), at);
    machine.handleCommand(0, { do: 'step', bytes: forged });
    run(2_000);
    if (sent.length > 0) obeyed++;
    expect(
      sent.filter(({ to }) => to.address !== TWIN),
      `at byte ${at}`,
    ).toEqual([]);
  }
  expect(obeyed).toBeGreaterThan(10);
});

test('an order at an address that the permit does not name is carried out at the one that it names', () => {
  const { machine, sent, run } = alone('host');
  const side: SidePlan = { ...SALVO, sockets: 8, tuples: 8, durationMs: 500, again: { mode: 'none', everyMs: 0 } };
  machine.handleCommand(0, { do: 'step', bytes: encodeStep({ order: 1, run: { startInMs: 0, side } }) });
  run(2_000);
  expect(sent.map(({ to }) => to.address)).toEqual(Array.from({ length: 8 }, () => TWIN));
});

/** A client whose host says in every step that it is at `address`, next to the port that comes next. */
function liedTo(address: string, allocator: Allocator): readonly Sent[] {
  const profile: NatProfile = { ...PROFILE, mapping: 'apdm', allocator, mixture: [allocator], pooling: 'arbitrary' };
  const { machine, sent, run } = alone('client', { peer: profile, candidates: CANDIDATES });
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
    expect(liedTo(TWIN, allocator).length).toBeGreaterThan(10);
    expect(liedTo(VICTIM, allocator).filter(({ to }) => to.address !== TWIN)).toEqual([]);
  }
});

test('a dishonest master and a dishonest client together do not get more out of a host than its own caps', () => {
  const { machine, sent, run } = alone('host', { probesMax: 1_000_000_000 });
  for (let order = 1; order <= 60; order++) {
    const side: SidePlan = { ...SALVO, addresses: [TWIN] };
    machine.handleCommand(1_000 * order, { do: 'step', bytes: encodeStep({ order, run: { startInMs: 0, side } }) });
    run(1_000 * order + 999);
  }
  expect(sent.length).toBeGreaterThan(1_000);
  expect(sent.length).toBeLessThanOrEqual(PLAN_LIMITS.birthdayBurst + 61 * PAY_LIMITS.probesPerSecond);
  for (const [n, { at }] of sent.entries()) {
    const before = sent[n - PLAN_LIMITS.birthdayPerSecond - PAY_LIMITS.probesAtOnce - 2];
    if (before !== undefined) expect(at - before.at).toBeGreaterThan(1_000);
  }
  expect(new Set(sent.map(({ socket }) => socket)).size).toBeLessThanOrEqual(PLAN_LIMITS.birthdayMappings + 1);
});

test('S15: many ports are opened for one client once per rest, and a repeated order is not obeyed twice', () => {
  const { machine, events, sent, run } = alone('host');
  const order = (n: number) =>
    machine.handleCommand(0, {
      do: 'step',
      bytes: encodeStep({
        order: n,
        run: { startInMs: 0, side: { ...SALVO, addresses: [TWIN], again: { mode: 'none', everyMs: 0 } } },
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
  const first = alone('host', { device: shared });
  const second = alone('host', { device: shared, sid: new Uint8Array(16).fill(1) });
  const side: SidePlan = { ...SALVO, sockets: 100, tuples: 100, addresses: [TWIN] };
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
  const endless = alone('host', { device: shared });
  const waiting = alone('host', { device: shared, sid: new Uint8Array(16).fill(1) });
  const side: SidePlan = { ...SALVO, sockets: 100, tuples: 100, addresses: [TWIN], durationMs: 300_000 };
  const ask = (who: Alone, at: number, order: number): void =>
    who.machine.handleCommand(at, { do: 'step', bytes: encodeStep({ order, run: { startInMs: 0, side } }) });
  ask(endless, 0, 1);
  let order = 0;
  let at = 0;
  for (; at < 2 * LEAD_LIMITS.hardTurnMs && waiting.sent.length === 0; at += 2_000) {
    endless.run(at);
    ask(waiting, at, ++order);
    waiting.run(at + 1_000);
  }
  expect(at).toBeGreaterThanOrEqual(LEAD_LIMITS.hardTurnMs);
  expect(at).toBeLessThanOrEqual(LEAD_LIMITS.hardTurnMs + 5_000);
  const before = endless.sent.length;
  expect(before).toBeGreaterThanOrEqual(100);
  // What it ran has ended, and its client knows: asking again gives it its place behind the other.
  endless.run(at + 10_000);
  expect(endless.sent.length).toBe(before);
  const told = endless.events.flatMap((event) => (event.ev === 'step' ? [decodeStep(event.bytes)] : []));
  expect(told.at(-1)).toMatchObject({ order: 1, queued: 1 });
});

const PLAIN: SidePlan = {
  ...{
    class: 'prediction',
    from: 'fresh',
    sockets: 1,
    tuples: 1,
    addresses: [TWIN],
    portEvery: 1,
    ratePerSecond: 1_000,
  },
  ...{ ports: { kind: 'fixed', port: 9 }, passes: [{ afterMs: 0, ttl: null }], again: { mode: 'none', everyMs: 0 } },
  ...{ sampleEvery: 0, durationMs: LEAD_LIMITS.salvoMs },
};
/** A session's sockets at most: those of its plans, its canaries, the punching one and a new one, and those that were heard on. */
const SOCKETS_MAX = PLAN_LIMITS.birthdayMappings + PLAN_LIMITS.canariesMax + 2 + RUN_LIMITS.proofSocketsMax;

const orderOf = (order: number, side: Partial<SidePlan>): Uint8Array =>
  encodeStep({ order, run: { startInMs: 0, side: { ...PLAIN, ...side } } });
const runs = ({ events }: Alone): number => events.filter((event) => event.ev === 'log' && event.what === 'run').length;

test('an order that nobody means is none: neither probe nor sample, the known socket replaced, more samples than can be told', () => {
  const replace = { mode: 'replace', everyMs: 1 } as const;
  const refresh = { mode: 'refresh', everyMs: 1 } as const;
  const senseless: Partial<SidePlan>[] = [
    { tuples: 0 },
    { tuples: 0, sampleEvery: 1, sockets: 2 },
    { tuples: 0, sampleEvery: 1, again: refresh },
    { tuples: 0, sampleEvery: 1, passes: [PLAIN.passes[0]!, PLAIN.passes[0]!] },
    { from: 'punching', sockets: 2, tuples: 2 },
    { from: 'punching', again: replace },
    { sockets: 2 },
    { sockets: 64, tuples: 64, sampleEvery: 1 },
    { tuples: PLAN_LIMITS.birthdayBurst + 1 },
    { sockets: 0 },
    { ports: { kind: 'fixed', port: 0 } },
    { ports: { kind: 'shuffle', low: 0, high: 9, seed: 1 } },
  ];
  const host = alone('host');
  for (const [n, side] of senseless.entries()) {
    expect(decodeStep(orderOf(n + 1, side)), JSON.stringify(side)).toBe(null);
    host.tell(orderOf(n + 1, side));
    host.run(60_000 * (n + 1));
  }
  expect(host.sent).toEqual([]);
  host.tell(orderOf(100, { sockets: 63, tuples: 63, sampleEvery: 1 }));
  host.run(1_000_000);
  expect(host.sent.length).toBe(63);
});

test('whatever is ordered and however often, the sockets of a session stay within what a birthday may have', () => {
  const greedy: Partial<SidePlan>[] = [
    { sockets: PLAN_LIMITS.predictionMappings, tuples: PLAN_LIMITS.predictionMappings },
    { sockets: 64, tuples: 64 },
    { class: 'birthday', sockets: 64, tuples: 64 },
    { class: 'easy', sockets: 63, tuples: 63, sampleEvery: 1 },
    { class: 'birthday', sockets: 64, tuples: 64, again: { mode: 'replace', everyMs: 1 } },
    { class: 'birthday', sockets: PLAN_LIMITS.birthdayMappings, tuples: PLAN_LIMITS.birthdayMappings },
  ];
  for (const side of greedy) {
    for (const heard of [false, true]) {
      const host = alone('host', { heard });
      for (let order = 1; order <= 60; order++) {
        host.tell(orderOf(order, side));
        host.run(50 * order);
      }
      host.run(100_000);
      expect(runs(host)).toBeGreaterThan(0);
      expect(host.peak(), JSON.stringify(side)).toBeLessThanOrEqual(SOCKETS_MAX);
    }
  }
});

test('all sessions of a host together have no more sockets than a process is sure to get', () => {
  const shared = device();
  const hosts = Array.from({ length: 60 }, (_, n) =>
    alone('host', { device: shared, sid: new Uint8Array(16).fill(n) }),
  );
  for (let order = 1; order <= 8; order++) {
    for (const host of hosts) {
      host.tell(orderOf(order, { sockets: 60, tuples: 60 }));
      host.run(100 * order);
    }
  }
  const open = hosts.reduce((sum, host) => sum + host.open(), 0);
  expect(open).toBeGreaterThan(PLAN_LIMITS.birthdayMappings);
  expect(open).toBeLessThanOrEqual(LEAD_LIMITS.plannedSocketsMax);
  // A session that has ended gives its places back.
  for (const host of hosts) host.machine.handleCommand(900, { do: 'abort' });
  expect(shared.held.size).toBe(0);
});

test('orders beside each other are few, and those that can send nothing cost next to nothing', () => {
  const victims = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
  const side: Partial<SidePlan> = {
    ...{ class: 'easy', from: 'punching', tuples: 64, ratePerSecond: 65_535, again: { mode: 'refresh', everyMs: 1 } },
    addresses: [...victims, TWIN],
  };
  const host = alone('host', { probesMax: 100 });
  for (let order = 1; order <= 200; order++) {
    host.tell(orderOf(order, side));
    host.run(10 * order);
  }
  expect(runs(host)).toBe(LEAD_LIMITS.plansAtOnce);
  const before = host.offered();
  host.run(12_000);
  expect(host.sent.length).toBe(100 - PAY_LIMITS.answersReserved);
  // Each looks every 20 ms whether it may send on.
  expect(host.offered() - before).toBeLessThanOrEqual(10 * 50 * LEAD_LIMITS.plansAtOnce);
});

test('samples seen at a fifth address are left out, not moved to the first', () => {
  const samples = [1, 2, 3, 4, 5, 1].map((n, before) => ({
    before,
    observed: { address: `203.0.113.${n}`, port: 4_000 + n },
  }));
  expect(decodeStep(encodeStep({ order: 1, samples }))?.samples).toEqual(samples.filter((_, n) => n !== 4));
});

test('a peer that floods a host with probes gets few answers, and the other sessions of the host go on soon after', () => {
  const shared = device();
  const host = alone('host', { device: shared });
  for (let at = 1; at <= 10_000; at++) {
    host.knock(1 + (at % 5_000));
    host.run(at);
  }
  const { burst, perSecond } = PROVE_LIMITS.answerRate;
  // Each may be probed back.
  expect(host.sent.length).toBeLessThanOrEqual(2 * (burst + 10 * perSecond));
  expect(host.sent.length).toBeGreaterThan(burst);
  const other = alone('host', { device: shared, sid: new Uint8Array(16).fill(1) });
  other.run(10_000);
  other.tell(orderOf(1, { sockets: 4, tuples: 4 }));
  other.run(30_000);
  expect(other.sent.length).toBe(4);
});

test('a session that waits for room in the table ends its turn in time, though others go on making mappings (S18)', () => {
  const shared = device();
  const [small, greedy, third] = [1, 2, 3].map((n) =>
    alone('host', { device: shared, sid: new Uint8Array(16).fill(n) }),
  ) as [Alone, Alone, Alone];
  const hard = { class: 'birthday', durationMs: 300_000 } as const;
  // The slot was another's before: so whoever has it next looks whether that one's mappings are still alive.
  third.tell(orderOf(1, { ...hard, sockets: 100, tuples: 100, durationMs: 1_000 }));
  third.run(5_000);
  const before = third.sent.length;
  let at = 6_000;
  for (let order = 2; at < 600_000 && third.sent.length === before; at += 2_000, order++) {
    small.run(at);
    if (order % 5 === 0) small.tell(orderOf(order, { durationMs: 1_000 }));
    greedy.run(at);
    greedy.tell(
      orderOf(order, { ...hard, sockets: PLAN_LIMITS.birthdayMappings, tuples: PLAN_LIMITS.birthdayMappings }),
    );
    third.run(at);
    if (at > 60_000) third.tell(orderOf(order, { ...hard, sockets: 65, tuples: 65 }));
  }
  expect(greedy.events.some((event) => event.ev === 'log' && event.what === 'refused')).toBe(true);
  expect(at).toBeLessThanOrEqual(6_000 + 2 * LEAD_LIMITS.hardTurnMs + PLAN_LIMITS.mappingLifetimeMs);
});

/** What no participant is at, and what is inside somebody's network. */
const INSIDE = ['127.0.0.1', '192.168.1.10', '10.0.0.53', '100.64.0.9', '169.254.169.254'];
const NOWHERE = ['239.255.255.250', '255.255.255.255', '0.0.0.0', '240.0.0.1'];

/** Everything at once: the permit names it, a candidate does, and every kind of order aims at it. */
function aimedAt(role: 'client' | 'host', address: string, kind: Candidate['kind'], master: string): readonly Sent[] {
  const candidates: Candidate[] = [1, 2].map((n) => ({ kind, endpoint: { address, port: 52 + n } }));
  const { machine, sent, run } = alone(role, {
    candidates,
    named: [address],
    master,
    peer: { ...PROFILE, external: [address] },
  });
  const orders: Partial<SidePlan>[] = [
    { class: 'easy', from: 'punching', sockets: 1, tuples: 200 },
    {
      class: 'easy',
      from: 'punching',
      sockets: 1,
      tuples: 1,
      ports: { kind: 'fixed', port: 53 },
      again: { mode: 'refresh', everyMs: 20 },
    },
    { class: 'prediction', sockets: 64, tuples: 64 },
    {},
  ];
  for (const [n, side] of orders.entries()) {
    const run1 = { startInMs: 0, side: { ...SALVO, addresses: [address], ...side } };
    machine.handleCommand(5_000 * n, {
      do: 'step',
      bytes: encodeStep({ order: n + 1, endpoint: { address, port: 53 }, run: run1 }),
    });
    run(5_000 * (n + 1));
  }
  run(60_000);
  return sent.filter(({ to }) => to.address === address);
}

const KINDS = ['reflexive', 'lan', 'mapped', 'ipv6', 'public'] as const;

test('a master on the Internet and a peer that name this computer, a local network, everybody or nobody: not one packet', () => {
  for (const address of [...INSIDE, ...NOWHERE])
    for (const role of ['client', 'host'] as const)
      for (const kind of KINDS)
        expect(aimedAt(role, address, kind, '198.51.100.8'), `${role} ${kind} ${address}`).toEqual([]);
});

test('a master in the local network: 40 packets at most to an address in it, and only to the port that is named', () => {
  let tried = 0;
  for (const address of INSIDE.slice(1))
    for (const kind of KINDS) {
      const sent = aimedAt('host', address, kind, '192.168.1.1');
      tried += sent.length;
      expect(sent.length).toBeLessThanOrEqual(PAY_LIMITS.lanProbesMax);
      expect(new Set(sent.map(({ to }) => to.port)).size).toBeLessThanOrEqual(2);
      expect(new Set(sent.map(({ socket }) => socket)).size).toBeLessThanOrEqual(1);
    }
  expect(tried).toBeGreaterThan(40);
  for (const address of ['127.0.0.1', ...NOWHERE])
    expect(aimedAt('host', address, 'lan', '192.168.1.1'), address).toEqual([]);
});

test('on one computer, where the master is at loopback too, both may be', () => {
  const sent = aimedAt('host', '127.0.0.1', 'reflexive', '127.0.0.1');
  expect(sent.length).toBeGreaterThan(5);
  expect(sent.length).toBeLessThanOrEqual(PAY_LIMITS.lanProbesMax);
});
