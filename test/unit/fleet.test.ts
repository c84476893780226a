/** What the nodes of a fleet and its participants agree on without asking each other: order, keys, lists; and each node's part of a limit. */
import { expect, test } from 'vitest';
import { LIMITS, MASTER_LIMITS, orderOf } from '../../src/core/index.ts';
import {
  Budget,
  Cookies,
  EpochKeys,
  FLEET_LIMITS,
  Nodes,
  Permits,
  RESUME_PROLOGUE,
  resumeInitiate,
  resumePayload,
  resumptionOf,
  Tickets,
} from '../../src/core/testing.ts';
import { testCrypto } from './rendezvous-net.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const codes = Array.from({ length: 2_000 }, (_, n) => `CODE${n}`);
const suite = testCrypto('fleet');
const SECRET = suite.randomBytes(32);

test('codes are spread evenly over the nodes, as primary and as standby', () => {
  for (const at of [0, 1]) {
    const counts = new Map<string, number>();
    for (const code of codes) {
      const name = orderOf(code, NAMES)[at] as string;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const name of NAMES) expect(counts.get(name)).toBeGreaterThan(320);
  }
});

test('the order does not depend on that of the list, and a node that goes moves nobody but those it was first for', () => {
  for (const code of codes) {
    const order = orderOf(code, NAMES);
    expect(orderOf(code, [...NAMES].reverse())).toEqual(order);
    expect(
      orderOf(
        code,
        NAMES.filter((name) => name !== 'c'),
      ),
    ).toEqual(order.filter((name) => name !== 'c'));
  }
});

test('keys of an epoch are the same at every node, differ by epoch, purpose and secret, and the secret before still counts', () => {
  const keys = new EpochKeys(suite, [SECRET], 'ticket');
  const [key] = keys.of(20_000);
  expect(new EpochKeys(testCrypto('another node'), [SECRET], 'ticket').of(20_000)).toEqual([key]);
  expect(keys.of(20_001)).not.toEqual([key]);
  expect(new EpochKeys(suite, [SECRET], 'cookie').of(20_000)).not.toEqual([key]);
  const next = suite.randomBytes(32);
  const rotated = new EpochKeys(suite, [next, SECRET, suite.randomBytes(32)], 'ticket').of(20_000);
  expect(rotated).toHaveLength(FLEET_LIMITS.secretsMax);
  expect(rotated[1]).toEqual(key);
  expect(rotated[0]).not.toEqual(key);
});

const day = LIMITS.ticketMs;
const from = { address: '203.0.113.1', port: 5 };
const ephemeral = new Uint8Array(32).fill(7);

test('a cookie of one node is good at another whose clock is some seconds off, and nowhere without the secret', () => {
  const node = (ms: number, secret = SECRET) =>
    new Cookies(suite, { secrets: [secret], wallClock: () => 20_000 * day + ms });
  const made = node(0).make(0, from, ephemeral);
  for (const ms of [-20_000, 0, 20_000]) expect(node(ms).valid(0, from, ephemeral, made)).toBe(true);
  for (const ms of [-40_000, 40_000]) expect(node(ms).valid(0, from, ephemeral, made)).toBe(false);
  expect(node(0, suite.randomBytes(32)).valid(0, from, ephemeral, made)).toBe(false);
});

test('a ticket is opened by another node whose clock is ten minutes off, also over midnight; not by a master with another secret', () => {
  const own = suite.keyPair().publicKey;
  const participant = suite.keyPair().publicKey;
  const keys = { send: suite.randomBytes(32), receive: suite.randomBytes(32), hash: suite.randomBytes(32) };
  const node = (ms: number, secret = SECRET) =>
    new Tickets({
      ...{ suite, own, wallClock: () => 20_000 * day + ms, onKeys: () => expect.unreachable('keys are derived') },
      secrets: [secret],
    });
  const ticket = node(60_000).issue(participant, keys);
  const { message1 } = resumeInitiate(suite, {
    ...{ ticket, resumption: resumptionOf(suite, keys.receive, keys.send), prologue: RESUME_PROLOGUE },
    ...{ random: suite.randomBytes(32), payload: resumePayload(0) },
  });
  const opens = (one: Tickets): boolean => one.respond(message1) !== null;
  for (const ms of [60_000, -540_000, 660_000]) expect(opens(node(ms))).toBe(true);
  expect(opens(node(60_000 - FLEET_LIMITS.clockMsMax - 1))).toBe(false);
  expect(opens(node(60_000 + day + 1))).toBe(false);
  expect(opens(node(60_000, suite.randomBytes(32)))).toBe(false);
});

