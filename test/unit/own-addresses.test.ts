/** Which of its addresses a computer tells others, and by which of the masterserver's it tries to get there. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AGENT_LIMITS, type AskName, interleaved, resolveName } from '../../src/agent/testing.ts';
import { askingOnce, lastingAddresses6, parseIfInet6, shownAddresses, sourceTowards } from '../../src/node/index.ts';
import { NODE_LIMITS } from '../../src/node/testing.ts';

const STABLE = '2001:db8:1::21';
const CHANGING = '2001:db8:1::a1b2';
const OLD = '2001:db8:2::21';

/** As Linux has it: flags 80 permanent, 01 temporary, 20 deprecated, 40 tentative. */
const TABLE = `20010db8000100000000000000000021 02 40 00 80     eth0
20010db800010000000000000000a1b2 02 40 00 01     eth0
20010db8000200000000000000000021 02 40 00 a0     eth0
fe800000000000000000000000000001 02 40 20 80     eth0
nonsense`;

test('the table of Linux tells which addresses change, and which are no longer to be used', () => {
  expect([...parseIfInet6(TABLE)]).toEqual([
    [STABLE, 'stable'],
    [CHANGING, 'temporary'],
    [OLD, 'unusable'],
    ['fe80::1', 'stable'],
  ]);
});

test('of a network in which an address changes with time only that one is told, and none that runs out', () => {
  const all = [STABLE, CHANGING, OLD, '192.168.1.5', 'fd00::5'];
  expect(shownAddresses(all, parseIfInet6(TABLE), CHANGING)).toEqual([CHANGING, '192.168.1.5', 'fd00::5']);
  expect(shownAddresses([STABLE, '192.168.1.5'], parseIfInet6(TABLE), STABLE)).toEqual([STABLE, '192.168.1.5']);
});

test('where the system says nothing of its addresses, the one that it goes out by stands for its network', () => {
  const all = [STABLE, CHANGING, OLD, '192.168.1.5'];
  expect(shownAddresses(all, new Map(), CHANGING)).toEqual([CHANGING, OLD, '192.168.1.5']);
  expect(shownAddresses(all, new Map(), null)).toEqual(all);
});

test('a link names an address of IPv6 that neither changes with time nor runs out', () => {
  const all = [CHANGING, OLD, STABLE, '192.168.1.5'];
  expect(lastingAddresses6(all, parseIfInet6(TABLE))).toEqual([STABLE]);
  expect(lastingAddresses6([CHANGING, '192.168.1.5'], new Map())).toEqual([CHANGING]);
});

test('the way to this very computer goes by this very computer, and the way to no address by none', () => {
  expect(sourceTowards('127.0.0.1')).toBe('127.0.0.1');
  expect(sourceTowards('255.255.255.255')).toBeNull();
});

test('the families are tried in turn', () => {
  expect(interleaved(['a', 'b', 'c'], ['x'])).toEqual(['a', 'x', 'b', 'c']);
  expect(interleaved([], ['x', 'y'])).toEqual(['x', 'y']);
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Answers after so long; null: never. */
const answers =
  (afterMs: Readonly<Record<4 | 6, number | null>>): AskName =>
  (_host, family) =>
    new Promise((resolve) => {
      const ms = afterMs[family];
      if (ms !== null) setTimeout(() => resolve([family === 4 ? '203.0.113.2' : '2001:db8::2']), ms);
    });

async function resolvedAfter(ask: AskName, ms: number, first: 4 | 6 = 4): Promise<readonly string[] | null> {
  let found: readonly string[] | null = null;
  void resolveName('master.example', first, ask).then((addresses) => {
    found = addresses;
  });
  await vi.advanceTimersByTimeAsync(ms);
  return found;
}

test('a resolver that keeps silent about one family holds nobody up (RFC 8305)', async () => {
  expect(await resolvedAfter(answers({ 4: 10, 6: null }), 59)).toBeNull();
  expect(await resolvedAfter(answers({ 4: 10, 6: null }), 61)).toEqual(['203.0.113.2']);
  expect(await resolvedAfter(answers({ 4: null, 6: 10 }), 261)).toEqual(['2001:db8::2']);
  expect(await resolvedAfter(answers({ 4: 10, 6: 40 }), 45)).toEqual(['203.0.113.2', '2001:db8::2']);
});

test('where there is a way out by IPv6 alone its addresses come first', async () => {
  expect(await resolvedAfter(answers({ 4: 5, 6: 10 }), 20, 6)).toEqual(['2001:db8::2', '203.0.113.2']);
});

test('a family that the name does not have is not waited for, and a literal address is not looked up', async () => {
  const one: AskName = (_host, family) =>
    family === 6 ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(['203.0.113.2']);
  expect(await resolvedAfter(one, 1)).toEqual(['203.0.113.2']);
  const none: AskName = () => Promise.reject(new Error('ENOTFOUND'));
  expect(await resolvedAfter(none, 1)).toEqual([]);
  expect(await resolveName('192.0.2.7', 4, none)).toEqual(['192.0.2.7']);
});

test('where the first name server is dead its answer comes after five seconds, to whoever looks again every three', async () => {
  let asked = 0;
  const slow = askingOnce<[string, 4 | 6]>((_host, family) => {
    asked += 1;
    return new Promise((resolve, reject) => {
      const answered = family === 4 ? () => resolve(['203.0.113.2']) : () => reject(new Error('ENOTFOUND'));
      setTimeout(answered, 5_000);
    });
  });
  const found: string[][] = [];
  for (let looks = 0; looks < 3; looks++) {
    void resolveName('master.example', 4, slow).then((addresses) => found.push([...addresses]));
    await vi.advanceTimersByTimeAsync(3_000);
  }
  expect(found[0]).toEqual([]);
  expect(found[2]).toEqual(['203.0.113.2']);
  expect(asked).toBeLessThanOrEqual(3);
  // It is asked for again once that has been a while ago; what was answered at once is not kept at all.
  await vi.advanceTimersByTimeAsync(5_000 + NODE_LIMITS.lateAnswerKeptMs);
  const before = asked;
  void resolveName('master.example', 4, slow);
  expect(asked).toBe(before + 2);
});

test('who can do nothing without an address waits for two dead name servers', async () => {
  const slow = askingOnce<[string, 4 | 6]>(
    () => new Promise((resolve) => setTimeout(() => resolve(['203.0.113.2']), 10_100)),
  );
  const { firstLookupMs } = AGENT_LIMITS;
  const found = resolveName('master.example', 4, slow, firstLookupMs);
  await vi.advanceTimersByTimeAsync(firstLookupMs);
  expect(await found).toEqual(['203.0.113.2', '203.0.113.2']);
});
