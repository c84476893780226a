import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HostRecord } from '../../src/core/index.ts';
import { serversQuerySchema } from '../../src/master/api.ts';
import { createListing, hasFilter, ListItem, matcherOf, pageOf, readCursor } from '../../src/master/listing.ts';
import { compareBy } from '../../src/master/order.ts';
import { sortInSlices } from '../../src/master/sorted.ts';
import { SERVER_LIMITS } from '../../src/master/testing.ts';

const natTypes = ['public', 'cone', 'address-sensitive', 'port-sensitive', 'unknown'] as const;

function record(
  id: string,
  change: Partial<HostRecord> & { name?: string; public?: boolean; playersMax?: number } = {},
): HostRecord {
  const { name = `host ${id}`, public: isPublic = true, playersMax = 8, ...rest } = change;
  return {
    hostId: id,
    hostKey: new Uint8Array(32),
    code: id.padEnd(8, '6').slice(0, 8),
    announcement: {
      name,
      game: 'luanti',
      public: isPublic,
      playersMax,
      map: 'hills',
      mode: 'ctf',
      version: '1',
      passwordNeeded: false,
    },
    players: 0,
    natType: 'cone',
    verdict: 'moderate',
    delta: 0,
    observed: { address: '192.0.2.1', port: 1 },
    rttMs: null,
    since: 0,
    generation: 0,
    ...rest,
  };
}
const item = (host: HostRecord, more: { official?: boolean; firstSeenAt?: number } = {}) =>
  new ListItem({
    host,
    firstSeenAt: 0,
    verifiedAt: null,
    official: false,
    hidden: false,
    returning: false,
    crowded: false,
    address: null,
    elsewhere: false,
    ...more,
  });

const query = (text: string) => serversQuerySchema.parse(Object.fromEntries(new URLSearchParams(text)));

test('the default order is official first, people by ease of NAT, then empty, full last; ties by ping, then newest', async () => {
  const listing = createListing();
  const wanted = [
    'official',
    'open',
    'cone-near',
    'cone-far',
    'strict',
    'empty-open',
    'empty-new',
    'empty-old',
    'full',
  ];
  const made = {
    full: item(record('full', { players: 8 })),
    'empty-old': item(record('empty-old'), { firstSeenAt: 1 }),
    'empty-new': item(record('empty-new'), { firstSeenAt: 2 }),
    'empty-open': item(record('empty-open', { natType: 'public' })),
    strict: item(record('strict', { players: 1, natType: 'port-sensitive', rttMs: 1 })),
    'cone-far': item(record('cone-far', { players: 7, rttMs: 90 })),
    'cone-near': item(record('cone-near', { players: 1, rttMs: 10 })),
    open: item(record('open', { players: 2, natType: 'public' })),
    official: item(record('official'), { official: true }),
  };
  for (const one of Object.values(made)) listing.put(one);
  listing.commit(0);
  expect((await listing.view(0, 'best', false)).map(({ hostId }) => hostId)).toEqual(wanted);
  expect(listing.counts()).toEqual({ official: 1, community: 8 });
});

test('merged changes give the same order as sorting anew, for every column, and pages cover the list exactly', async () => {
  const change = fc.record({
    id: fc.integer({ min: 0, max: 30 }),
    players: fc.integer({ min: 0, max: 8 }),
    rttMs: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
    natType: fc.constantFrom(...natTypes),
    gone: fc.boolean(),
    public: fc.boolean(),
    commit: fc.boolean(),
  });
  const sorts = fc.constantFrom('best', 'ping', 'name', 'players', 'map', 'game', 'network', 'up');
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 80 }),
      sorts,
      fc.boolean(),
      fc.integer({ min: 1, max: 7 }),
      async (changes, sort, descending, limit) => {
        const listing = createListing();
        const model = new Map<string, ReturnType<typeof item>>();
        await listing.view(0, sort, descending);
        for (const one of changes) {
          const id = `h${one.id}`;
          if (one.gone) {
            listing.remove(id);
            model.delete(id);
          } else {
            const made = item(
              record(id, { players: one.players, rttMs: one.rttMs, natType: one.natType, public: one.public }),
            );
            listing.put(made);
            model.set(id, made);
          }
          if (one.commit) listing.commit(0);
        }
        listing.commit(0);
        const compare = compareBy(sort, descending);
        const expected = [...model.values()].filter(({ listed }) => listed).sort(compare);
        const view = await listing.view(0, sort, descending);
        expect(view).toEqual(expected);
        expect(listing.counts().community).toBe(expected.length);
        const paged = [];
        let after: string | null = null;
        do {
          const page = pageOf(view, after === null ? null : readCursor(after), compare, limit);
          paged.push(...page.page);
          after = page.next;
        } while (after !== null);
        expect(paged).toEqual(expected);
      },
    ),
    { numRuns: 200 },
  );
});

