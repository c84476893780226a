/** A name that leads elsewhere while nobody answers. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NameWatch, type Resolved } from '../../src/agent/testing.ts';

const EVERY_MS = 3_000;
const at = (...master: string[]): Resolved => ({ master, stun: [], named: [], looked: master.length > 0 });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('names are looked up again only while the masterserver does not answer, and a change is told once', async () => {
  let now = at('198.51.100.7');
  let looked = 0;
  const told: Resolved[] = [];
  const look = async () => {
    looked += 1;
    return now;
  };
  const watch = new NameWatch(
    now.master,
    { resolved: now, look },
    (resolved) => told.push(resolved),
    () => {},
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(looked).toBe(0);
  watch.link('lost');
  watch.link('lost');
  await vi.advanceTimersByTimeAsync(3 * EVERY_MS);
  expect([looked, told.length]).toEqual([4, 0]);
  now = at('198.51.100.9');
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
  expect(told).toEqual([now]);
  expect(watch.addresses).toEqual(now.master);
  watch.link('up');
  now = at('198.51.100.10');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toHaveLength(1);
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
