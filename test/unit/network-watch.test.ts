/** Whoever plays waits for a changed network to be noticed; whoever is only busy has not changed it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type NetworkNow, watchNetwork } from '../../src/node/index.ts';

const EVERY_MS = 250;
const HOME: NetworkNow = {
  addresses: ['192.168.1.5'],
  routes: 'eth0,0101A8C0,100',
  sources: ['192.168.1.5'],
  families: [4],
  ways: [],
  system: null,
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched() {
  const told: (readonly string[])[] = [];
  const state: { now: NetworkNow | null } = { now: HOME };
  const watch = watchNetwork(
    ({ addresses }) => told.push(addresses),
    EVERY_MS,
    () => {
      if (state.now === null) throw new Error('EMFILE');
      return state.now;
    },
  );
  return { told, state, watch };
}

test('another address or another default route is told once, within a quarter of a second', () => {
  const { told, state, watch } = watched();
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([]);
  state.now = { ...HOME, addresses: ['10.8.0.2', '192.168.1.5'] };
  vi.advanceTimersByTime(EVERY_MS);
  expect(told).toEqual([['10.8.0.2', '192.168.1.5']]);
  state.now = { ...HOME, addresses: ['10.8.0.2', '192.168.1.5'], routes: 'wlan0,0101A8C0,600' };
  vi.advanceTimersByTime(10_000);
  expect(told).toHaveLength(2);
  watch.stop();
  state.now = HOME;
  vi.advanceTimersByTime(10_000);
  expect(told).toHaveLength(2);
});

test('a computer that slept is told of, one that was busy for five seconds is not', () => {
  const { told } = watched();
  vi.setSystemTime(Date.now() + 5_000);
  vi.advanceTimersByTime(EVERY_MS);
  expect(told).toEqual([]);
  vi.setSystemTime(Date.now() + 7_000);
  vi.advanceTimersByTime(EVERY_MS);
  expect(told).toEqual([HOME.addresses]);
  vi.advanceTimersByTime(10_000);
  expect(told).toHaveLength(1);
});

test('a network that can’t be looked at, because no descriptor is left, is as it was; what changed meanwhile is told later', () => {
  const { told, state } = watched();
  state.now = null;
  vi.advanceTimersByTime(60_000);
  state.now = HOME;
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([]);
  state.now = null;
  vi.advanceTimersByTime(10_000);
  vi.setSystemTime(Date.now() + 7_000);
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([]);
  state.now = HOME;
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([HOME.addresses]);
});
