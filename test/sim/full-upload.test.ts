/** A full upload in virtual time, with other lines, other numbers and other people on the line; 20 ms one way. */
import { expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/core/index.ts';
import { type Friend, quantile, Uplink } from './uplink.ts';

const DELAY_MS = 20;
const SECONDS = 25;
/** The pace takes so long to be found. */
const SETTLED_MS = 5_000;

interface Case {
  readonly mbit: number;
  /** Mbit/s of the game to each friend, in datagrams of `bytes`. */
  readonly games: readonly number[];
  readonly queueMs?: number;
  readonly lossRate?: number;
  readonly bytes?: number;
}

/** A game sends so much; one more friend gets 32 small datagrams a second. */
function play({ mbit, games, queueMs = 250, lossRate = 0, bytes = 1_200 }: Case) {
  const uplink = new Uplink({ bitsPerSecond: mbit * 1e6, queueMs, delayMs: DELAY_MS, lossRate, seed: 7 });
  const heavy = games.map(() => uplink.friend());
  const other = uplink.friend();
  const until = uplink.now + SECONDS * 1_000;
  for (const [n, friend] of heavy.entries())
    uplink.every((bytes * 8) / ((games[n] ?? 0) * 1_000), () => friend.send(bytes), until);
  uplink.every(1_000 / 32, () => other.send(100), until);
  return { uplink, heavy, other, until };
}

const late = ({ arrivals }: Friend, from: number): number[] =>
  arrivals.filter((one) => one.at >= from).map((one) => one.tookMs);

/** Mbit/s that a friend gets once the pace is found. */
function gets({ arrivals }: Friend, from: number, until: number): number {
  const bytes = arrivals.filter(({ at }) => at >= from && at <= until).reduce((sum, one) => sum + one.bytes, 0);
  return (bytes * 8) / 1_000 / (until - from);
}

test.each<Case>([
  { mbit: 5, games: [8] },
  { mbit: 2, games: [8] },
  { mbit: 1, games: [3] },
  { mbit: 20, games: [30] },
  { mbit: 5, games: [4.8] },
  { mbit: 5, games: [2, 2, 2, 2] },
  { mbit: 5, games: [6, 1] },
  { mbit: 5, games: [8], queueMs: 1_000 },
  { mbit: 5, games: [8], queueMs: 50 },
  { mbit: 5, games: [8], lossRate: 0.02 },
  { mbit: 5, games: [8], bytes: 200 },
])('another friend feels little of $games Mbit/s on a line of $mbit, and most of that is used', (one) => {
  const { uplink, heavy, other, until } = play(one);
  uplink.run(until + 1_000);
  expect(quantile(late(other, 0), 0.95), 'ms on the way to the other friend').toBeLessThanOrEqual(100);
  const from = until - SECONDS * 1_000 + SETTLED_MS;
  const all = heavy.reduce((sum, friend) => sum + gets(friend, from, until), 0);
  expect(all / one.mbit).toBeGreaterThan(one.bytes === undefined ? 0.86 : 0.7);
  expect(
    quantile(
      heavy.flatMap((friend) => late(friend, from)),
      0.95,
    ),
    'nothing comes late',
  ).toBeLessThanOrEqual(160);
  expect(
    heavy.some(({ told }) => told[0]?.full === true),
    'the person is told',
  ).toBe(true);
  expect(other.told).toEqual([]);
});

test.each<Case>([
  { mbit: 5, games: [4] },
  { mbit: 20, games: [5], lossRate: 0.05 },
  { mbit: 100, games: [20] },
])('where $games Mbit/s pass on a line of $mbit, nothing stands between game and socket', (one) => {
  const { uplink, heavy, until } = play(one);
  uplink.run(until + 1_000);
  for (const friend of heavy) {
    expect(friend.arrivals.length).toBeGreaterThanOrEqual(friend.sent * (1 - 1.2 * (one.lossRate ?? 0)));
    expect(Math.max(...friend.arrivals.map(({ tookMs }) => tookMs))).toBeLessThan(DELAY_MS + 5);
    expect(friend.told).toEqual([]);
  }
});

test('once the game sends less, nothing is held back, and the person is told; once it says nothing, too', () => {
  const uplink = new Uplink({ bitsPerSecond: 5e6, queueMs: 250, delayMs: DELAY_MS, seed: 1 });
  const friend = uplink.friend();
  uplink.every(1.2, () => friend.send(1_200), 11_000);
  uplink.run(11_000);
  uplink.every(4.8, () => friend.send(1_200), 21_000);
  uplink.run(21_000);
  expect(friend.told.map(({ full }) => full)).toEqual([true, false]);
  expect(Math.max(...late(friend, 17_000))).toBeLessThan(DELAY_MS + 5);
  uplink.every(1.2, () => friend.send(1_200), 26_000);
  uplink.run(40_000);
  expect(friend.told.map(({ full }) => full)).toEqual([true, false, true, false]);
});

test('small datagrams of the same game pass while its large ones are left out', () => {
  const uplink = new Uplink({ bitsPerSecond: 5e6, queueMs: 250, delayMs: DELAY_MS, seed: 1 });
  const friend = uplink.friend();
  uplink.every(1.2, () => friend.send(1_200), 21_000);
  uplink.run(6_000);
  const small = 64 * 15;
  uplink.every(1_000 / 64, () => friend.send(90), 21_000);
  uplink.run(22_000);
  const came = friend.arrivals.filter(({ bytes }) => bytes === 90);
  expect(came.length).toBeGreaterThanOrEqual(small * 0.99);
  expect(
    quantile(
      came.map(({ tookMs }) => tookMs),
      0.95,
    ),
  ).toBeLessThanOrEqual(80);
});

test('a burst on a fast line is over before anybody takes it for a queue', () => {
  const uplink = new Uplink({ bitsPerSecond: 100e6, queueMs: 250, delayMs: DELAY_MS, seed: 1 });
  const friend = uplink.friend();
  uplink.every(
    2_000,
    () => {
      for (let n = 0; n < 800; n++) friend.send(1_200);
    },
    21_000,
  );
  uplink.run(23_000);
  expect(friend.arrivals).toHaveLength(friend.sent);
});

test('beside a TCP upload a game that sends less than its share goes on', () => {
  const uplink = new Uplink({ bitsPerSecond: 5e6, queueMs: 250, delayMs: DELAY_MS, seed: 1 });
  const friend = uplink.friend();
  uplink.every(9.6, () => friend.send(1_200), 31_000);
  reno(uplink);
  uplink.run(31_000);
  expect(gets(friend, 6_000, 31_000)).toBeGreaterThan(0.85);
});

/** So many friends are fed 8 Mbit/s each on a line of 5, one begun so many ms after the other; 30 s. */
function feed(friends: number, apartMs: number) {
  const uplink = new Uplink({ bitsPerSecond: 5e6, queueMs: 250, delayMs: DELAY_MS, seed: 7 });
  const heavy = Array.from({ length: friends }, () => uplink.friend());
  const other = uplink.friend();
  const until = uplink.now + 30_000;
  for (const [n, friend] of heavy.entries())
    uplink.at(uplink.now + n * apartMs, () => uplink.every(1.2, () => friend.send(1_200), until));
  uplink.every(1_000 / 32, () => other.send(100), until);
  const settled = uplink.now + (friends - 1) * apartMs + CONNECTION_LIMITS.uploadFlushEveryMs;
  uplink.run(until + 1_000);
  const ways = late(other, 0);
  const shares = heavy.map((friend) => gets(friend, settled, until));
  const all = shares.reduce((sum, one) => sum + one, 0);
  const lost = Array.from({ length: other.sent - ways.length }, () => Number.POSITIVE_INFINITY);
  return {
    p95: quantile([...ways, ...lost], 0.95),
    carried: all / 5,
    uneven: Math.max(...shares) / Math.min(...shares),
  };
}

test.each([
  [1, 0],
  [5, 0],
  [5, 100],
  [8, 100],
  [5, 300],
  [5, 500],
  [3, 700],
  [5, 1_000],
])(
  'another friend feels little of %i friends that are fed, one begun %i ms after the other, and they share',
  (friends, apartMs) => {
    const { p95, carried, uneven } = feed(friends, apartMs);
    expect(p95).toBeLessThanOrEqual(100);
    expect(carried).toBeGreaterThan(0.8);
    expect(uneven).toBeLessThan(2);
  },
);

test('where nothing is answered it is asked more often: what is known soon is over soon', () => {
  expect(CONNECTION_LIMITS.uploadReportMs / CONNECTION_LIMITS.uploadOverdueTimes).toBeGreaterThanOrEqual(
    CONNECTION_LIMITS.uploadReportMinMs,
  );
  const uplink = new Uplink({ bitsPerSecond: 5e6, queueMs: 250, delayMs: DELAY_MS, seed: 7 });
  const until = uplink.now + 3_000;
  const [begin, heavy] = [uplink.now, Array.from({ length: 8 }, () => uplink.friend())];
  const other = uplink.friend();
  for (const [n, friend] of heavy.entries())
    uplink.at(begin + 50 * n, () => uplink.every(1.2, () => friend.send(1_200), until));
  uplink.every(1_000 / 32, () => other.send(100), until);
  uplink.run(until);
  const since = late(other, begin + 1_500);
  expect(Math.max(...since)).toBeLessThan(100);
  expect(since.length, 'of 48').toBeGreaterThan(42);
});

test('a line that was full a minute ago is known to be full at the first sign', () => {
  const uplink = new Uplink({ bitsPerSecond: 5e6, queueMs: 250, delayMs: DELAY_MS, seed: 7 });
  const friend = uplink.friend();
  const longest: number[] = [];
  const pause = 2 * CONNECTION_LIMITS.uploadForgetMs;
  for (const pauseMs of [0, pause, CONNECTION_LIMITS.uploadRememberMs + pause]) {
    const from = uplink.now + pauseMs;
    uplink.at(from, () => uplink.every(1.2, () => friend.send(1_200), from + 4_000));
    uplink.run(from + 4_000);
    longest.push(Math.max(...late(friend, from)));
  }
  expect(longest[0]).toBeGreaterThan(220);
  expect(longest[1]).toBeLessThan(200);
  expect(longest[2]).toBeGreaterThan(220);
});

test('a line that polices is seen by what it loses: half of it, and no queue', () => {
  const uplink = new Uplink({ bitsPerSecond: 2e6, queueMs: 5, delayMs: DELAY_MS, seed: 7 });
  const friend = uplink.friend();
  uplink.every(1.2, () => friend.send(1_200), 12_000);
  uplink.every(1_000 / 64, () => friend.send(90), 12_000);
  uplink.run(12_000);
  const small = friend.arrivals.filter(({ at, bytes }) => bytes === 90 && at > SETTLED_MS);
  expect(small.length / (64 * 7)).toBeGreaterThan(1 - CONNECTION_LIMITS.uploadLossFull);
  expect(friend.told.map(({ full }) => full)).toEqual([true]);
});

/** One TCP connection by RFC 5681: a datagram more each round trip, half of the window after a loss. */
function reno(uplink: Uplink): void {
  let [window, flying, cutAt] = [10, 0, 0];
  const pump = (): void => {
    for (; flying < window; flying++) {
      const { lost, delays } = uplink.line.pass(uplink.now, 1_500);
      uplink.at(uplink.now + (lost === null ? (delays[0] ?? 0) + DELAY_MS : 300), () => {
        flying--;
        if (lost === null) window += 1 / window;
        else if (uplink.now - cutAt > 300) {
          window = Math.max(2, window / 2);
          cutAt = uplink.now;
        }
        pump();
      });
    }
  };
  uplink.at(uplink.now, pump);
}