const place = (name: string, address: string) => ({
  name,
  region: '',
  addresses: [address],
  port: 8430,
  furtherPort: 0,
});
const list = (serial: number, ...nodes: ReturnType<typeof place>[]) => ({
  self: 'a',
  serial,
  expiresInMs: 1_000,
  nodes,
});

test('two lists count at once until the older expires; one that is no newer is not taken', () => {
  const nodes = new Nodes();
  const [a, b, c] = [place('a', '198.51.100.1'), place('b', '198.51.100.2'), place('c', '198.51.100.3')];
  expect(nodes.learn(0, list(5, a, b), a.addresses[0] as string)).toBe(true);
  expect(nodes.learn(0, list(5, c), '198.51.100.1')).toBe(false);
  expect(nodes.learn(0, list(4, c), '198.51.100.1')).toBe(false);
  expect(nodes.learn(100, list(6, a, c), '198.51.100.1')).toBe(true);
  expect([...nodes.candidates(1_099, 'CODE')].sort()).toEqual(['a', 'b', 'c']);
  expect(nodes.place('b')?.addresses).toEqual(['198.51.100.2']);
  expect([...nodes.candidates(1_100, 'CODE')].sort()).toEqual(['a', 'c']);
});

test('a hostile list leads nowhere inside our network, and an empty one takes nothing away', () => {
  const nodes = new Nodes();
  const inside = ['127.0.0.1', '192.168.1.1', '10.0.0.1', '::1', 'fe80::1'].map((address, n) =>
    place(`n${n}`, address),
  );
  expect(nodes.learn(0, list(1, ...inside), '198.51.100.1')).toBe(false);
  expect(
    nodes.learn(0, list(1, { ...place('x', '198.51.100.2'), port: 0 }, place('', '198.51.100.2')), '198.51.100.1'),
  ).toBe(false);
  expect(nodes.known).toBe(false);
  nodes.learn(0, list(1, place('a', '198.51.100.1')), '198.51.100.1');
  expect(nodes.learn(0, list(2), '198.51.100.1')).toBe(false);
  expect(nodes.candidates(0, 'CODE')).toEqual(['a']);
});

test('each of N nodes grants its part of what an address bears', () => {
  const runsAt = (nodes: number): { runs: number; perSecond: number } => {
    const permits = new Permits();
    permits.nodes = nodes;
    let runs = 0;
    let perSecond = Number.POSITIVE_INFINITY;
    for (let sender = 0; sender < 20; sender++) {
      const budget = new Budget();
      while (permits.pay(0, budget, `sender ${sender}`, '203.0.113.9').ok && budget.run === null);
      if (budget.run === null) continue;
      runs++;
      perSecond = Math.min(perSecond, budget.probesPerSecondMax);
    }
    return { runs, perSecond };
  };
  const alone = runsAt(1);
  expect(alone).toEqual({ runs: MASTER_LIMITS.hardRunsPerTarget, perSecond: MASTER_LIMITS.probesPerSecondHard / 8 });
  for (const nodes of [2, 3, 8]) {
    const { runs, perSecond } = runsAt(nodes);
    expect(nodes * runs).toBeLessThanOrEqual(alone.runs);
    expect(nodes * runs * perSecond).toBeLessThanOrEqual(MASTER_LIMITS.probesPerSecondHard);
  }
});
