import { expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/index.ts';
import { createWorld, type LinkBehaviour } from '../../src/sim/index.ts';

const LOCAL: Endpoint = { address: '0.0.0.0', port: 1 };

/** Sends numbered packets every millisecond over one line; gives what arrives, in order, with the times. */
function flood(link: Partial<LinkBehaviour>, count: number, bytes = 2) {
  const world = createWorld({ seed: 7, delayMs: 0, trace: false });
  const [left, right] = [world.host({ link }), world.host()];
  const arrived: { n: number; at: number; bytes: Uint8Array }[] = [];
  right.bind(LOCAL, (packet) => {
    arrived.push({
      n: ((packet.bytes[0] as number) << 8) | (packet.bytes[1] as number),
      at: world.now,
      bytes: packet.bytes,
    });
  });
  left.bind(LOCAL, () => {});
  for (let n = 0; n < count; n++) {
    const payload = new Uint8Array(bytes);
    payload.set([n >> 8, n & 255]);
    world.after(n, () => left.send(LOCAL, { address: right.address, port: 1 }, payload));
  }
  world.run(count + 10_000);
  return { arrived, icmp: left.icmp };
}

test('jitter delays and keeps the order; reordering breaks it', () => {
  const inOrder = (list: { n: number }[]) =>
    list.every((item, i) => i === 0 || item.n > (list[i - 1] as { n: number }).n);
  expect(inOrder(flood({ jitterMs: 5 }, 1000).arrived)).toBe(true);
  expect(inOrder(flood({ reorderRate: 0.05 }, 1000).arrived)).toBe(false);
});

test('a near sender is not held up by a far one that sent earlier', () => {
  const world = createWorld({ seed: 1, delayMs: 0 });
  const [far, near, target] = [
    world.host({ link: { delayMs: 80 } }),
    world.host({ link: { delayMs: 5 } }),
    world.host(),
  ];
  const arrived: number[] = [];
  target.bind(LOCAL, () => arrived.push(world.now));
  for (const host of [far, near]) host.send(LOCAL, { address: target.address, port: 1 }, new Uint8Array(1));
  world.run(1_000);
  expect(arrived).toEqual([5, 80]);
});

test('losses come at their rate, and in bursts where asked for', () => {
  const runs = (list: { n: number }[], total: number) => {
    const got = new Set(list.map((item) => item.n));
    let bursts = 0;
    for (let n = 1; n < total; n++) if (!got.has(n) && got.has(n - 1)) bursts++;
    return (total - got.size) / bursts;
  };
  const single = flood({ lossRate: 0.1 }, 20_000).arrived;
  const bursty = flood({ lossRate: 0.1, lossBurst: 5 }, 20_000).arrived;
  for (const arrived of [single, bursty]) expect(Math.abs(arrived.length / 20_000 - 0.9)).toBeLessThan(0.015);
  expect(runs(single, 20_000)).toBeLessThan(1.3);
  expect(runs(bursty, 20_000)).toBeGreaterThan(4);
});

test('packets are doubled, corrupted noticed and unnoticed, and swallowed by a black hole', () => {
  expect(flood({ duplicateRate: 0.1 }, 5_000).arrived.length / 5_000).toBeCloseTo(1.1, 1);
  expect(flood({ corruptRate: 1 }, 100).arrived).toHaveLength(0);
  const unnoticed = flood({ corruptRate: 1, corruptUnnoticedRate: 1 }, 100, 40).arrived;
  expect(unnoticed).toHaveLength(100);
  const flipped = unnoticed.filter(({ bytes }) => bytes.subarray(2).some((byte) => byte !== 0));
  expect(flipped.length).toBeGreaterThan(50);
  expect(flood({ blackHole: true }, 100).arrived).toHaveLength(0);
});

test('the MTU drops what is larger and says so by ICMP', () => {
  expect(flood({ mtuBytes: 1280 }, 1, 1252).arrived).toHaveLength(1);
  const dropped = flood({ mtuBytes: 1280 }, 1, 1253);
  expect(dropped.arrived).toHaveLength(0);
  expect(dropped.icmp.map((error) => error.kind)).toEqual(['too-big']);
});

test('a slow line spaces packets out and drops what its queue cannot hold', () => {
  const { arrived } = flood({ bitsPerSecond: 80_000, queueMs: 50 }, 100, 72);
  expect((arrived[1]?.at ?? 0) - (arrived[0]?.at ?? 0)).toBeCloseTo(10);
  expect(arrived.length).toBeGreaterThan(10);
  expect(arrived.length).toBeLessThan(20);
});

test('a host sees its own clock', () => {
  const world = createWorld({ seed: 1 });
  const times: number[] = [];
  const host = world.host({ clockOffsetMs: 123_456 });
  const machine = host.run({
    handleDatagram() {},
    handleSocket() {},
    handleTimeout: (now: number) => times.push(now),
    handleCommand: (now: number) => times.push(now),
    poll: () => ({ kind: 'wait', until: times.length < 2 ? 123_556 : Number.POSITIVE_INFINITY }),
  });
  machine.command(undefined);
  world.run(1_000);
  expect(times).toEqual([123_456, 123_556]);
});
