/**
 * The demands of the original notes that no other test is named after, read off the packets of two real traversals in the
 * simulator. docs/seed.md says for every demand how it is met. Where a pair must fail, one side's profile is a lie
 * (`edit`), so that the plans are sound and aim at nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeProfile, detect, placeDetector } from '../../bench/detection-world.ts';
import type { NatProfile } from '../../src/core/index.ts';
import type { Role, TraversalEvent } from '../../src/core/testing.ts';
import { UNKNOWN_ALLOCATOR } from '../../src/core/testing.ts';
import { NATS, type NatBehaviour, PORTS_ALL, type TraceRecord } from '../../src/sim/index.ts';
import { type PairOptions, type PairResult, runPair } from './traverse-pair.ts';

const APDM = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;
const RANDOM: NatBehaviour = { ...APDM, allocation: { random: PORTS_ALL } };
const PS: NatBehaviour = { ...APDM, allocation: { step: 1 }, background: { perSecond: 5 } };
const AS: NatBehaviour = { ...PS, mapping: 'address' };

interface Probe {
  readonly at: number;
  readonly local: number;
  readonly to: string;
  readonly port: number;
  readonly ttl: number;
}
interface Seen {
  readonly run: PairResult;
  readonly events: readonly { readonly role: Role; readonly at: number; readonly event: TraversalEvent }[];
  readonly records: readonly TraceRecord[];
  /** What a side sends to the other, by the time it leaves. */
  readonly probes: Readonly<Record<Role, readonly Probe[]>>;
  /** Questions about the own mapping, likewise. */
  readonly questions: Readonly<Record<Role, readonly Probe[]>>;
  /** Of the n-th attempt (from 1). */
  during(n: number, probes: readonly Probe[]): readonly Probe[];
}

function watch(options: PairOptions): Seen {
  const records: TraceRecord[] = [];
  const events: { role: Role; at: number; event: TraversalEvent }[] = [];
  let server = '';
  const run = runPair({
    noLan: true,
    ...options,
    onWorld: (world) => world.watch((record) => void records.push(record)),
    onEvent: (role, event, at) => {
      if (event.ev !== 'bound') events.push({ role, at, event });
    },
  });
  server = run.world.hosts.find((host) => host.server)!.address;
  const sent = (role: Role, toServer: boolean): readonly Probe[] =>
    records
      .filter(({ what, where, packet }) => what === 'sent' && where === role && packet.icmp === null)
      .filter(({ packet }) => (packet.to.address === server) === toServer && packet.to.port !== 8430)
      .map(({ at, packet: { from, to, ttl } }) => ({ at, local: from.port, to: to.address, port: to.port, ttl }));
  const starts = events.flatMap(({ at, event }) => (event.ev === 'attempt' ? [at] : []));
  return {
    ...{ run, events, records },
    probes: { client: sent('client', false), host: sent('host', false) },
    questions: { client: sent('client', true), host: sent('host', true) },
    during: (n, probes) =>
      probes.filter(({ at }) => at >= starts[n - 1]! && at < (starts[n] ?? Number.POSITIVE_INFINITY)),
  };
}

/** A side whose NAT draws anywhere is said to draw from, or to step through, a corner where it hardly ever is. */
function lie(about: Role, kind: 'step' | 'range'): NonNullable<PairOptions['edit']> {
  return (role: Role, profile: NatProfile) => {
    if (role !== about) return profile;
    const range = kind === 'range' ? { low: 2048, high: 2303 } : { step: 1, backgroundPerSecond: 1 };
    const allocator = { ...UNKNOWN_ALLOCATOR, kind, ...range };
    return { ...profile, allocator, mixture: [allocator] };
  };
}

const localPorts = (probes: readonly Probe[]): Set<number> => new Set(probes.map(({ local }) => local));
const pairsOf = (probes: readonly Probe[]): string[] => probes.map(({ local, to, port }) => `${local}>${to}:${port}`);

/** External ports that the side's NAT gave to packets of these local ports towards the other side. */
function externalPorts(seen: Seen, role: Role, locals: ReadonlySet<number>): number[] {
  const id = new Map(
    seen.records
      .filter(({ what, where }) => what === 'sent' && where === role)
      .map(({ packet }) => [packet.id, packet.from.port]),
  );
  const found = new Map<number, number>();
  for (const { what, where, packet } of seen.records) {
    const local = id.get(packet.id);
    if (what !== 'translated' || where !== `${role}.nat` || local === undefined || !locals.has(local)) continue;
    found.set(local, packet.from.port);
  }
  return [...found.values()];
}

