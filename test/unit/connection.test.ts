import { expect, test } from 'vitest';
import { type Endpoint, endpointKey } from '../../src/core/index.ts';
import { DIRECT, kinds, lehmer, pair, RELAY, text } from './connection-pair.ts';

test('what is sent arrives, once, sealed and 35 bytes longer', () => {
  const { run, command, events, sent } = pair();
  command('left', { do: 'send', bytes: Uint8Array.of(1, 2, 3) });
  run(15);
  expect(text(events.right[0])).toEqual([1, 2, 3]);
  expect(sent[0]?.bytes).toHaveLength(3 + 35);
  expect(sent[0]?.bytes[0]).toBe(0xd8);
});

test('a datagram arrives in the lane that it was sent on', () => {
  const { command, run, events } = pair();
  for (const channel of [0, 1, 15, 255]) command('left', { do: 'send', bytes: Uint8Array.of(channel), channel });
  run(100);
  const got = events.right.filter((event) => event.ev === 'message');
  expect(got.map((event) => [event.channel, event.bytes[0]])).toEqual([
    [0, 0],
    [1, 1],
    [15, 15],
    [255, 255],
  ]);
});

test('a datagram that comes twice is taken once', () => {
  const { run, command, events, ends, sent, at, world } = pair();
  command('left', { do: 'send', bytes: Uint8Array.of(9) });
  run(15);
  ends.right.handleDatagram(world.now, 1, at.left, (sent[0] as { bytes: Uint8Array }).bytes);
  run(30);
  expect(kinds(events.right)).toEqual(['message']);
});

test('two who do not speak exchange twelve datagrams a minute at most, a standing relay included, and stay for an hour', () => {
  const { run, events, ends, sent, at, add } = pair([DIRECT, RELAY]);
  add(RELAY);
  run(1_000);
  events.left.length = 0;
  run(3_600_000);
  expect(kinds(events.left)).toEqual([]);
  const settled = sent.filter((one) => one.at > 60_000);
  expect(settled.length / 59).toBeLessThanOrEqual(12);
  const direct = settled.filter(({ from, socket }) => from === at.left && socket === 1).map((one) => one.at);
  const gaps = direct.slice(1).map((time, i) => time - (direct[i] as number));
  expect(Math.max(...gaps)).toBeLessThan(30_000);
  expect(ends.left.rttMs).toBe(20);
});

test.each([7_000, 10_000, 14_000])('where a NAT forgets after %i ms, pauses become shorter than that', (lifeMs) => {
  const { run, world } = pair();
  const sentAt = { left: 0, right: 0 };
  let closedAt = 0;
  // A side that has sent nothing for so long hears nothing, until it sends.
  world.drop = (from) => {
    sentAt[from] = world.now;
    const drops = world.now - sentAt[from === 'left' ? 'right' : 'left'] > lifeMs;
    if (drops) closedAt = world.now;
    return drops;
  };
  run(3_600_000);
  expect(closedAt).toBeGreaterThan(0);
  expect(closedAt).toBeLessThan(600_000);
});

test('a path survives a quarter of an hour of 20 % loss each way', () => {
  const { run, events, world } = pair();
  const float = lehmer(12345);
  world.drop = () => float() < 0.2;
  run(900_000);
  expect(kinds(events.left)).not.toContain('over');
  expect(kinds(events.right)).not.toContain('over');
});

test('a path that nobody uses falls silent within 33 s, and is over 49 s after the last answer', () => {
  const { run, events, world } = pair();
  run(120_000);
  world.drop = () => true;
  const toldAt = (ev: 'silent' | 'over') => {
    while (!kinds(events.left).includes(ev)) run(world.now + 100);
    return world.now - 120_000;
  };
  const silentMs = toldAt('silent');
  expect(silentMs).toBeLessThanOrEqual(33_000);
  const overMs = toldAt('over');
  expect(overMs).toBeLessThanOrEqual(49_100);
  expect(overMs - silentMs).toBeGreaterThan(15_000);
  expect(kinds(events.left)).toEqual(['silent', 'wanting', 'over']);
  expect(events.left.at(-1)).toEqual({ ev: 'over', reason: 'consent' });
});

test('a path that is used falls silent within 6 s, and is heard of again within 2 s when it recovers', () => {
  const { run, command, events, world } = pair();
  run(20_000);
  world.drop = () => true;
  for (let at = 20_000; at < 26_000; at += 50) {
    command('left', { do: 'send', bytes: Uint8Array.of(1) });
    run(at + 50);
  }
  expect(events.left.filter(({ ev }) => ev === 'silent')).toEqual([{ ev: 'silent', silent: true }]);
  world.drop = () => false;
  for (let at = 26_000; at < 28_000; at += 50) {
    command('left', { do: 'send', bytes: Uint8Array.of(1) });
    run(at + 50);
  }
  expect(events.left.at(-1)).toMatchObject({ ev: 'rtt' });
  expect(events.left.filter(({ ev }) => ev === 'silent').at(-1)).toEqual({ ev: 'silent', silent: false });
});

