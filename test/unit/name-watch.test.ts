/** A name that leads elsewhere while nobody answers. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NameWatch, type Resolved } from '../../src/agent/testing.ts';

const EVERY_MS = 3_000;
const at = (...master: string[]): Resolved => ({ master, stun: [], named: [], looked: master.length > 0 });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A watch of names that lead where `now` says: how often they were looked up, and what was told. */
function watched(before: Resolved) {
  const told: Resolved[] = [];
  const look = async () => {
    names.looked += 1;
    return names.now;
  };
  const tell = (resolved: Resolved) => told.push(resolved);
  const watch = new NameWatch(before.master, { resolved: before, look }, tell, () => {});
  const names = { now: before, looked: 0, told, watch };
  return names;
}

test('names are looked up again only while the masterserver does not answer, and a change is told once', async () => {
  const names = watched(at('198.51.100.7'));
  const { watch, told } = names;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(names.looked).toBe(0);
  watch.link('lost');
  watch.link('lost');
  await vi.advanceTimersByTimeAsync(3 * EVERY_MS);
  expect([names.looked, told.length]).toEqual([4, 0]);
  names.now = at('198.51.100.9');
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
  expect(told).toEqual([names.now]);
  expect(watch.addresses).toEqual(names.now.master);
  watch.link('up');
  names.now = at('198.51.100.10');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toHaveLength(1);
});

test('where a STUN server was asked in vain the names of those are looked up once, and a change is told, of them alone', async () => {
  const server = (address: string) => ({ address, port: 3478 });
  const probe = (address: string, answers: boolean) => ({
    ...{ destination: server(address), localPort: 40_000 },
    seenAs: answers ? { address: '203.0.113.9', port: 40_000 } : null,
  });
  const resolved = (master: string, ...addresses: (string | null)[]): Resolved => ({
    ...at(master),
    stun: addresses.flatMap((address) => (address === null ? [] : [server(address)])),
    named: addresses.map((address, n) => ({
      server: `stun${n}.example:3478`,
      at: address === null ? null : server(address),
    })),
  });
  const before = resolved('198.51.100.7', '198.51.100.20', '198.51.100.21');
  const names = watched(before);
  const { watch, told } = names;
  const detected = async (...probes: Parameters<typeof watch.detected>[0]) => {
    watch.detected(probes);
    await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
  };
  const [first, second] = ['198.51.100.20', '198.51.100.21'] as const;
  // One packet may be lost, and who was not asked is not silent; nor does it matter here that the masterserver's port is shut.
  await detected(probe(first, true), probe(first, false), probe('198.51.100.7', false));
  expect(names.looked).toBe(0);
  await detected(probe(first, true), probe(second, false));
  expect([names.looked, told.length]).toEqual([1, 0]);
  names.now = resolved('198.51.100.99', first, '198.51.100.22');
  await detected(probe(first, true), probe(second, false));
  expect([names.looked, told]).toEqual([2, [{ ...names.now, master: [] }]]);
  expect(watch.addresses).toEqual(before.master);
  await detected(probe(first, true), probe('198.51.100.22', true));
  expect(names.looked).toBe(2);
  // One whose name leads nowhere is looked for after each detection.
  names.now = resolved('198.51.100.7', first, null);
  await detected(probe(first, true), probe('198.51.100.22', false));
  await detected(probe(first, true));
  expect([names.looked, told.length]).toEqual([4, 2]);
  names.now = before;
  watch.detected([probe(first, false)]);
  watch.end();
  await vi.advanceTimersByTimeAsync(1);
  expect([names.looked, told.length]).toEqual([5, 2]);
});

test('what comes after the end is not told', async () => {
  const told: Resolved[] = [];
  let answer = (_: Resolved): void => {};
  const look = () => new Promise<Resolved>((resolve) => (answer = resolve));
  const watch = new NameWatch(
    [],
    { resolved: at(), look },
    (resolved) => told.push(resolved),
    () => {},
  );
  watch.link('lost');
  watch.end();
  answer(at('198.51.100.7'));
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual([]);
});
