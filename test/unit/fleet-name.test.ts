/** A name that two nodes of a fleet have: said where it is so, and not where somebody at the engine repeats what a node said before. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FleetFact, openStore, SERVER_LIMITS, type Store, startFleet } from '../../src/master/testing.ts';

type Parts = Parameters<typeof startFleet>[0];
type Listener = Parameters<Parts['open']>[0];

let folder: string;
const ends: (() => unknown)[] = [];
/** Everything that was ever said, and who hears it. */
let said: Uint8Array[] = [];
let listeners = new Set<Listener>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-fleet-'));
  said = [];
  listeners = new Set();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  rmSync(folder, { recursive: true });
});

function storeAt(name: string): Store {
  const store = openStore({ file: join(folder, name), onProblem: () => {} });
  ends.push(() => store.close());
  return store;
}

const stopping = (stop: (timer: NodeJS.Timeout) => void, timer: NodeJS.Timeout) => (): void => stop(timer);

function node(store: Store) {
  const facts: FleetFact[] = [];
  const fleet = startFleet({
    ...{ secret: new Uint8Array(32).fill(1), identity: new Uint8Array(32).fill(2), store, version: '1' },
    place: { name: 'a', region: '', addresses: ['198.51.100.1'], port: 8430, furtherPort: 0 },
    moderation: { bans: () => [], ban: () => expect.unreachable(), unban: () => null },
    webhooks: { told: () => [], note: () => {} },
    ...{ onRules: () => {}, command: () => {}, entry: () => null, hostIds: () => [], onElsewhere: () => {} },
    ...{ generation: () => null, random: Math.random, instance: randomBytes(8).toString('hex') },
    timers: {
      every: (ms, work) => stopping(clearInterval, setInterval(work, ms)),
      after: (ms, work) => stopping(clearTimeout, setTimeout(work, ms)),
    },
    ...{ onWhole: () => {}, figures: () => ({ hosts: 0, sessions: 0 }), onDrain: () => {} },
    ...{ wallClock: Date.now, monotonic: () => performance.now(), onFact: (fact) => facts.push(fact) },
    open(listener) {
      listeners.add(listener);
      queueMicrotask(() => listener.connected(true, ''));
      return {
        connected: true,
        publish(_subject, bytes) {
          said.push(bytes);
          for (const one of listeners) if (one !== listener) queueMicrotask(() => one.message(bytes));
        },
        close: async () => void listeners.delete(listener),
      };
    },
  });
  ends.push(() => fleet.close());
  return { fleet, taken: () => facts.some(({ fact }) => fact === 'node-name-taken') };
}

test('what earlier runs of a node said is no other node, however often it is repeated', async () => {
  const store = storeAt('a.db');
  for (let run = 0; run < 3; run++) {
    const before = node(store);
    await new Promise(setImmediate);
    await before.fleet.close();
  }
  const recorded = [...said];
  expect(recorded.length).toBeGreaterThan(0);
  const { taken } = node(store);
  for (const bytes of recorded.flatMap((one) => [one, one, one]))
    for (const listener of listeners) listener.message(bytes);
  expect(taken()).toBe(false);
});

test('another process of the same name is told of', async () => {
  const [one, other] = [node(storeAt('a.db')), node(storeAt('b.db'))];
  await expect.poll(() => one.taken() || other.taken(), { timeout: 3 * SERVER_LIMITS.fleetHereMs + 15_000 }).toBe(true);
});

test('as many runs are remembered, and the store stays small', async () => {
  const store = storeAt('a.db');
  for (let run = 0; run < SERVER_LIMITS.fleetRunsMax + 3; run++) await node(store).fleet.close();
  expect(JSON.parse(store.setting('fleet-runs') ?? '[]')).toHaveLength(SERVER_LIMITS.fleetRunsMax);
});
