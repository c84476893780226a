/** What the nodes of a fleet know of each other's hosts, with words lost, repeated and late: in the end the same as what is there. */
import { expect, test } from 'vitest';
import { orderOf } from '../../src/core/index.ts';
import { HostsHeard, HostsTold, type HostsWord, SERVER_LIMITS, wordSchema } from '../../src/master/testing.ts';
import { simRandom } from '../../src/sim/index.ts';

const CODES = 400;

function entryOf(n: number, players: number) {
  return {
    ...{ v: 2 as const, key: n.toString(16).padStart(64, '0'), code: `CODE${n % CODES}`, name: `Host ${n}`, game: 'g' },
    ...{ public: true, playersMax: 64, map: '', mode: '', version: '', passwordNeeded: false, players },
    ...{
      natType: 'cone' as const,
      verdict: 'open' as const,
      delta: 0,
      rttMs: null,
      address: '203.0.113.7',
      port: 5,
      generation: 1,
    },
    ...{ firstSeenAt: 1_000, verifiedAt: null },
  };
}

/** A node with its hosts, and what comes from it. */
class Node {
  readonly hosts = new Map<string, ReturnType<typeof entryOf>>();
  readonly told: HostsTold;
  readonly name: string;
  readonly instance: string;
  words: HostsWord[] = [];

  constructor(name: string, instance = `${name}1`) {
    this.name = name;
    this.instance = instance;
    this.told = new HostsTold({
      ...{ name, instance },
      entry: (hostId) => this.hosts.get(hostId) ?? null,
      say: (word) => this.words.push(wordSchema.parse(JSON.parse(JSON.stringify(word))) as HostsWord),
    });
  }

  put(hostId: string, entry: ReturnType<typeof entryOf>): void {
    this.hosts.set(hostId, entry);
    this.told.look(hostId);
  }

  remove(hostId: string): void {
    this.hosts.delete(hostId);
    this.told.look(hostId);
  }

  settleOnce(heard: HostsHeard, keeps: (word: HostsWord) => boolean = () => true): void {
    const after = heard.here(this.name, this.instance, this.told.seq);
    if (after !== null) this.told.ask(after);
    this.told.work();
    while (this.words.length > 0) for (const word of this.words.splice(0)) if (keeps(word)) heard.hear(word);
  }

  /** What it says of how much there is, and the answers to whoever has missed some. */
  settle(heard: HostsHeard, keeps: (word: HostsWord) => boolean = () => true): number {
    let rounds = 0;
    for (; rounds < 3_000; rounds += 1) {
      this.settleOnce(heard, keeps);
      if (heard.whole && heard.here(this.name, this.instance, this.told.seq) === null) return rounds;
    }
    return rounds;
  }
}

function heardWith(changed: (hostId: string) => void = () => {}, hostsMax: number = SERVER_LIMITS.fleetHostsMax) {
  let now = 0;
  const heard = new HostsHeard({ now: () => now, hostsMax, changed });
  function pass(ms: number): void {
    now += ms;
  }
  return { heard, pass };
}

const known = (heard: HostsHeard, ids: Iterable<string>): string[] =>
  [...ids].filter((id) => heard.of(id) !== null).sort();

test.each([1, 2, 3])('words that are lost at random leave no difference in the end (seed %i)', (seed) => {
  const random = simRandom(`fleet-hosts ${seed}`);
  const node = new Node('a');
  const { heard } = heardWith();
  const ever = new Set<string>();
  for (let second = 0; second < 40; second += 1) {
    for (let n = 0; n < 150; n += 1) {
      const id = `h${random.int(0, 5_999)}`;
      ever.add(id);
      if (random.float() < 0.3) node.remove(id);
      else node.put(id, entryOf(ever.size, random.int(0, 60)));
    }
    node.told.flush();
    if (random.float() < 0.3) heard.here('a', 'a1', node.told.seq);
    for (const word of node.words.splice(0)) {
      if (random.float() < 0.2) continue;
      heard.hear(word);
      if (random.float() < 0.2) heard.hear(word);
    }
  }
  node.settle(heard, () => random.float() > 0.05);
  node.settle(heard);
  expect(heard.whole).toBe(true);
  expect(known(heard, ever)).toEqual([...node.hosts.keys()].sort());
  for (const [id, entry] of node.hosts) expect(heard.of(id)?.host.players).toBe(entry.players);
});

