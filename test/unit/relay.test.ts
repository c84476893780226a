/** The relay without sockets: what it forwards, to whom, how much, and what strangers get of it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RELAY_LIMITS, relayHash, relayKeys, toHex } from '../../src/core/index.ts';
import {
  mintGrant,
  RELAY_REFUSALS,
  type RelayGrant,
  readRelay,
  relayMessageBytes,
  writeBind,
  writeRelay,
} from '../../src/core/testing.ts';
import { crypto, data, KEYS, keyOf, MASTER_KEY, RelayNet } from './relay-net.ts';

const STRANGER = { address: '192.0.2.66', port: 666 };
const overhead = RELAY_LIMITS.datagramOverheadBytes;

test('what is written is read, whatever is in it; what is cut or has more is none', () => {
  const of = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const random = of(8);
  const message = fc.oneof(
    random.map((one) => ({ type: 'ask', random: one }) as const),
    fc.record({ type: fc.constant('cookie' as const), random, cookie: of(16) }),
    fc.record({
      ...{ type: fc.constant('bind' as const), random, cookie: of(16), turn: fc.integer({ min: 0, max: 0xffff_ffff }) },
      ...{ token: of(54), proof: of(16) },
    }),
    fc.record({ type: fc.constant('bound' as const), random, other: fc.boolean(), cookie: of(16) }),
    fc.record({ type: fc.constant('refused' as const), random, why: fc.constantFrom(...RELAY_REFUSALS) }),
    fc.record({ type: fc.constant('keep' as const), random, cookie: of(16) }),
  );
  fc.assert(
    fc.property(message, fc.nat(), (one, cut) => {
      const bytes = writeRelay(one);
      expect(readRelay(bytes)).toEqual(one);
      expect(bytes).toHaveLength(relayMessageBytes(one.type));
      expect(readRelay(bytes.subarray(0, cut % bytes.length))).toBeNull();
      expect(readRelay(Uint8Array.of(...bytes, 0))).toBeNull();
    }),
  );
});

describe('two bound ends', () => {
  test('get what the other sends, one for one and as it is, over the socket where each is bound', () => {
    const net = new RelayNet();
    const client = { address: '198.18.0.1', port: 1 };
    const host = { address: '2001:db8::1', port: 2 };
    expect(net.bind(host, net.grant(1, 'host'), 7)).toMatchObject({ type: 'bound', other: false });
    expect(net.bind(client, net.grant(1, 'client'), 8)).toMatchObject({ type: 'bound', other: true });
    for (const length of [34, 100, 1_200, 1_472]) {
      expect(net.give(client, data(length, 3))).toEqual([{ via: 7, to: host, bytes: data(length, 3) }]);
      expect(net.give(host, data(length, 4))).toEqual([{ via: 8, to: client, bytes: data(length, 4) }]);
    }
    expect(net.relay.counters()).toMatchObject({ pairs: 1, ends: 2, whole: 1, forwarded: 8 });
  });

  test('are told when the other has come, and get nothing forwarded before', () => {
    const net = new RelayNet();
    const [client, host] = [
      { address: '198.18.0.1', port: 1 },
      { address: '203.0.113.1', port: 2 },
    ];
    net.bind(host, net.grant(1, 'host'));
    expect(net.give(host, data())).toEqual([]);
    expect(net.relay.counters().dropped.alone).toBe(1);
    const told = net.give(client, net.bindBytes(client, net.grant(1, 'client')));
    expect(told.map(({ to, bytes }) => [to.port, readRelay(bytes)?.type])).toEqual([
      [1, 'bound'],
      [2, 'bound'],
    ]);
    expect(readRelay(told[1]!.bytes)).toMatchObject({ random: new Uint8Array(8), other: true });
  });

  test('get nothing but sealed datagrams forwarded: a relay is no proxy', () => {
    const net = new RelayNet();
    const { client } = net.pair(1);
    for (const bytes of [new Uint8Array(0), data(33), data(1_473), new Uint8Array(100).fill(0xd7), new Uint8Array(60)])
      expect(net.give(client, bytes)).toEqual([]);
  });

  test('say every 20 s that they are there; an end that is silent for 65 s is gone, and a pair without ends', () => {
    const net = new RelayNet();
    const { client, host } = net.pair(1);
    for (let n = 0; n < 5; n++) {
      net.pass(20_000);
      expect(net.keep(client)).toMatchObject({ type: 'bound', other: n < 3 });
    }
    expect(net.relay.counters()).toMatchObject({ pairs: 1, ends: 1 });
    expect(net.give(client, data())).toEqual([]);
    // As long as one is there, the other comes back with what it has.
    expect(net.bind(host, net.grant(1, 'host', { ageMs: 600_000 }))).toMatchObject({ type: 'bound', other: true });
    net.pass(70_000);
    expect(net.relay.counters()).toMatchObject({ pairs: 0, ends: 0 });
    expect(net.relay.next()).toBe(Number.POSITIVE_INFINITY);
  });

  test('are kept only where they show that they receive: nobody keeps an address that is somebody else’s by now', () => {
    const net = new RelayNet();
    const { client, host } = net.pair(1);
    const cookie = net.cookie(client);
    // The client has left its address; what still comes from there is forged, and has what was known when it left.
    for (let ms = 0; ms < 600_000; ms += 5_000) {
      net.pass(5_000);
      const forwarded = net.give(client, data()).length;
      if (ms < 60_000) expect(forwarded).toBe(1);
      // Two minutes for the cookie, 65 s without it.
      if (ms >= 185_000) expect(forwarded).toBe(0);
      net.keep(client, cookie);
      net.keep(host);
    }
    expect(net.give(host, data())).toEqual([]);
    expect(net.relay.counters()).toMatchObject({ pairs: 1, ends: 1 });
  });

  test('are answered by KEEP with a cookie that is too old, and kept by the one of that answer', () => {
    const net = new RelayNet();
    const { client } = net.pair(1);
    net.pass(30_000);
    expect(net.keep(client, new Uint8Array(16))).toMatchObject({ type: 'bound' });
    net.pass(30_000);
    expect(net.keep(client)).toMatchObject({ type: 'bound' });
    net.pass(60_000);
    expect(net.keep(client)).toMatchObject({ type: 'bound' });
  });

  test('one of which comes from another address: it binds there with the same grant, and the old address is nobody', () => {
    const net = new RelayNet();
    const grant = net.grant(1, 'client');
    const { client, host } = net.pair(1);
    for (let n = 0; n < 20; n++) {
      net.pass(20_000);
      for (const end of [client, host]) expect(net.keep(end)).toMatchObject({ type: 'bound' });
    }
    const moved = { address: '198.51.100.77', port: 77 };
    expect(net.keep(moved)).toMatchObject({ type: 'refused', why: 'expired' });
    expect(net.bind(moved, grant)).toMatchObject({ type: 'bound', other: true });
    expect(net.give(moved, data())).toMatchObject([{ to: host }]);
    expect(net.give(host, data())).toMatchObject([{ to: moved }]);
    expect(net.give(client, data())).toEqual([]);
  });
});

describe('whoever is not an end of the pair', () => {
  test('gets nothing forwarded and leaves nothing behind', () => {
    const net = new RelayNet();
    net.pair(1);
    expect(net.give(STRANGER, data())).toEqual([]);
    expect(net.relay.counters()).toMatchObject({ ends: 2, dropped: { stranger: 1 } });
  });

  test('can’t bind with a token that was forged, changed in whatever bit, or made with another secret or by another master', () => {
    const net = new RelayNet();
    const good = net.grant(1, 'client');
    const refused = (grant: RelayGrant, why: string): void =>
      expect(net.bind(STRANGER, grant)).toMatchObject({ type: 'refused', why });
    for (let bit = 0; bit < good.token.length * 8; bit++) {
      const token = good.token.slice();
      token[bit >> 3] = (token[bit >> 3] as number) ^ (1 << (bit & 7));
      refused({ ...good, token }, 'token');
      net.pass(200);
    }
    const pair = { sid: new Uint8Array(16), clientKey: keyOf(1), hostKey: keyOf(2) };
    const end = { side: 'client', expiresAt: 0xffff_ffff } as const;
    const foreign = relayKeys(crypto, new Uint8Array(32).fill(2), MASTER_KEY);
    refused(mintGrant(crypto, foreign, pair, end), 'token');
    refused(mintGrant(crypto, relayKeys(crypto, new Uint8Array(32).fill(1), keyOf(3)), pair, end), 'token');
    expect(net.relay.counters()).toMatchObject({ pairs: 0, ends: 0 });
  });

  test('can’t bind with a token seen on the way: its secret is not in it', () => {
    const net = new RelayNet();
    const { client, host } = net.pair(1);
    const stolen = { ...net.grant(1, 'client'), secret: new Uint8Array(16) };
    expect(net.bind(STRANGER, stolen)).toMatchObject({ why: 'token' });
    // Nor has the other end of the pair this end's.
    expect(net.bind(STRANGER, { ...stolen, secret: net.grant(1, 'host').secret })).toMatchObject({ why: 'token' });
    expect(net.give(host, data())).toMatchObject([{ to: client }]);
  });

  test('can’t come into the pair of others by their session id: the keys of both belong to its name', () => {
    const net = new RelayNet();
    const { client, host } = net.pair(1);
    const sid = keyOf(1).slice(0, 16);
    const theirs = { sid, clientKey: keyOf(77), hostKey: keyOf(2_000_001) };
    const expiresAt = Math.floor(net.wallMs / 1_000) + 60;
    expect(net.bind(STRANGER, mintGrant(crypto, KEYS, theirs, { side: 'client', expiresAt }))).toMatchObject({
      type: 'bound',
      other: false,
    });
    expect(net.give(STRANGER, data())).toEqual([]);
    expect(net.give(host, data())).toMatchObject([{ to: client }]);
    expect(net.relay.counters().pairs).toBe(2);
  });

  test('moves nothing by a BIND that was recorded: not from elsewhere, not after the end has moved', () => {
    const net = new RelayNet();
    const host = { address: '203.0.113.1', port: 2 };
    net.bind(host, net.grant(1, 'host'));
    const client = { address: '198.18.0.1', port: 1 };
    const recorded = net.bindBytes(client, net.grant(1, 'client'));
    net.give(client, recorded);
    expect(readRelay(net.give(STRANGER, recorded)[0]!.bytes)).toMatchObject({ type: 'refused', why: 'cookie' });
    // Once more from its own address: the answer was lost.
    expect(readRelay(net.give(client, recorded)[0]!.bytes)).toMatchObject({ type: 'bound' });
    const moved = { address: '198.18.0.9', port: 9 };
    net.bind(moved, net.grant(1, 'client'));
    expect(net.give(client, recorded)).toEqual([]);
    expect(net.give(host, data())).toMatchObject([{ to: moved }]);
    expect(net.relay.counters().dropped.stale).toBe(1);
  });

  test('begins no pair with an old token, and a relay that was started anew wants new ones', () => {
    const net = new RelayNet();
    const old = net.grant(1, 'client', { ageMs: 60_000 + RELAY_LIMITS.clockMsMax + 2_000 });
    expect(net.bind(STRANGER, old)).toMatchObject({ why: 'expired' });
    // Clocks differ by half a minute.
    expect(net.bind(STRANGER, net.grant(1, 'client', { ageMs: 80_000 }))).toMatchObject({ type: 'bound' });
    const anew = new RelayNet();
    expect(anew.keep(STRANGER)).toMatchObject({ type: 'refused', why: 'expired' });
  });

  test('has no cookie for another endpoint, nor one for longer than two minutes', () => {
    const net = new RelayNet();
    const grant = net.grant(1, 'client');
    const cookie = net.cookie(STRANGER);
    const bind = (from: typeof STRANGER) =>
      readRelay(net.give(from, writeBind(crypto, grant, { random: keyOf(1).slice(0, 8), cookie, turn: 1 }))[0]!.bytes);
    expect(bind({ ...STRANGER, port: 667 })).toMatchObject({ why: 'cookie' });
    expect(bind({ ...STRANGER, address: '192.0.2.67' })).toMatchObject({ why: 'cookie' });
    expect(bind(STRANGER)).toMatchObject({ type: 'bound' });
    net.pass(120_000);
    expect(bind(STRANGER)).toMatchObject({ why: 'cookie' });
  });

  test('gets no answer larger than what it has sent, and none elsewhere, whatever it sends', () => {
    const net = new RelayNet();
    net.pair(1);
    const types = ['ask', 'cookie', 'bind', 'bound', 'refused', 'keep'] as const;
    const messages = fc.oneof(
      fc.uint8Array({ maxLength: 1_500 }),
      fc.tuple(fc.constantFrom(...types), fc.uint8Array({ minLength: 200, maxLength: 200 })).map(([type, rest]) => {
        const bytes = rest.slice(0, relayMessageBytes(type));
        bytes.set([0xd9, types.indexOf(type) + 1]);
        return bytes;
      }),
    );
    let n = 0;
    fc.assert(
      fc.property(messages, (bytes) => {
        const from = { address: `192.0.${(n >> 8) & 255}.${n++ & 255}`, port: 9 };
        net.now += 1;
        const answers = net.give(from, bytes);
        expect(answers.length).toBeLessThanOrEqual(1);
        for (const { to, bytes: answer } of answers) {
          expect(to).toEqual(from);
          expect(answer.length).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { numRuns: 3_000, seed: 16 },
    );
    expect(net.relay.counters().ends).toBe(2);
    for (const [ask, answer] of [
      ['ask', 'cookie'],
      ['bind', 'bound'],
      ['bind', 'refused'],
      ['keep', 'bound'],
      ['keep', 'refused'],
    ] as const)
      expect(relayMessageBytes(answer)).toBeLessThanOrEqual(relayMessageBytes(ask));
  });

  test('who floods from 100,000 addresses leaves memory and pairs as they are, and bound ends go on', () => {
    const net = new RelayNet();
    const { client, host } = net.pair(1);
    const ask = writeRelay({ type: 'ask', random: new Uint8Array(8) });
    const keep = writeRelay({ type: 'keep', random: new Uint8Array(8), cookie: new Uint8Array(16) });
    const flood = (rounds: number): void => {
      for (let n = 0; n < rounds; n++) {
        net.now += 0.01;
        const from = { address: `${60 + (n % 60)}.${(n >> 8) & 255}.${n & 255}.9`, port: 1_024 + (n % 50_000) };
        net.relay.receive(net.now, 1, from, [ask, data(), keep][n % 3]!);
        net.sent.length = 0;
      }
    };
    flood(10_000);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    flood(100_000);
    globalThis.gc?.();
    if (globalThis.gc !== undefined) expect(process.memoryUsage().heapUsed - before).toBeLessThan(2e6);
    expect(net.relay.counters()).toMatchObject({ pairs: 1, ends: 2 });
    expect(net.relay.tables().map(({ size }) => size)).toEqual([1]);
    // All strangers together are answered 5,000 times a second.
    expect(net.relay.counters().dropped.limited).toBeGreaterThan(50_000);
    expect(net.give(client, data())).toMatchObject([{ to: host }]);
    expect(net.keep(host)).toMatchObject({ type: 'bound' });
  });
});

describe('who may have how much', () => {
  const send = (net: RelayNet, from: { address: string; port: number }, bytes: Uint8Array): boolean =>
    net.give(from, bytes).length > 0;

  test('a pair has 128 kB/s with a burst of 2 s, both directions together', () => {
    const net = new RelayNet();
    const { client, host } = net.pair(1);
    const cost = 1_000 + overhead;
    let passed = 0;
    for (let n = 0; n < 1_000; n++) passed += Number(send(net, n % 2 === 0 ? client : host, data(1_000)));
    expect(passed * cost).toBeGreaterThan(0.98 * 256_000);
    expect(passed * cost).toBeLessThanOrEqual(256_000);
    // It is still there.
    expect(net.keep(client)).toMatchObject({ type: 'bound' });
    passed = 0;
    for (let ms = 0; ms < 10_000; ms++) {
      net.now += 1;
      passed += Number(send(net, client, data(1_000)));
    }
    expect(passed * cost).toBeGreaterThan(0.98 * 1_280_000);
    expect(passed * cost).toBeLessThan(1.02 * 1_280_000);
  });

  test('where all together want more than there is, each has what it wants or an equal share', () => {
    const net = new RelayNet({ quotas: { totalBytesPerSecond: 100_000, pairBytesPerSecond: 1_000_000 } });
    const [greedy, ...modest] = Array.from({ length: 10 }, (_, n) => net.pair(n + 1));
    const passed = new Map<unknown, number>();
    const wanted = new Map<unknown, number>();
    const run = (pair: typeof greedy, bytes: number): void => {
      wanted.set(pair, (wanted.get(pair) ?? 0) + 1);
      passed.set(pair, (passed.get(pair) ?? 0) + Number(send(net, pair!.client, data(bytes - overhead))));
    };
    net.now += 1_000;
    for (let ms = 0; ms < 10_000; ms++) {
      net.now += 1;
      // One wants 500 kB/s, nine want 5 kB/s each: 545 of 100.
      for (let n = 0; n < 5; n++) run(greedy, 100);
      if (ms % 20 === 0) for (const pair of modest) run(pair, 100);
    }
    const greedyBytes = passed.get(greedy)! * 100;
    for (const pair of modest) expect(passed.get(pair)! / wanted.get(pair)!).toBeGreaterThan(0.97);
    expect(greedyBytes).toBeGreaterThan(0.85 * 550_000);
    expect(greedyBytes).toBeLessThan(1.1 * 550_000);
  });

  test('a host, an address and its network have their bytes of a day, told to who asks, and the next day again', () => {
    const day = 100_000;
    for (const quotas of [
      { hostBytesPerDay: day },
      { addressBytesPerDay: day },
      { networkBytesPerDay: day },
      { totalBytesPerDay: day },
    ]) {
      const net = new RelayNet({ quotas });
      const first = net.pair(1, { host: '203.0.113.9' }, 1);
      for (let n = 0; n < 200; n++) send(net, first.client, data(1_000));
      expect(send(net, first.client, data())).toBe(true);
      net.pass(1_100);
      expect(send(net, first.client, data())).toBe(false);
      expect(net.keep(first.client)).toMatchObject({ type: 'refused', why: 'quota' });
      expect(net.relay.counters().dropped.quota).toBe(1);
      // Another friend of the same host, at the host's address.
      expect(net.bind({ address: '203.0.113.9', port: 99 }, net.grant(2, 'host', { host: 1 }))).toMatchObject({
        why: 'quota',
      });
      net.pass(24 * 3_600_000);
      const again = net.pair(3, { host: '203.0.113.9' }, 1);
      expect(send(net, again.client, data())).toBe(true);
    }
  });

  test('a host has 128 pairs; friends who come without it use up nothing of them', () => {
    const net = new RelayNet({ quotas: { pairsPerHost: 4 } });
    for (let n = 1; n <= 50; n++)
      net.bind({ address: `198.18.1.${n}`, port: 5 }, net.grant(n, 'client', { host: 500 }));
    for (let n = 101; n <= 104; n++) expect(net.pair(n, {}, 500).told).toMatchObject({ type: 'bound', other: true });
    expect(net.bind(STRANGER, net.grant(105, 'client', { host: 500 }))).toMatchObject({ why: 'full' });
    expect(net.pair(106).told).toMatchObject({ type: 'bound' });
  });

  test('a full table lets a newcomer in: whoever holds most makes room, whole pairs last', () => {
    const net = new RelayNet({ quotas: { pairsMax: 64, pairsPerAddress: 16, pairsPerNetwork: 32 } });
    const honest = net.pair(1);
    for (let n = 100; n < 400; n++) {
      net.now += 300;
      net.bind({ address: `60.${n % 8}.0.1`, port: n }, net.grant(n, 'client'));
      net.keep(honest.client);
      net.keep(honest.host);
    }
    expect(net.relay.counters().pairs).toBeLessThanOrEqual(64);
    expect(net.pair(2).told).toMatchObject({ other: true });
    expect(send(net, honest.client, data())).toBe(true);
    const [state] = net.relay.tables();
    expect(state).toMatchObject({ name: 'relay-pairs', max: 64 });
    expect(state!.evicted).toBeGreaterThan(100);
  });

  test('whom the master has banned does not come in, and goes', () => {
    const banned = new Set<string>();
    const net = new RelayNet({
      admits: ({ client, host }, { address }) => ![client, host, address].some((one) => banned.has(one)),
    });
    const pairs = [1, 2, 3, 4].map((n) => net.pair(n));
    banned.add(toHex(relayHash(crypto, keyOf(1_000_001))));
    banned.add(toHex(relayHash(crypto, keyOf(2_000_002))));
    banned.add(pairs[2]!.client.address);
    net.relay.expel();
    expect(pairs.map(({ client }) => send(net, client, data()))).toEqual([false, false, false, true]);
    expect(net.bind(STRANGER, net.grant(1, 'client'))).toMatchObject({ why: 'banned' });
  });
});