test('S2: with nothing but the many ports of one master, the delta is known', () => {
  for (const delta of [1, 2, 4]) {
    const chain = [{ nat: { ...PS, allocation: { step: delta } }, routers: 0 }];
    const line = { ownRouters: 0, coreRouters: 3, delayMs: 20, jitterMs: 1, lossRate: 0 };
    const user = { class: 'P3', access: 'home', exposed: false, chain, ...line } as const;
    const { final } = detect(placeDetector(user, { seed: `S2/${delta}`, servers: 'master' }));
    expect(describeProfile(final)).toContain(`step ${delta}`);
  }
});

describe('S5, S8, S9, S10: a pair that does not meet goes on', () => {
  const cases = [
    ['S8: client PS, host cone', RANDOM, NATS.linux, 'client'],
    ['S9: client cone, host PS', NATS.linux, RANDOM, 'host'],
    ['S10: both PS', PS, RANDOM, 'host'],
  ] as const;
  test.each(cases)(
    '%s: every attempt is from new source ports and so from new mappings',
    (_name, client, host, hard) => {
      const seen = watch({ seed: 1, client, host, edit: lie(hard, 'step'), limitMs: 14_000 });
      const { run, probes, questions, during } = seen;
      expect(run.connected).toBe(false);
      expect(run.attempts, run.methods.join()).toBeGreaterThanOrEqual(3);
      for (const role of ['client', 'host'] as const) {
        const used = new Set<number>();
        const again: number[] = [];
        for (let n = 1; n < run.attempts; n++) {
          // A packet of the attempt before may still be on its way to the host when the client begins the next.
          const late = role === 'host' && n > 1 ? localPorts(during(n - 1, probes[role])) : new Set<number>();
          const ports = [...localPorts(during(n, probes[role]))].filter((port) => !late.has(port));
          expect(ports.length, `${role}, attempt ${n}`).toBeGreaterThan(0);
          again.push(...ports.filter((port) => used.has(port)));
          for (const port of ports) used.add(port);
        }
        // Of hundreds of new sockets one gets a port by chance that another had long ago.
        const chance = Math.floor(used.size / 50);
        expect(again.length, `${role}: ${again.join()}`).toBeLessThanOrEqual(chance);
        const external = externalPorts(seen, role, used);
        expect(external.length).toBe(used.size);
        // Two of a NAT that draws may draw the same in the course of time.
        expect(new Set(external).size).toBeGreaterThanOrEqual(used.size - chance - (role === hard ? 1 : 0));
      }
      // S4: one STUN exchange for a port, never a second one; a new one comes with a new port.
      for (const role of ['client', 'host'] as const) {
        expect(questions[role].length).toBeGreaterThanOrEqual(run.attempts - 1);
        expect(localPorts(questions[role]).size).toBe(questions[role].length);
      }
    },
  );
});

test('S4, S6: two easy sides ask no STUN server at all during the traversal, and probe at once', () => {
  const { run, questions, probes } = watch({ seed: 1, client: NATS.linux, host: NATS.linux });
  expect(run.connected).toBe(true);
  expect([...questions.client, ...questions.host]).toEqual([]);
  expect(probes.client.length).toBeGreaterThan(0);
});

test('S9, S11: the host asks for its port anew, the client probes the ports that follow it by the delta', () => {
  const delta = 2;
  const seen = watch({ seed: 3, client: NATS.linux, host: { ...PS, allocation: { step: delta } } });
  const { run, probes, questions, records } = seen;
  expect(run.connected).toBe(true);
  expect(run.methods).toEqual(['window']);
  const sampled = records
    .filter(({ what, where, packet }) => what === 'translated' && where === 'host.nat' && packet.to.port > 8430)
    .filter(({ packet }) => packet.to.port <= 8434)
    .map(({ packet }) => packet.from.port);
  expect(sampled.length).toBeGreaterThanOrEqual(2);
  const first = questions.host[0]!.at;
  const hostAddress = probes.client[0]!.to;
  const opener = probes.client[0]!.port;
  const aimed = new Set(
    probes.client
      .filter(({ at, to, port }) => at > first && to === hostAddress && port !== opener)
      .map(({ port }) => port),
  );
  expect(aimed.size).toBeGreaterThan(0);
  for (const port of aimed) {
    expect(port).toBeGreaterThan(Math.min(...sampled));
    expect((port - sampled[0]!) % delta).toBe(0);
  }
  // What was predicted is what the host's NAT gave.
  const path = seen.events.find(({ role, event }) => role === 'client' && event.ev === 'path')?.event;
  expect(path?.ev === 'path' && aimed.has(path.remote.port)).toBe(true);
});