test('a cursor goes on behind an entry that has left meanwhile', () => {
  const compare = compareBy('name', false);
  const items = ['a', 'b', 'c', 'd', 'e'].map((name) => item(record(name, { name })));
  const first = pageOf(items, null, compare, 2);
  const rest = items.filter(({ name }) => name !== 'b');
  const second = pageOf(rest, readCursor(first.next ?? ''), compare, 2);
  expect(second.page.map(({ name }) => name)).toEqual(['c', 'd']);
  for (const bad of ['', 'x', 'e30', Buffer.from('[1,2]').toString('base64url')]) expect(readCursor(bad)).toBeNull();
});

test('a commit tells what became visible, changed and went, and unlisted hosts never', () => {
  const listing = createListing();
  listing.put(item(record('a')));
  listing.put(item(record('b', { public: false })));
  const first = listing.commit(0);
  expect(first?.changed.map(({ hostId }) => hostId)).toEqual(['a']);
  expect(first?.gone).toEqual([]);
  expect(listing.commit(0)).toBeNull();
  listing.put(item(record('a', { public: false })));
  listing.put(item(record('c')));
  listing.remove('c');
  const second = listing.commit(0);
  expect(second?.changed).toEqual([]);
  expect(second?.gone).toEqual(['a']);
  expect(listing.byCode(record('a').code)?.hostId).toBe('a');
});

test('filters', () => {
  const full = item(record('x', { name: 'Ana', players: 8, rttMs: 40 }));
  const hit = (text: string): boolean => matcherOf(query(text))(full);
  expect(hit('q=aNA')).toBe(true);
  expect(hit('q=hills')).toBe(true);
  expect(hit('q=bob')).toBe(false);
  expect(hit('game=luanti')).toBe(true);
  expect(hit('game=luant')).toBe(false);
  expect(hit('notFull=true')).toBe(false);
  expect(hit('withPlayers=1')).toBe(true);
  expect(hit('verified=true')).toBe(false);
  expect(hit('pingMax=40')).toBe(true);
  expect(hit('pingMax=40&rtt=1')).toBe(false);
  expect(hit('section=official')).toBe(false);
  expect(hasFilter(query(''))).toBe(false);
  expect(hasFilter(query('verified=false&q='))).toBe(false);
  expect(hasFilter(query('notFull=true'))).toBe(true);
});

test('a search finds the same in texts that many hosts have in common, however many there are of those', () => {
  const many = SERVER_LIMITS.searchedTextsMax + 10;
  const change = (n: number): Partial<HostRecord> => {
    const { announcement } = record('x');
    return { announcement: { ...announcement, name: `Host ${n % 3}`, map: `Map ${n % (many - 2)}` } };
  };
  const items = Array.from({ length: many }, (_, n) => item(record(`${n}`, change(n))));
  for (const wanted of ['map 1', `MAP ${many - 3}`, 'host 2', 'luanti', 'nowhere']) {
    const texts = ({ name, map, game }: ListItem): string => `${name}\n${map}\n${game}`.toLowerCase();
    const expected = items.filter((one) => texts(one).includes(wanted.toLowerCase()));
    expect(items.filter(matcherOf(query(`q=${wanted}`)))).toEqual(expected);
  }
});

test('a sliced sort equals a sort', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer(), { minLength: 0, maxLength: 20_000 }), async (numbers) => {
      expect(await sortInSlices(numbers, (left, right) => left - right)).toEqual(
        [...numbers].sort((left, right) => left - right),
      );
    }),
    { numRuns: 20 },
  );
});
