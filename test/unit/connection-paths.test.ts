import { expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/core/index.ts';
import { eightBytes } from '../../src/core/testing.ts';
import { DIRECT, lehmer, pair, RELAY, SIDES } from './connection-pair.ts';

const twice = (numbers: readonly number[]) => numbers.length - new Set(numbers).size;
/** The longest time between two that came, in datagrams of 7.8 ms. */
const gap = (numbers: readonly number[]) => Math.max(...numbers.map((n, i) => n - (numbers[i - 1] ?? -1)));

/** SWITCHES=200 gives the full measure. */
const SWITCHES = Number(process.env.SWITCHES ?? 20);
/** One way, of the better and of the worse of two direct paths. */
const FAST_MS = 10;
const SLOW_MS = 30;

/** The longest that a number came behind a higher one. */
function lateMs(numbers: readonly number[], heardAt: readonly number[]): number {
  let [highest, highestAt, late] = [-1, 0, 0];
  for (const [i, n] of numbers.entries()) {
    const at = heardAt[i] as number;
    if (n < highest) late = Math.max(late, at - highestAt);
    else [highest, highestAt] = [n, at];
  }
  return late;
}

test('from a relay to a direct path nothing is lost and nothing comes twice, in 200 switches', () => {
  const { add, play, ends, events, numbers, counted, world } = pair([RELAY, DIRECT]);
  world.now = 0;
  add(RELAY);
  play(1_000);
  for (let n = 0; n < 200; n++) {
    add(DIRECT);
    play(world.now + 400);
    for (const name of SIDES) expect(ends[name].connection.current?.kind).toBe('direct');
    for (const name of SIDES) ends[name].connection.drop(world.now, 1);
    play(world.now + 400);
  }
  for (const [name, from] of [
    ['left', 'right'],
    ['right', 'left'],
  ] as const) {
    expect(twice(numbers(name))).toBe(0);
    expect(new Set(numbers(name)).size).toBeGreaterThan(counted[from] - 8);
    expect(events[name].filter(({ ev }) => ev === 'switched').length).toBeGreaterThanOrEqual(200);
  }
});

test(
  'from IPv4 to IPv6 and back, as one becomes slower than the other, nothing is lost, comes twice or later than the slower way takes',
  () => {
    const four = { kind: 'direct' as const, socket: 1, ms: FAST_MS };
    const six = { kind: 'ipv6' as const, socket: 2, ms: FAST_MS };
    const { add, play, run, ends, events, heardAt, numbers, counted, world } = pair([four, six]);
    for (const way of [four, six]) add(way);
    play(2_000);
    const carried = (kind: string): boolean => SIDES.every((name) => ends[name].connection.current?.kind === kind);
    for (let n = 0; n < SWITCHES; n++) {
      const [slow, fast] = carried('ipv6') ? [six, four] : [four, six];
      [slow.ms, fast.ms] = [SLOW_MS, FAST_MS];
      const until = world.now + 30_000;
      while (!carried(fast.kind) && world.now < until) play(world.now + 100);
      expect(carried(fast.kind)).toBe(true);
      play(world.now + 400);
    }
    run(world.now + 1_000);
    for (const [name, from] of [
      ['left', 'right'],
      ['right', 'left'],
    ] as const) {
      expect(twice(numbers(name))).toBe(0);
      expect(new Set(numbers(name)).size).toBe(counted[from]);
      expect(lateMs(numbers(name), heardAt[name])).toBeLessThanOrEqual(SLOW_MS - FAST_MS);
      expect(events[name].filter(({ ev }) => ev === 'switched').length).toBeGreaterThanOrEqual(SWITCHES);
    }
  },
  SWITCHES * 5_000,
);

test('a direct path that dies while a relay stands by leaves a gap of less than 0.5 s, both ways', () => {
  const { add, play, ends, numbers, world } = pair([DIRECT, RELAY]);
  add(RELAY);
  play(3_000);
  world.drop = (_name, socket) => socket === 1;
  play(6_000);
  for (const name of SIDES) {
    expect(gap(numbers(name)) * 7.8125).toBeLessThan(500);
    expect(twice(numbers(name))).toBe(0);
    expect(ends[name].connection.current?.kind).toBe('relay');
  }
});

test('a direct path of which one way dies is noticed by both', () => {
  const { add, play, ends, numbers, world } = pair([DIRECT, RELAY]);
  add(RELAY);
  play(3_000);
  world.drop = (name, socket) => socket === 1 && name === 'left';
  play(6_000);
  expect(gap(numbers('right')) * 7.8125).toBeLessThan(600);
  expect(gap(numbers('left')) * 7.8125).toBeLessThan(600);
  for (const name of SIDES) expect(twice(numbers(name))).toBe(0);
  for (const name of SIDES) expect(ends[name].connection.current?.kind).toBe('relay');
});

test('whenever a path dies between two questions, a further one is wanted within 0.8 s', () => {
  for (let n = 0; n < 40; n++) {
    const slow = { ...DIRECT, ms: 40 };
    const { add, play, events, world } = pair([slow]);
    add(slow);
    play(3_000 + 25 * n);
    const before = SIDES.map((name) => events[name].length);
    world.drop = () => true;
    play(world.now + 800);
    for (const [i, name] of SIDES.entries())
      expect(events[name].slice(before[i]).some(({ ev }) => ev === 'wanting')).toBe(true);
  }
});

test('a path of long round trips that dies is noticed too, though its questions are repeated before an answer can come', () => {
  for (const ms of [100, 200, 400, 800]) {
    const long = { ...DIRECT, ms };
    const { add, play, events, world } = pair([long]);
    add(long);
    play(10_000);
    const before = SIDES.map((name) => events[name].length);
    world.drop = () => true;
    // Three round trips of silence, one and a half for the second question, and what is under way.
    play(world.now + 1_000 + 6 * 2 * ms);
    for (const [i, name] of SIDES.entries())
      expect(events[name].slice(before[i]).some(({ ev }) => ev === 'wanting')).toBe(true);
  }
});

test('a path that was sick carries data again only after 30 s', () => {
  const { add, play, ends, world } = pair([DIRECT, RELAY]);
  add(RELAY);
  play(3_000);
  world.drop = (_name, socket) => socket === 1;
  play(5_000);
  world.drop = () => false;
  play(25_000);
  expect(ends.left.connection.current?.kind).toBe('relay');
  play(60_000);
  expect(ends.left.connection.current?.kind).toBe('direct');
});

test('a path that loses more than a tenth gives way to the relay', () => {
  const { add, play, ends, world } = pair([DIRECT, RELAY]);
  add(RELAY);
  const float = lehmer(3);
  world.drop = (_name, socket) => socket === 1 && float() < 0.03;
  play(15_000);
  expect(ends.left.connection.current?.kind).toBe('direct');
  world.drop = (_name, socket) => socket === 1 && float() < 0.25;
  play(25_000);
  expect(ends.left.connection.current?.kind).toBe('relay');
});

test('a path that nobody speaks on is not doubted for a lost question or two', () => {
  const { add, run, ends, events, world } = pair([DIRECT, RELAY]);
  add(RELAY);
  const float = lehmer(5);
  world.drop = (_name, socket) => socket === 1 && float() < 0.1;
  run(600_000);
  expect(ends.left.connection.current?.kind).toBe('direct');
  expect(events.left.filter(({ ev }) => ev === 'wanting')).toEqual([]);
});

test('each path has a label of its own, a changed network gets a fresh one, and dead paths use none up', () => {
  const { add, play, sent, command, run, world, ends, numbers } = pair([DIRECT, RELAY]);
  add(RELAY);
  play(1_000);
  const labels = (socket: number) => new Set(sent.filter((d) => d.socket === socket).map((d) => eightBytes(d.bytes)));
  expect([...labels(1)].filter((label) => labels(2).has(label))).toEqual([]);
  const before = labels(1).size;
  command('left', { do: 'nudge' });
  run(world.now + 100);
  expect(labels(1).size).toBeGreaterThan(before);
  world.drop = () => true;
  for (let n = 0; n < 50; n++) command('left', { do: 'nudge' });
  world.drop = () => false;
  play(world.now + 2_000);
  expect(numbers('right').at(-1)).toBe(numbers('left').at(-1));
  expect(ends.right.connection.over).toBe(false);
});

test('what does not arrive is counted as lost, at the side that sent it, and no more than that', () => {
  const { play, ends, sent, world } = pair();
  play(2_000);
  const { left, right } = ends;
  for (const { connection } of [left, right]) expect(connection.tally.lost(connection.paths)).toBe(0);
  let n = 0;
  let dropped = 0;
  world.drop = (name) => {
    if (name !== 'left' || ++n % 20 !== 0) return false;
    dropped++;
    return true;
  };
  play(6_000);
  world.drop = () => false;
  // The answer to a question comes within a second, and tells of all that was sent before it.
  play(8_000);
  expect(dropped).toBeGreaterThan(20);
  expect(left.connection.tally.lost(left.connection.paths)).toBe(dropped);
  expect(right.connection.tally.lost(right.connection.paths)).toBe(0);
  expect(left.connection.tally.sent).toBe(1_024);
  expect(sent.length).toBeGreaterThan(2_048);
});

test('a path that begins to swallow what is large carries it in parts within 2 s, and is not called sick', () => {
  const { add, run, command, ends, events, heardAt, world } = pair([DIRECT, RELAY]);
  add(RELAY);
  const speak = (untilMs: number): void => {
    for (; world.now < untilMs; run(world.now + 1_000 / 128))
      command('left', { do: 'send', bytes: new Uint8Array(1_400) });
  };
  speak(12_000);
  expect(ends.left.connection.current?.mtu.bytes).toBeGreaterThan(1_400);
  world.carries = 1_300;
  speak(20_000);
  const late = heardAt.right.filter((at) => at > 11_000);
  const gaps = late.map((at, n) => at - (late[n - 1] ?? at));
  expect(Math.max(...gaps)).toBeLessThan(2_000);
  expect(late.at(-1)).toBeGreaterThan(19_900);
  expect(ends.left.connection.current?.kind).toBe('direct');
  expect(events.left.filter(({ ev }) => ev === 'wanting')).toEqual([]);
});

test('a path that loses a good deal at random keeps its size, and one that loses more than half is asked for it anew', () => {
  for (const [share, keeps] of [
    [0.7 * CONNECTION_LIMITS.lossSwallowed, true],
    [1.3 * CONNECTION_LIMITS.lossSwallowed, false],
  ] as const) {
    const { run, command, ends, world } = pair();
    let least = Number.POSITIVE_INFINITY;
    const speak = (untilMs: number): void => {
      for (; world.now < untilMs; run(world.now + 1_000 / 128)) {
        command('left', { do: 'send', bytes: new Uint8Array(1_400) });
        least = Math.min(least, ends.left.connection.current?.mtu.bytes ?? 0);
      }
    };
    speak(12_000);
    least = Number.POSITIVE_INFINITY;
    const float = lehmer(7);
    world.drop = (from) => from === 'left' && float() < share;
    speak(14_500);
    expect(least > 1_400, `${share}`).toBe(keeps);
  }
});