test('the other side learns at once that we leave, though one datagram is lost', () => {
  const { run, command, events, world } = pair();
  let n = 0;
  world.drop = () => n++ === 0;
  command('left', { do: 'leave', reason: 'kicked' });
  run(15);
  expect(events.right).toEqual([{ ev: 'over', reason: 'kicked' }]);
});

test('a path moves to a new address only after that address has answered', () => {
  const { run, command, events, at, ends } = pair();
  const moved = { address: '198.51.100.1', port: 7777 };
  at.left = moved;
  command('left', { do: 'nudge' });
  // It has come, and the question is on its way back.
  run(15);
  expect(ends.right.remote.port).toBe(1000);
  run(100);
  expect(kinds(events.right)).toEqual(['switched']);
  expect(ends.right.remote).toEqual(moved);
});

test('a stolen datagram played back from elsewhere moves nothing', () => {
  const { run, command, events, ends, sent, world } = pair();
  const thief = { address: '192.0.2.66', port: 6666 };
  // Once from before the original arrived, once as a replay.
  command('left', { do: 'send', bytes: Uint8Array.of(1) });
  const stolen = (sent[0] as { bytes: Uint8Array }).bytes;
  ends.right.handleDatagram(world.now, 1, thief, stolen);
  ends.right.handleDatagram(world.now, 1, thief, stolen);
  command('right', { do: 'send', bytes: Uint8Array.of(2) });
  run(20_000);
  expect(ends.right.remote).toEqual({ address: '198.51.100.1', port: 1000 });
  expect(kinds(events.right)).toEqual(['message']);
  const toThief = sent.filter((d) => endpointKey(d.to) === endpointKey(thief));
  expect(toThief.length).toBeLessThanOrEqual(3);
});

test('a datagram that comes late from elsewhere is taken, and nobody is asked there', () => {
  const { run, command, events, sent, at, world, ends, flying } = pair();
  const elsewhere: Endpoint = { address: '192.0.2.9', port: 9 };
  command('left', { do: 'send', bytes: Uint8Array.of(1) });
  // On another way, where a NAT in between gives another source, it takes longer than the one after it.
  const late = flying.pop()!;
  command('left', { do: 'send', bytes: Uint8Array.of(2) });
  run(15);
  const before = sent.length;
  ends.right.handleDatagram(world.now, 1, elsewhere, late.bytes);
  run(60_000);
  expect(events.right.flatMap((event) => text(event) ?? [])).toEqual([2, 1]);
  expect(sent.slice(before).filter(({ to }) => endpointKey(to) === endpointKey(elsewhere))).toEqual([]);
  expect(ends.right.remote).toEqual(at.left);
});

test('what a datagram of UDP can hold arrives whole, however large, and once', () => {
  const { run, command, events, sent, world } = pair();
  run(2_000);
  const sizes = [1, 1_165, 1_166, 1_417, 1_418, 8_000, 65_507];
  for (const size of sizes) {
    command('left', { do: 'send', bytes: new Uint8Array(size).fill(size & 0xff), channel: 3 });
    run(world.now + 50);
  }
  const got = events.right.flatMap((event) => (event.ev === 'message' ? [event] : []));
  expect(got.map(({ bytes, channel }) => [bytes.length, channel])).toEqual(sizes.map((size) => [size, 3]));
  for (const { bytes } of got) expect(bytes.every((byte) => byte === (bytes.length & 0xff))).toBe(true);
  expect(Math.max(...sent.map(({ bytes }) => bytes.length))).toBe(1_452);
  command('left', { do: 'send', bytes: new Uint8Array(65_508) });
  expect(events.left.at(-1)).toEqual({ ev: 'too-large', bytes: 65_508, payloadBytesMax: 65_507 });
});

test('where a path carries only 1,300 bytes that is found, and nothing is lost meanwhile', () => {
  const { run, command, events, world, sent } = pair();
  world.carries = 1_300;
  for (let n = 0; n < 100; n++) {
    command('left', { do: 'send', bytes: new Uint8Array(1_400).fill(n) });
    run(world.now + 100);
  }
  const got = events.right.flatMap((event) => (event.ev === 'message' ? [event.bytes[0]] : []));
  expect(got).toEqual([...Array(100).keys()]);
  expect(Math.max(...sent.slice(-20).map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1_300);
});

test('changed, cut and foreign datagrams do nothing', () => {
  const { command, ends, sent, at, world } = pair();
  command('left', { do: 'send', bytes: Uint8Array.of(1, 2, 3, 4) });
  const good = (sent[0] as { bytes: Uint8Array }).bytes;
  for (let i = 0; i < good.length; i++) {
    const bad = good.slice();
    bad[i] = (bad[i] as number) ^ 1;
    ends.right.handleDatagram(world.now, 1, at.left, bad);
    ends.right.handleDatagram(world.now, 1, at.left, good.slice(0, i));
  }
  expect(ends.right.poll().kind).toBe('wait');
  ends.right.handleDatagram(world.now, 1, at.left, good);
  expect(ends.right.poll().kind).toBe('event');
});
