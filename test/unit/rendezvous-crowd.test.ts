/** Many people behind one address, and one among them who wants all the places (docs/reference/security.md §3.4: fair behind a carrier's NAT). */
import { expect, test } from 'vitest';
import { MASTER_LIMITS } from '../../src/core/index.ts';
import type { MasterSession } from '../../src/core/master/session.ts';
import { Sessions } from '../../src/core/master/sessions.ts';
import { testCrypto } from './rendezvous-net.ts';

const CARRIER = '203.0.113.5';
const PLACES = MASTER_LIMITS.sessionCaps.narrow;
const NOW = 1_000_000;

/** Sessions as the door and the control ports make them; `ended` are those that made room. */
function table(spared: (session: MasterSession) => boolean = () => false) {
  const crypto = testCrypto('crowd');
  const ended: MasterSession[] = [];
  const sessions = new Sessions(crypto, MASTER_LIMITS.sessionExpiryMs, (session) => ended.push(session), spared);
  const pending = (address: string): MasterSession => {
    const [cid, from] = [sessions.freshCid(), { address, port: 1024 + sessions.size }];
    const keys = { send: crypto.randomBytes(32), receive: crypto.randomBytes(32) };
    const hello = { ephemeral: crypto.randomBytes(32), accept: new Uint8Array(1), time: 1 };
    sessions.addPending(NOW, { cid, key: crypto.randomBytes(32), keys, socket: 1, from }, hello);
    const number = cid.slice(2).reduce((sum, byte) => sum * 256 + byte, 0);
    return sessions.find(number) ?? expect.unreachable();
  };
  const enter = (count: number, address = CARRIER): MasterSession[] =>
    Array.from({ length: count }, () => {
      const session = pending(address);
      sessions.confirm(NOW, session, session.from);
      return session;
    });
  return { sessions, ended, pending, enter };
}

const left = (some: readonly MasterSession[]): number => some.filter((session) => !session.over).length;

test('a newcomer at a full address gets in; who wants all places loses most of them, however busy they are', () => {
  const { sessions, ended, enter } = table();
  const people = enter(32);
  const greedy = enter(PLACES - people.length);
  expect(ended).toEqual([]);
  const more = enter(200);
  expect(more.at(-1)?.over).toBe(false);
  expect(sessions.size).toBe(PLACES);
  expect(ended).toHaveLength(200);
  // 200 draws of one in 512: each is still there with 68 %.
  expect(left(people)).toBeGreaterThan(15);
  const newcomer = enter(1);
  expect(left(newcomer)).toBe(1);
  expect(left(greedy) + left(more) + left(people) + 1).toBe(PLACES);
});

test('hosts and other addresses do not make room, and a handshake that proves nothing moves nobody', () => {
  const hosts = new Set<MasterSession>();
  const { sessions, ended, enter, pending } = table((session) => hosts.has(session));
  for (const session of enter(32)) hosts.add(session);
  const elsewhere = enter(10, '198.18.0.9');
  enter(PLACES - 32);
  for (let i = 0; i < 100; i++) pending(CARRIER);
  expect(ended).toEqual([]);
  enter(300);
  expect(left([...hosts])).toBe(32);
  expect(left(elsewhere)).toBe(10);
  expect(sessions.size).toBe(PLACES + 10);
});

test('places that became free are used before anybody makes room', () => {
  const { sessions, ended, enter } = table();
  const first = enter(PLACES + 5);
  for (const session of first.filter((one) => !one.over).slice(0, 300)) sessions.close(session);
  ended.length = 0;
  enter(300);
  expect(ended).toEqual([]);
  enter(1);
  expect(ended).toHaveLength(1);
  expect(sessions.size).toBe(PLACES);
});