test('who has missed little is told that, who has missed much is told all, and changes in between are not lost', () => {
  const node = new Node('a');
  for (let n = 0; n < 20_000; n += 1) node.put(`h${n}`, entryOf(n, 0));
  node.told.flush();
  node.words = [];
  const { heard } = heardWith();
  const late = (): void => {
    for (let n = 0; n < 300; n += 1) node.remove(`h${n}`);
    node.put('new', entryOf(20_000, 7));
    node.told.flush();
  };
  let words = 0;
  node.settle(heard, () => {
    words += 1;
    if (words === 50) late();
    return true;
  });
  expect(heard.size).toBe(20_000 - 300 + 1);
  expect(words).toBeGreaterThan(20_000 / (2 * SERVER_LIMITS.fleetHostsAtOnce));
  // Little: the journal has it.
  node.remove('new');
  node.told.flush();
  node.words = [];
  words = 0;
  node.settle(heard, () => {
    words += 1;
    return true;
  });
  expect(words).toBe(1);
  expect(heard.of('new')).toBeNull();
});

test('of two nodes that tell of a host the earlier of its code counts while it is there, then the other', () => {
  const entry = entryOf(3, 1);
  const [first, second] = orderOf(entry.code, ['a', 'b']) as [string, string];
  const { heard, pass } = heardWith();
  for (const [players, name] of [second, first].entries()) {
    const node = new Node(name);
    node.put('h', { ...entry, players });
    node.told.flush();
    node.settle(heard);
  }
  expect(heard.of('h')?.host.players).toBe(1);
  expect(heard.isToldBefore(second, 'h')).toBe(true);
  pass(SERVER_LIMITS.fleetSeenMs + 1);
  heard.here(second, `${second}1`, 1);
  heard.sweep();
  expect(heard.of('h')?.by.name).toBe(second);
  pass(SERVER_LIMITS.hostExpiryMs);
  heard.here(second, `${second}1`, 1);
  heard.sweep();
  expect(heard.of('h')?.next).toBeNull();
});

test('what a node tells under a newer generation counts, whatever the order of the code', () => {
  const entry = entryOf(3, 1);
  const [first, second] = orderOf(entry.code, ['a', 'b']) as [string, string];
  const { heard } = heardWith();
  for (const [name, generation] of [
    [first, 1],
    [second, 2],
  ] as const) {
    const node = new Node(name);
    node.put('h', { ...entry, players: generation, generation });
    node.told.flush();
    node.settle(heard);
  }
  expect(heard.of('h')?.host.players).toBe(2);
  expect(heard.isToldBefore(first, 'h', 1)).toBe(true);
  expect(heard.isToldBefore(first, 'h', 3)).toBe(false);
  expect(heard.isToldBefore(first, 'h')).toBe(true);
});

test('a node that starts anew is told of by nobody for what its last run had; words of that run are not heard again', () => {
  const changed: string[] = [];
  const { heard, pass } = heardWith((id) => changed.push(id));
  const before = new Node('a', 'a1');
  before.put('h', entryOf(1, 1));
  before.told.flush();
  const [old] = before.words;
  before.settle(heard);
  changed.length = 0;
  new Node('a', 'a2').settle(heard);
  expect(changed).toEqual(['h']);
  expect(heard.isToldBefore('b', 'h')).toBe(false);
  // A repetition by whoever listens at the engine.
  expect(heard.here('a', 'a1', 1)).toBeNull();
  heard.hear({ ...(old as HostsWord), seq: 9 });
  expect(heard.of('h')?.by.here).toBe(false);
  pass(SERVER_LIMITS.hostExpiryMs + 1);
  heard.here('a', 'a2', 0);
  heard.sweep();
  expect(heard.size).toBe(0);
});

test('an entry that can not be read costs itself and no other', () => {
  const { heard } = heardWith();
  heard.here('a', 'a1', 1);
  const changed = [['odd', { v: 2 }] as [string, unknown], ['h', entryOf(1, 1)] as [string, unknown]];
  heard.hear({ say: 'hosts', name: 'a', instance: 'a1', base: 0, seq: 1, range: null, changed, gone: [] });
  expect(known(heard, ['odd', 'h'])).toEqual(['h']);
});

test('a list that had no room for all is whole again once there is room, and lacks nobody', () => {
  const [full, late] = [new Node('a'), new Node('b')];
  const { heard } = heardWith(() => {}, 1_000);
  for (let n = 0; n < 900; n += 1) full.put(`a${n}`, entryOf(n, 1));
  for (let n = 0; n < 200; n += 1) late.put(`b${n}`, entryOf(n, 1));
  for (const node of [full, late]) node.told.flush();
  full.settle(heard);
  for (let n = 0; n < 30; n += 1) late.settleOnce(heard);
  expect([heard.size, heard.whole]).toEqual([1_000, false]);
  // A few that go are no reason to have everything told.
  for (let n = 0; n < 20; n += 1) full.remove(`a${n}`);
  full.told.flush();
  full.settleOnce(heard);
  late.settleOnce(heard);
  expect([heard.size, heard.whole]).toEqual([980, false]);
  for (let n = 20; n < 200; n += 1) full.remove(`a${n}`);
  full.told.flush();
  full.settleOnce(heard);
  late.settle(heard);
  expect([heard.size, heard.whole]).toEqual([900, true]);
  expect(known(heard, late.hosts.keys())).toHaveLength(200);
});
