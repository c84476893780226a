/** One code two keys, one key twice, one name two keys: what the nodes of a fleet make of it once they hear each other. */
import { expect, test } from 'vitest';
import type { MasterEvent } from '../../src/core/index.ts';
import { FleetNames, openStore, SERVER_LIMITS, type Store } from '../../src/master/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { weakCodeOf } from '../../src/sim/index.ts';
import { masterEvents, type Participant, REGISTER, testCrypto, type World, world } from './rendezvous-net.ts';

const RIVAL = testCrypto('rival').keyPair().publicKey;

/** A host here; `codeOf` says whose its code is in truth. */
function hosted(codeOf: (key: Uint8Array, code: string) => string | null): {
  w: World;
  host: Participant;
  code: string;
} {
  let code = '';
  const w = world({}, (key) => codeOf(key, code));
  const host = w.participant('host', '203.0.113.5').start();
  code = weakCodeOf(nodeCrypto, host.key.publicKey);
  expect(host.get(REGISTER)).toMatchObject({ type: 'registered', code });
  return { w, host, code };
}

const last = (w: World): MasterEvent | undefined => masterEvents(w.master).at(-1);
const isRival = (key: Uint8Array): boolean => Buffer.compare(key, RIVAL) === 0;

function contest(w: World, code: string, older: boolean): void {
  w.net.command(w.master, { do: 'contest', code, rival: RIVAL, older });
  w.net.run(100);
}

test('a code that another node has under another key is derived: who lied about it goes, whoever was first', () => {
  for (const older of [true, false]) {
    const lied = hosted(() => 'WWWWWWWWWW');
    contest(lied.w, lied.code, older);
    expect(last(lied.w)).toMatchObject({ ev: 'host-gone', reason: 'evicted' });
    const honest = hosted((key, code) => (isRival(key) ? 'WWWWWWWWWW' : code));
    contest(honest.w, honest.code, older);
    expect(masterEvents(honest.w.master).some(({ ev }) => ev === 'host-gone')).toBe(false);
    expect(honest.host.get(REGISTER)).toMatchObject({ type: 'registered', code: honest.code });
  }
});

test('where both keys have the code in truth the one that was seen first keeps it, for good', () => {
  const younger = hosted((_key, code) => code);
  contest(younger.w, younger.code, true);
  expect(last(younger.w)).toMatchObject({ ev: 'host-gone', reason: 'evicted' });
  expect(younger.host.get(REGISTER)).toMatchObject({ failure: 'CODE_TAKEN' });
  const older = hosted((_key, code) => code);
  contest(older.w, older.code, false);
  expect(older.host.get(REGISTER)).toMatchObject({ type: 'registered' });
});

test('one key hosts twice: the newer generation is the host, and the other is told so', () => {
  const w = world();
  const key = testCrypto('both').keyPair();
  const [before, after] = ['203.0.113.5', '203.0.113.6'].map((address, n) =>
    w.participant(`computer ${n}`, address, { key }).start(),
  ) as [Participant, Participant];
  const as = (generation: number) => ({ ...REGISTER, generation }) as typeof REGISTER;
  before.get(as(7));
  const replaced = (generation: number): void => {
    w.net.command(w.master, { do: 'replaced', hostKey: key.publicKey, generation });
    w.net.run(100);
  };
  replaced(7);
  expect(before.pushes).toEqual([]);
  replaced(8);
  expect(before.pushes).toMatchObject([{ type: 'replaced' }]);
  expect(last(w)).toMatchObject({ ev: 'host-gone', reason: 'replaced' });
  // Alone whoever comes later hosts, but one that it has displaced; in a fleet no node lets an older one take its place.
  after.get(as(8));
  expect(before.get(as(7))).toMatchObject({ type: 'registered' });
  expect(after.get(as(8))).toMatchObject({ failure: 'HOST_REPLACED' });
  expect(after.get(as(9))).toMatchObject({ type: 'registered' });
  w.net.command(w.master, { do: 'nodes', list: { self: 'a', serial: 1, expiresInMs: 1_000, nodes: [] } });
  expect(before.get(as(7))).toMatchObject({ failure: 'HOST_REPLACED' });
  expect(after.get({ type: 'heartbeat', announcement: null, players: 3, profile: null })).toMatchObject({ type: 'ok' });
});

const DAY = 24 * 3_600_000;
const NOW = 100 * DAY;
const name = (skeleton: string, who: number, since: number, seenAt = since) => ({
  ...{ skeleton, hostKey: who.toString(16).padStart(64, '0'), since, seenAt, network: '203.0.113' },
});

function node(): { store: Store; names: FleetNames; holder(skeleton: string): string | undefined } {
  const store = openStore({ file: ':memory:', onProblem: (problem) => expect.unreachable(problem) });
  return {
    ...{ store, names: new FleetNames(store) },
    holder: (skeleton) => store.nameHolder(skeleton)?.hostKey.slice(-1),
  };
}

test('a name taken twice while nodes could not hear each other is the first one’s at both, in either order', () => {
  const [a, b] = [node(), node()];
  a.store.holdName(name('arena', 1, NOW - DAY));
  b.store.holdName(name('arena', 2, NOW - 2 * DAY));
  a.store.holdName(name('harbour', 3, NOW - DAY));
  // Seen last a week before the other took it: it was free.
  a.store.holdName(name('castle', 4, NOW - 9 * DAY, NOW - 9 * DAY));
  b.store.holdName(name('castle', 5, NOW - DAY));
  expect(a.names.digest()).not.toBe(b.names.digest());
  const [toA, toB] = [b.names.news(), a.names.news()];
  a.names.merge(toA, NOW);
  b.names.merge(toB, NOW);
  for (const one of [a, b]) expect(['arena', 'harbour', 'castle'].map(one.holder)).toEqual(['2', '3', '5']);
  expect(a.names.digest()).toBe(b.names.digest());
  // What came from another is no news of our own, and what nobody has seen for the term is not taken.
  expect(b.names.news()).toEqual([]);
  a.names.merge([name('old', 6, NOW - 8 * DAY)], NOW);
  expect(a.holder('old')).toBeUndefined();
});

test('whoever was away is told the rows of the parts that differ, so many at once, until both hold the same', () => {
  const [a, b] = [node(), node()];
  for (let n = 0; n < SERVER_LIMITS.fleetNamesAnswerMax + 500; n += 1) a.store.holdName(name(`n${n}`, n + 1, NOW));
  expect(a.names.news()).toHaveLength(SERVER_LIMITS.fleetNamesAnswerMax);
  let rounds = 0;
  for (; a.names.digest() !== b.names.digest() && rounds < 50; rounds += 1) {
    const rows = a.names.missing(b.names.told(), () => 0.5);
    expect(rows.length).toBeLessThanOrEqual(SERVER_LIMITS.fleetNamesAnswerMax);
    b.names.merge(rows, NOW);
  }
  expect(rounds).toBe(2);
  a.store.holdName(name('n5', 77_777, NOW + 1));
  const rows = a.names.missing(b.names.told(), () => 0);
  expect(rows.length).toBeLessThan((20 * SERVER_LIMITS.fleetNamesAnswerMax) / SERVER_LIMITS.fleetNameBuckets);
  expect(a.names.missing('nonsense', () => 0)).toEqual([]);
});
