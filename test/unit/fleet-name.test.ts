/** A name that two nodes of a fleet have: said where it is so, and not where somebody at the engine repeats what a node said before. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  BackplaneSeal,
  type FleetFact,
  openStore,
  SERVER_LIMITS,
  type Store,
  startFleet,
} from '../../src/master/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';

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

const SECRET = new Uint8Array(32).fill(1);
const IDENTITY = new Uint8Array(32).fill(2);

const stopping = (stop: (timer: NodeJS.Timeout) => void, timer: NodeJS.Timeout) => (): void => stop(timer);

function node(store: Store) {
  const facts: FleetFact[] = [];
  const instance = randomBytes(8).toString('hex');
  let drains = 0;
  const fleet = startFleet({
    ...{ secret: SECRET, identity: IDENTITY, store, version: '1', instance },
    place: { name: 'a', region: '', addresses: ['198.51.100.1'], port: 8430, furtherPort: 0 },
    moderation: { bans: () => [], ban: () => expect.unreachable(), unban: () => null },
    webhooks: { told: () => [], note: () => {} },
    ...{ onRules: () => {}, command: () => {}, entry: () => null, hostIds: () => [], onElsewhere: () => {} },
    ...{ generation: () => null, random: Math.random },
    timers: {
      every: (ms, work) => stopping(clearInterval, setInterval(work, ms)),
      after: (ms, work) => stopping(clearTimeout, setTimeout(work, ms)),
    },
    ...{ onWhole: () => {}, figures: () => ({ hosts: 0, sessions: 0 }), onDrain: () => void drains++ },
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
  const drained = (): boolean => drains > 0;
  return { fleet, instance, drained, taken: () => facts.some(({ fact }) => fact === 'node-name-taken') };
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

test('a word that ends a node is for it as it runs now: not for its next start, and not for another', async () => {
  const store = storeAt('a.db');
  const seal = new BackplaneSeal(nodeCrypto, SECRET, IDENTITY);
  const before = node(store);
  const word = seal.seal({ say: 'drain', instance: before.instance });
  const other = node(storeAt('b.db'));
  for (const listener of [...listeners]) listener.message(word);
  expect([before.drained(), other.drained()]).toEqual([true, false]);
  await before.fleet.close();
  const after = node(store);
  for (const listener of listeners) listener.message(word);
  expect([after.drained(), other.drained()]).toEqual([false, false]);
});

test('what is sealed opens for this fleet alone: not with another key or secret, nor changed, nor cut', () => {
  const seal = new BackplaneSeal(nodeCrypto, SECRET, IDENTITY);
  const bytes = seal.seal({ say: 'who' });
  const opens = (secret: Uint8Array, identity: Uint8Array, told = bytes): unknown =>
    new BackplaneSeal(nodeCrypto, secret, identity).open(told);
  expect(opens(SECRET, IDENTITY)).toEqual({ say: 'who' });
  expect([opens(IDENTITY, IDENTITY), opens(SECRET, SECRET)]).toEqual([null, null]);
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(opens(SECRET, IDENTITY, changed)).toBeNull();
    expect(opens(SECRET, IDENTITY, bytes.subarray(0, at))).toBeNull();
  }
});
