/** What the nodes of a fleet make of each other's words, in whatever order they come: the list of nodes, and the bans. */
import { expect, test } from 'vitest';
import { type BanFact, type BanRow, FleetBans, type Member, Members, SERVER_LIMITS } from '../../src/master/testing.ts';

const place = (name: string, port = 8430) => ({ name, region: '', addresses: ['198.51.100.7'], port, furtherPort: 0 });
const row = (pattern: string, change: Partial<BanRow> = {}): BanRow => ({
  ...{ id: 1, kind: 'name', pattern, label: '', scope: 'ban', reason: '', createdAt: 5, expiresAt: null },
  ...change,
});

test('a fleet has so many members, whatever somebody says who has its secret', () => {
  const place = (n: number): Member => ({
    ...{ name: `node${n}`, region: '', addresses: ['198.51.100.1'], port: 8430, furtherPort: 0 },
    ...{ version: 1, out: false },
  });
  const members = new Members([]);
  const all = Array.from({ length: SERVER_LIMITS.membersMax + 5 }, (_, n) => place(n));
  expect(members.merge(all)).toBe(true);
  expect(members.all()).toEqual(all.slice(0, SERVER_LIMITS.membersMax));
  // Of those there are news are news still.
  expect(members.merge([{ ...place(0), version: 2 }])).toBe(true);
});

test('nodes that have heard the same say the same list, whatever the order; a change has a larger serial', () => {
  const [a, b] = [new Members([]), new Members([])];
  a.enter(place('a'));
  b.enter(place('b'));
  const [first, second] = [a.all(), b.all()];
  a.merge(second);
  b.merge(first);
  b.merge(first);
  expect(a.list('a').nodes).toEqual(b.list('a').nodes);
  const { serial } = a.list('a');
  expect(b.list('b').serial).toBe(serial);
  a.enter(place('a', 9000));
  a.enter(place('a', 9000));
  expect(a.list('a').serial).toBe(serial + 1);
  expect(b.merge(a.all())).toBe(true);
  expect(b.merge(first)).toBe(false);
  expect(b.list('b').nodes[0]?.port).toBe(9000);
});

test('a node that was taken out stays out for those who were away, and is in again where it starts anew', () => {
  const [a, b] = [new Members([]), new Members([])];
  a.enter(place('a'));
  b.merge(a.all());
  b.remove('a');
  expect(b.remove('a')).toBeNull();
  const before = a.all();
  a.merge(b.all());
  expect(a.list('a').nodes).toEqual([]);
  expect(b.merge(before)).toBe(false);
  a.enter(place('a'));
  expect(a.list('a').nodes).toHaveLength(1);
  expect(b.merge(a.all())).toBe(true);
});

test('two processes of one name make one row, the same for all', () => {
  const rows: Member[] = [1, 2].map((port) => ({ ...place('a', port), version: 1, out: false }));
  const told = [rows, [...rows].reverse()].map((order) => new Members(order).list('').nodes);
  expect(told[0]).toEqual(told[1]);
});

test('a ban reaches who was away, and one that was lifted is not brought back by it', () => {
  const [a, b] = [new FleetBans([]), new FleetBans([])];
  const made = a.changed([row('x')], 0);
  expect(b.merge(made, 0).put.map(({ pattern }) => pattern)).toEqual(['x']);
  expect(b.merge(made, 0)).toEqual({ put: [], lift: [] });
  expect(a.digest()).toBe(b.digest());
  const lifted = a.changed([], 0);
  expect(a.digest()).not.toBe(b.digest());
  // The one that was away says what it knows before it hears.
  expect(a.merge(b.all(), 0)).toEqual({ put: [], lift: [] });
  expect(b.merge(lifted, 0).lift.map(({ pattern }) => pattern)).toEqual(['x']);
  expect(a.digest()).toBe(b.digest());
});

test('lifted at one node and made anew at another at one moment: the ban holds at both', () => {
  const [a, b] = [new FleetBans([]), new FleetBans([])];
  b.merge(a.changed([row('x')], 0), 0);
  const lifted = a.changed([], 0);
  const anew = b.changed([row('x', { reason: 'again' })], 0);
  expect(a.merge(anew, 0).put).toHaveLength(1);
  expect(b.merge(lifted, 0)).toEqual({ put: [], lift: [] });
  expect(a.digest()).toBe(b.digest());
});

test('one that has expired by one clock is not lifted for the others', () => {
  const bans = new FleetBans([]);
  const made = bans.changed([row('x', { expiresAt: 1_000 })], 0);
  expect(bans.changed([], 1_000)).toEqual([]);
  const late = new FleetBans([]);
  expect(late.merge(made, 400).put).toHaveLength(1);
  expect(new FleetBans([]).merge(made, 2_000)).toEqual({ put: [], lift: [] });
});

test('what holds is never pushed out by what was lifted, however much is told', () => {
  const fact = (n: number, lifted: boolean): BanFact => ({ ...row(`p${n}`), version: 1, lifted });
  const many = Array.from({ length: 12_000 }, (_, n) => fact(n, n % 2 === 0));
  const bans = new FleetBans([]);
  bans.merge(many, 0);
  expect(bans.all().length).toBeLessThanOrEqual(11_024);
  const kept = new Set(bans.all().map(({ pattern }) => pattern));
  expect(many.filter(({ lifted, pattern }) => !lifted && !kept.has(pattern))).toEqual([]);
});
