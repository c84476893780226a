/**
 * Every table of the masterserver that strangers can fill, filled from a /48 and from 60 IPv4 addresses, each in a network of its own. Then
 * honest people come in, in at most twice the time. The tables name themselves (`tables()`); one that nobody here knows how to fill
 * fails the test. Other collections: `bounded.test.ts`.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  closeTables,
  connect,
  fetchFrom,
  fill,
  honest,
  ipv6,
  joinsGoTo,
  machine,
  openTables,
  type Pair,
  stateOf,
  tables,
  w,
} from './full-tables.ts';
import type { Participant } from './rendezvous-net.ts';

const IPV4 = Array.from({ length: 60 }, (_, n) => `60.${n}.1.9`);

beforeAll(openTables);
afterAll(closeTables);

/** More than an address may have, and more than a /48 may have. */
const PER_ADDRESS: Readonly<Record<string, readonly [ipv4: number, ipv6: number]>> = {
  sessions: [530, 8_300],
  pending: [70, 140],
  hosts: [34, 70],
  'away-codes': [40, 2_150],
  joins: [280, 1_100],
  names: [40, 160],
  'event-streams': [20, 80],
  'http-connections': [70, 140],
  tunnels: [40, 80],
};

async function attack(name: string, part = 1): Promise<void> {
  const [each, wide] = PER_ADDRESS[name] as readonly [number, number];
  for (let n = 0; n < wide * part; n++) await fill[name]?.(ipv6());
  for (let n = 0; n < each * part; n++) for (const address of IPV4) await fill[name]?.(address);
}

test('the tables name themselves, and each of them is filled below', () => {
  const names = tables().map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.sort()).toEqual(Object.keys(fill).sort());
  for (const { max, perAddress } of tables()) expect(perAddress).toBeLessThanOrEqual(max / 2);
});

describe('strangers from a /48 and from 60 addresses', () => {
  let calm: Pair;
  beforeAll(() => {
    calm = honest('calm', 1);
    joinsGoTo(calm.host);
  });

  for (const name of Object.keys(fill))
    test(`fill ${name}, and honest people come in, do what they want and keep it`, async () => {
      const before = stateOf(name);
      await attack(name);
      const full = stateOf(name);
      expect(full.size).toBeLessThanOrEqual(full.max);
      // Of each address at least one less than has come.
      const [each, wide] = PER_ADDRESS[name] as readonly [number, number];
      expect(full.size - before.size).toBeLessThan(60 * (each - 1) + wide);
      // It was reached: the largest holders have made room, or what is too fast has been held back.
      const paced = name === 'names' && full.size - before.size < 60 * 40;
      expect(full.evicted > before.evicted || paced).toBe(true);
      const network = 10 + Object.keys(fill).indexOf(name);
      const pair = honest(name, network);
      expect(pair.ms).toBeLessThanOrEqual(2 * calm.ms);
      const listed = await fetchFrom('/api/v1/servers', `198.18.7.${network}`);
      expect(listed.status).toBe(200);
      const stream = await fetchFrom('/api/v1/events', `198.18.7.${network}`);
      expect(stream.status).toBe(200);
      const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
      expect((await reader.read()).done).toBe(false);
      const connection = connect(`198.18.7.${network}`);
      // They go on, and take nothing away again.
      await attack(name, 0.3);
      const { joins, registry } = machine();
      expect(joins.find(pair.sid)).not.toBeNull();
      for (const one of [calm.host, pair.host]) expect(registry.find(one.key.publicKey)).not.toBeNull();
      for (const one of [pair.host, pair.client]) {
        const ref = one.ask({ type: 'echo' });
        w.net.run(100);
        expect(one.answerTo(ref)?.type).toBe('ok');
        expect(one.states).toEqual(['connecting', 'up']);
      }
      expect(connection.destroyed).toBe(false);
      const ended = await Promise.race([
        reader.read().then(({ done }) => done),
        new Promise((resolve) => setTimeout(resolve, 20, false)),
      ]);
      expect(ended).toBe(false);
    }, 120_000);

  test('wrong codes of a /48 are counted together, over the link and over HTTP, and nobody else waits for them', async () => {
    const client = w.participant('guesser', '2001:db8:99:1::1').start();
    let told = 0;
    for (let n = 0; n < 400; n++) {
      const response = await fetchFrom('/api/v1/servers/WWWW-WWWW', `2001:db8:99:${n.toString(16)}::1`);
      told += Number(response.status === 404);
      if (response.status !== 404) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(told).toBeLessThanOrEqual(81);
    expect(told).toBeGreaterThan(20);
    expect(client.get({ type: 'resolve', code: 'RRRRRRRR' })).toMatchObject({ failure: 'BUSY' });
    const other = w.participant('other', '198.18.9.9').start();
    expect(other.get({ type: 'resolve', code: 'RRRRRRRR' })).toMatchObject({ failure: 'CODE_UNKNOWN' });
    expect((await fetchFrom('/api/v1/servers/WWWW-WWWW', '198.18.9.9')).status).toBe(404);
    // A /32 has as many as twenty networks have, whatever it has of them.
    let wide = 0;
    for (let n = 0; n < 2_000; n++) {
      const response = await fetchFrom('/api/v1/servers/WWWW-WWWW', `2001:db9:${n.toString(16)}::1`);
      wide += Number(response.status === 404);
    }
    expect(wide).toBeLessThanOrEqual(321);
  });

  test('60 addresses that ask one host as often as they may leave its door to others', () => {
    const { client, host } = calm;
    const late = w.participant('late', '198.18.11.1').start();
    const people = IPV4.slice(0, 60).map((address, n) => w.participant(`asker ${n}`, address.replace('60.', '61.')));
    for (const one of people) one.do({ do: 'start' });
    w.net.run(3_000);
    const join = (one: Participant) =>
      one.ask(
        {
          type: 'join',
          hidden: false,
          sid: randomBytes(16),
          hostKey: host.key.publicKey,
          handshake: new Uint8Array(800),
        },
        one.socket(),
      );
    for (let second = 0; second < 12; second++) {
      for (const one of people) for (let n = 0; n < 2; n++) join(one);
      w.net.run(1_000);
    }
    // And once more just before: whatever had come back is taken.
    for (const one of people) join(one);
    w.net.run(50);
    expect(w.counters().limited['join-host'] ?? 0).toBeGreaterThan(100);
    for (const one of [late, client]) {
      const ref = join(one);
      w.net.run(200);
      expect(one.answerTo(ref)?.type).toBe('ok');
    }
  });
});