describe('S10: both symmetric', () => {
  test.each([
    ['AS-AS', AS, AS],
    ['PS-AS', PS, AS],
    ['AS-PS', AS, PS],
    ['PS-PS', PS, PS],
  ] as const)('%s meet, by the plan for such a pair', (name, client, host) => {
    /** An AS side is bounded with two samples (S11) and is as good as a cone from then on. */
    const plans: Record<string, readonly [method: string, settled: boolean]> = {
      'AS-AS': ['window', true],
      'PS-AS': ['window', true],
      'AS-PS': ['window', true],
      'PS-PS': ['cross', false],
    };
    for (let seed = 0; seed < 5; seed++) {
      const { run, events } = watch({ seed, client, host });
      expect(run.connected, run.world.replayText()).toBe(true);
      const plan = events.flatMap(({ event }) => (event.ev === 'log' && event.what === 'plan' ? [event.data] : []))[0]!;
      expect([plan.method, plan.settle !== null]).toEqual(plans[name]);
    }
  });
});

test('S12, S14: a birthday never probes one port twice from one socket, and opens the holes of the client once', () => {
  for (const hard of ['client', 'host'] as const) {
    const [client, host] = hard === 'client' ? [RANDOM, NATS.linux] : [NATS.linux, RANDOM];
    const seen = watch({ seed: 5, client, host, edit: lie(hard, 'range'), limitMs: 9_000, lossOfSteps: 0.5 });
    const { run, events, probes } = seen;
    expect(run.methods[0]).toBe('birthday');
    const easy = hard === 'client' ? 'host' : 'client';
    // The openers go to the endpoint that the master has seen; the birthday does not.
    const plan = events.flatMap(({ event }) => (event.ev === 'log' && event.what === 'plan' ? [event.data] : []))[0]!;
    const opener = probes[easy][0]!.port;
    const aimed = pairsOf(seen.during(1, probes[easy]).filter(({ port }) => port !== opener));
    expect(aimed.length).toBeGreaterThan(20);
    expect(new Set(aimed).size).toBe(aimed.length);
    const holes = localPorts(seen.during(1, probes[hard]));
    expect(holes.size).toBeGreaterThan(20);
    // A birthday is two rounds; with them goes the punching socket, which sends the openers.
    expect(holes.size).toBeLessThanOrEqual(2 * Number(plan.mappings) + 1);
  }
});

test('S13: the first packet dies between the two NATs, and nothing comes to a NAT that has not opened its own door', () => {
  for (let seed = 0; seed < 10; seed++) {
    const { run, probes, records } = watch({ seed, client: NATS.linuxAccept, host: NATS.linuxAccept });
    expect(run.connected).toBe(true);
    const [first] = [...probes.client, ...probes.host].sort((left, right) => left.at - right.at);
    expect(first!.ttl).toBeLessThanOrEqual(2);
    const addresses = { client: probes.host[0]!.to, host: probes.client[0]!.to };
    const openedAt = (role: Role): number =>
      records.find(
        ({ what, where, packet }) =>
          what === 'translated' &&
          where === `${role}.nat` &&
          packet.to.address === addresses[role === 'client' ? 'host' : 'client'],
      )!.at;
    for (const role of ['client', 'host'] as const) {
      const twin = role === 'client' ? 'host' : 'client';
      const reached = records.filter(
        ({ where, packet }) => where === `${role}.nat` && packet.origin === twin && packet.icmp === null,
      );
      expect(reached.length).toBeGreaterThan(0);
      for (const { at } of reached) expect(at).toBeGreaterThan(openedAt(role));
    }
  }
});

test('S16: only the client decides: the host has no attempts of its own and takes the path that the client has taken', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { run, events } = watch({ seed, client: seed % 2 === 0 ? NATS.linux : PS, host: NATS.linux });
    const path = (of: Role) => events.find(({ role, event }) => role === of && event.ev === 'path')!.at;
    expect(run.connected, run.world.replayText()).toBe(true);
    expect(path('client')).toBeLessThan(path('host'));
    expect(events.filter(({ role, event }) => role === 'host' && event.ev === 'attempt')).toEqual([]);
    // The host speaks only when it is spoken to.
    const order = events.findIndex(({ role, event }) => role === 'client' && event.ev === 'step');
    const answer = events.findIndex(({ role, event }) => role === 'host' && event.ev === 'step');
    expect(answer === -1 || (order !== -1 && order < answer)).toBe(true);
  }
});

test('every demand, 1 to 31, is in docs/seed.md and in the name of a test', () => {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.ts'));
  const titles = files.flatMap((name) =>
    [...readFileSync(`test/${name}`, 'utf8').matchAll(/(?:test|describe|as const|\])\(\s*['"`](.*)/g)].map(
      ([, title]) => title,
    ),
  );
  const page = readFileSync('docs/seed.md', 'utf8');
  const missing = Array.from({ length: 31 }, (_, index) => `S${index + 1}`).filter((demand) => {
    const named = new RegExp(`\\b${demand}\\b`);
    return !titles.some((title) => named.test(title!)) || !page.includes(`\n| ${demand} `);
  });
  expect(missing).toEqual([]);
});
