import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { HostAnnouncement } from '../../src/core/index.ts';
import { Registry } from '../../src/core/master/registry.ts';
import { MasterSession, sessionSlab } from '../../src/core/master/session.ts';
import { createDirectory } from '../../src/master/directory.ts';
import { createModeration } from '../../src/master/moderation.ts';
import { createPseudonyms, openStore } from '../../src/master/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { weakCodeOf } from '../../src/sim/index.ts';

const FAKES = 100_000;
const REAL = 60;

function announcement(name: string): HostAnnouncement {
  return {
    name,
    game: 'luanti',
    public: true,
    playersMax: 16,
    map: 'hills',
    mode: 'ctf',
    version: '5',
    passwordNeeded: false,
  };
}

const slab = sessionSlab();

/** What the master's door leaves behind: a confirmed session of a key at an address. The registry asks no more of it. */
function sessionOf(name: string, address: string): MasterSession {
  const key = new Uint8Array(createHash('sha256').update(name).digest());
  const from = { address, port: 40_000 };
  const keys = { send: key, receive: key, hash: key };
  return new MasterSession(0, nodeCrypto, slab, { cid: key.subarray(0, 8), key, keys, socket: 1, from });
}

test('10^5 fake hosts from 50 addresses: at most 1600 are listed, and the real ones stay on page one', async () => {
  const registry = new Registry(nodeCrypto, new Uint8Array(16).fill(3), () => false);
  const store = openStore({ file: ':memory:', onProblem: (problem) => expect.unreachable(problem) });
  const wallClock = (): number => 1_800_000_000_000;
  const moderation = createModeration(store, wallClock);
  const directory = createDirectory({
    store,
    moderation,
    pseudonyms: createPseudonyms(wallClock),
    wallClock,
    onCommit: () => {},
  });

  function register(name: string, address: string, players: number): boolean {
    const session = sessionOf(name, address);
    const cleaned = moderation.announce(session.key, session.from, announcement(name));
    if (typeof cleaned === 'string') return false;
    const done = registry.register(0, session, session.from, weakCodeOf(nodeCrypto, session.key), {
      announcement: cleaned,
      players,
      profile: null,
      generation: 0,
    });
    if (!('entry' in done)) return false;
    if (done.crowdedOut !== null) directory.gone(done.crowdedOut.record);
    directory.host(done.entry.record);
    return true;
  }

  for (let n = 0; n < REAL; n += 1) register(`Real ${n}`, `203.0.113.${n}`.replace('203.0.113', `203.0.${n}`), n % 5);
  // Every fake claims to be nearly full of people.
  for (let n = 0; n < FAKES; n += 1) register(`Fun server ${n}`, `198.51.${n % 50}.7`, 15);
  directory.commit();
  expect(registry.size).toBeLessThanOrEqual(1600 + REAL);
  expect(directory.listing.counts().community).toBeLessThanOrEqual(1600 + REAL);
  const page = (await directory.listing.view(0, 'best', false)).slice(0, 100);
  expect(page.filter(({ name }) => name.startsWith('Real')).length).toBe(REAL);
  // And among the first that a session with the master is told: fewer than the fakes that are listed.
  let room = 100;
  const viewer = { address: '192.0.2.1', rttMs: null };
  const told = directory.page({ after: 0, game: '', viewer, fits: () => room-- > 0 }).entries;
  expect(told.filter(({ name }) => name.startsWith('Real')).length).toBe(REAL);
  store.close();
}, 120_000);

test('a household with two servers is no crowd, a third makes all wait behind the others until proven or gone', async () => {
  const store = openStore({ file: ':memory:', onProblem: (problem) => expect.unreachable(problem) });
  const wallClock = (): number => 1_800_000_000_000;
  const moderation = createModeration(store, wallClock);
  const directory = createDirectory({
    store,
    moderation,
    pseudonyms: createPseudonyms(wallClock),
    wallClock,
    onCommit: () => {},
  });
  const registry = new Registry(nodeCrypto, new Uint8Array(16).fill(3), () => false);
  const add = (name: string, address: string, players: number) => {
    const session = sessionOf(name, address);
    const done = registry.register(0, session, session.from, weakCodeOf(nodeCrypto, session.key), {
      announcement: announcement(name),
      players,
      profile: null,
      generation: 0,
    });
    if (!('entry' in done)) return expect.unreachable(done.failure);
    directory.host(done.entry.record);
    return done.entry.record;
  };
  const names = async (): Promise<string[]> => {
    directory.commit();
    return (await directory.listing.view(0, 'best', false)).map(({ name }) => name);
  };
  add('Lone', '203.0.113.1', 0);
  add('A', '198.51.100.1', 5);
  const second = add('B', '198.51.100.1', 5);
  expect((await names()).at(-1)).toBe('Lone');
  const third = add('C', '198.51.100.1', 5);
  expect((await names())[0]).toBe('Lone');
  directory.verified(second.hostId, 5);
  expect((await names()).slice(0, 2)).toEqual(['B', 'Lone']);
  directory.gone(third);
  expect((await names()).at(-1)).toBe('Lone');
  store.close();
});
