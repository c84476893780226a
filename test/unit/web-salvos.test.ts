import { expect, test } from 'vitest';
import { type LogEntry, NEW_JOIN } from '../../src/agent/index.ts';
import type { LocalJoin } from '../../src/app/local-api.ts';
import { FLIGHT_MS, flyingAt, probesOf, salvosOf } from '../../src/web/parts/salvos.ts';

const DATA = {
  side: 'client',
  tuples: 10,
  passes: 2,
  ratePerSecond: 100,
  spreadMs: 1000,
  againMs: 0,
  durationMs: 3000,
  inMs: 50,
};

const APP = {
  ...{ id: 1, target: 'K7TQ9RBWXM', newKey: false, startedAt: 0 },
  ...{ ended: null, portTaken: null, seatsFull: false, local: '', services: [] },
};

function joinWith(...salvos: readonly Partial<typeof DATA>[]): LocalJoin {
  const log = salvos.map(
    (change): LogEntry => ({ atMs: 500, attempt: 1, what: 'salvo', data: { ...DATA, ...change } }),
  );
  return { ...NEW_JOIN, ...APP, log: [...log, { atMs: 900, attempt: 1, what: 'over', data: {} }] };
}

test('nothing flies before a salvo starts, its first probe does at its time, nothing after the last has landed', () => {
  const salvos = salvosOf(joinWith({}), 1);
  expect(flyingAt(salvos, 549)).toEqual([]);
  expect(flyingAt(salvos, 550)).toEqual([{ side: 'client', n: 0, way: 0 }]);
  expect(flyingAt(salvos, 550 + 1000 + 90 + FLIGHT_MS + 1)).toEqual([]);
});

test('all probes of a pass are in the air once it is sent, each as far as its own time says', () => {
  const flying = flyingAt(salvosOf(joinWith({}), 1), 550 + 90);
  expect(flying).toHaveLength(10);
  expect(flying.map(({ way }) => Math.round(way * FLIGHT_MS))).toEqual([90, 80, 70, 60, 50, 40, 30, 20, 10, 0]);
});

test('the second pass flies again, and repetitions go on until the end of the salvo and not longer', () => {
  expect(flyingAt(salvosOf(joinWith({}), 1), 550 + 1000 + 90)).toHaveLength(10);
  const lasting = salvosOf(joinWith({ againMs: 700 }), 1);
  expect(flyingAt(lasting, 550 + 1000 + 700 + 90)).toHaveLength(10);
  expect(flyingAt(lasting, 550 + 3000 + 700)).toEqual([]);
});

test('a salvo of a thousand probes is thinned to a number a page can draw, the count in words stays whole', () => {
  const salvos = salvosOf(joinWith({ tuples: 1000, ratePerSecond: 2000 }, { side: 'host', tuples: 3, passes: 1 }), 1);
  expect(flyingAt(salvos, 1050).length).toBeLessThanOrEqual(60);
  expect(probesOf(salvos, 'client')).toBe(2000);
  expect(probesOf(salvos, 'host')).toBe(3);
});
