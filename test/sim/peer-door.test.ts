import { expect, test } from 'vitest';
import { PEER_LIMITS, WIRE_LIMITS } from '../../src/core/index.ts';
import { NATS } from '../../src/sim/index.ts';
import { hostAndClient, hostCommand, joinCommand, type Participant, type Peers, peers } from './peers.ts';

const EASY = [NATS.linux, NATS.linux] as const;

function failure(setup: Peers, client: Participant, limitMs = 2_000) {
  setup.until(() => client.last('join-failed') !== undefined, limitMs, 'the join fails');
  return client.last('join-failed')?.failure;
}

function connected(setup: Peers, client: Participant, limitMs = 2_000) {
  const before = client.all('path').length;
  setup.until(() => client.all('path').length > before, limitMs, 'the client has a path');
}

test('a code that nobody has fails with CODE_UNKNOWN within 2 s', () => {
  const setup = peers({ seed: 'code' });
  const { client } = hostAndClient(setup, EASY);
  client.command(joinCommand({ code: '6666666666' }));
  expect(failure(setup, client)).toBe('CODE_UNKNOWN');
});

test('a host that has said goodbye fails with HOST_OFFLINE within 2 s', () => {
  const setup = peers({ seed: 'offline' });
  const { host, client } = hostAndClient(setup, EASY);
  host.command({ do: 'unhost' });
  setup.world.run(500);
  client.command(joinCommand({ hostKey: host.publicKey }));
  expect(failure(setup, client)).toBe('HOST_OFFLINE');
});

test('S25: a code that leads to another key than the pinned one fails with HOST_KEY_CHANGED', () => {
  const setup = peers({ seed: 'pin' });
  const { client, code } = hostAndClient(setup, EASY);
  client.command(joinCommand({ code, hostKey: client.publicKey }));
  expect(failure(setup, client)).toBe('HOST_KEY_CHANGED');
});

test('a missing and a wrong password fail with PASSWORD, the right one lets in', () => {
  const setup = peers({ seed: 'password' });
  const { host, client, code } = hostAndClient(setup, EASY);
  host.command(hostCommand({ passwordNeeded: true }, 'swordfish'));
  setup.world.run(500);
  client.command(joinCommand({ code }));
  expect(failure(setup, client)).toBe('PASSWORD');
  client.command(joinCommand({ join: 2, code, password: 'marlin' }));
  setup.until(() => client.all('join-failed').length === 2, 2_000, 'the second join fails');
  expect(client.last('join-failed')?.failure).toBe('PASSWORD');
  client.command(joinCommand({ join: 3, code, password: 'swordfish' }));
  connected(setup, client);
});

test('the host does not send one datagram to a client that it refuses', () => {
  const setup = peers({ seed: 'row 17', trace: true });
  const { host, client, code } = hostAndClient(setup, EASY);
  host.command(hostCommand({ passwordNeeded: true }, 'swordfish'));
  setup.world.run(500);
  client.command(joinCommand({ code }));
  failure(setup, client);
  setup.world.run(2_000);
  const sent = setup.world.trace.filter(({ what, where }) => what === 'sent' && where === 'host');
  expect(sent.length).toBeGreaterThan(0);
  const [clientAddress] = client.last('ready')!.profile.external;
  expect(sent.filter(({ packet }) => packet.to.address === clientAddress)).toEqual([]);
});

test('one place: the second friend fails with FULL, and gets in when the first has left', () => {
  const setup = peers({ seed: 'full' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const second = setup.participant('second', NATS.linux);
  setup.until(() => second.last('ready') !== undefined, 3_000, 'ready');
  host.command(hostCommand({ playersMax: 1 }));
  setup.world.run(500);
  client.command(joinCommand({ code }));
  connected(setup, client);
  second.command(joinCommand({ code }));
  expect(failure(setup, second)).toBe('FULL');
  client.command({ do: 'leave', path: 1 });
  setup.world.run(500);
  expect(host.last('path-lost')?.reason).toBe('left');
  second.command(joinCommand({ join: 2, code }));
  connected(setup, second);
});

test('a host without a socket left tells a friend so, who gets in when there is one again; whoever is inside plays on', () => {
  const setup = peers({ seed: 'sockets' });
  const place = setup.world.host({ name: 'h', behind: NATS.linux });
  const { host, client, code } = hostAndClient(setup, [place, NATS.linux]);
  const second = setup.participant('second', NATS.linux);
  setup.until(() => second.last('ready') !== undefined, 3_000, 'ready');
  client.command(joinCommand({ code }));
  connected(setup, client);
  const lift = place.limitSockets(0);
  second.command(joinCommand({ code }));
  expect(failure(setup, second)).toBe('FULL');
  setup.world.run(10_000);
  expect([client.all('path-lost').length, host.all('path-lost').length]).toEqual([0, 0]);
  lift();
  second.command(joinCommand({ join: 2, code }));
  connected(setup, second);
  expect(client.all('path-lost')).toEqual([]);
});

test('the test join of the master takes no place, and its sockets are closed soon after', () => {
  const setup = peers({ seed: 'tested' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const tester = setup.participant('tester', null, { identity: setup.master.identity });
  setup.until(() => tester.last('ready') !== undefined, 3_000, 'ready');
  host.command(hostCommand({ playersMax: 1 }));
  // Mappings that a host leaves alone to see how long they live have their sockets until then.
  setup.world.run(400_000);
  const before = host.running.socketsOpen;
  tester.command(joinCommand({ hostKey: host.publicKey }));
  connected(setup, tester);
  setup.world.run(PEER_LIMITS.testJoinHoldMs + 200);
  expect(host.running.socketsOpen).toBe(before);
  tester.command({ do: 'leave', path: 1 });
  tester.command(joinCommand({ join: 2, hostKey: host.publicKey }));
  connected(setup, tester);
  client.command(joinCommand({ code }));
  setup.until(() => client.last('path') !== undefined && host.last('path') !== undefined, 2_000, 'the friend is in');
});

test('a kicked friend is out at once; a banned one stays out', () => {
  const setup = peers({ seed: 'ban' });
  const { host, client, code } = hostAndClient(setup, EASY);
  client.command(joinCommand({ code }));
  connected(setup, client);
  setup.world.run(100);
  const { friend } = host.last('peer')!;
  host.command({ do: 'ban', friend, network: false });
  setup.until(() => client.last('path-lost') !== undefined, 500, 'the path is lost');
  expect(client.last('path-lost')).toMatchObject({ reason: 'kicked', punchingAgain: false });
  client.command(joinCommand({ join: 2, code }));
  expect(failure(setup, client)).toBe('BANNED');
});

test('a host that asks: the friend waits, and comes in with the word, even half a minute later', () => {
  const setup = peers({ seed: 'ask' });
  const { host, client, code } = hostAndClient(setup, EASY);
  host.command(hostCommand({}, null, true));
  setup.world.run(500);
  client.command(joinCommand({ code }));
  setup.until(() => host.last('peer')?.state === 'asking', 1_000, 'the host is asked');
  setup.world.run(30_000);
  expect(client.last('path')).toBeUndefined();
  expect(host.all('peer').filter(({ state }) => state === 'asking')).toHaveLength(1);
  host.command({ do: 'admit', friend: host.last('peer')!.friend, admit: true });
  connected(setup, client, 15_000);
});

for (const late of [null, true, false]) {
  const word = late === null ? 'nobody says a word' : `the word, ${late}, is late`;
  test(`a friend that dies while it asks does not wait for ever, though the master has forgotten it too: ${word}`, () => {
    const setup = peers({ seed: 'dies asking' });
    const { host, client, code } = hostAndClient(setup, EASY);
    host.command(hostCommand({}, null, true));
    setup.world.run(500);
    client.command(joinCommand({ code }));
    setup.world.run(1_000);
    client.running.stop();
    setup.master.stop();
    setup.world.run(3_000);
    setup.master.start();
    setup.world.run(PEER_LIMITS.knockMs);
    if (late !== null) host.command({ do: 'admit', friend: host.last('peer')!.friend, admit: late });
    setup.world.run(PEER_LIMITS.visitIdleMs);
    const told = host.all('peer').map(({ state }) => state);
    expect(told).toEqual(['knocking', 'asking', late === false ? 'refused' : 'left']);
  });
}

test('whom a person has let in is not asked about again, until thousands have come after', () => {
  const setup = peers({ seed: 'admitted' });
  const { host, client, code } = hostAndClient(setup, EASY);
  host.command(hostCommand({}, null, true));
  setup.world.run(500);
  const asked = () => host.all('peer').filter(({ state }) => state === 'asking').length;
  client.command(joinCommand({ code }));
  setup.until(() => asked() === 1, 1_000, 'the host is asked');
  const { friend } = host.last('peer')!;
  host.command({ do: 'admit', friend, admit: true });
  for (const others of [0, PEER_LIMITS.admittedMax]) {
    connected(setup, client);
    client.command({ do: 'leave', path: client.last('path')!.path });
    for (let n = 0; n < others; n++) host.command({ do: 'admit', friend: `friend ${n}`, admit: true });
    setup.world.run(500);
    expect(asked()).toBe(1);
    client.command(joinCommand({ join: 2 + others, code }));
  }
  setup.until(() => asked() === 2, 1_000, 'the host is asked again');
});

test('one question at a time: the oldest asker is asked about until it is answered or gone, the others are told that they wait', () => {
  const setup = peers({ seed: 'line' });
  const { host, client: ann, code } = hostAndClient(setup, EASY);
  const [bea, cyd, dan] = ['Bea', 'Cyd', 'Dan'].map((name) => setup.participant(name, NATS.linux));
  if (bea === undefined || cyd === undefined || dan === undefined) throw new Error('three friends');
  host.command(hostCommand({}, null, true));
  const news = (name: string) => host.all('peer').filter((event) => event.name === name);
  const state = (name: string) => news(name).at(-1)?.state;
  const stage = (friend: Participant) =>
    friend
      .all('stage')
      .filter(({ stage: of }) => ['asked', 'queued'].includes(of))
      .at(-1);
  setup.until(() => [bea, cyd, dan].every((friend) => friend.last('ready') !== undefined), 3_000, 'all are ready');
  for (const [friend, name] of [
    [ann, 'Ann'],
    [bea, 'Bea'],
    [cyd, 'Cyd'],
    [dan, 'Dan'],
  ] as const) {
    friend.command(joinCommand({ code, name }));
    setup.until(() => news(name).length === 2, 2_000, `${name} has knocked`);
  }
  // Long enough for everybody to knock again, in whatever order.
  setup.world.run(65_000);
  expect(['Ann', 'Bea', 'Cyd', 'Dan'].map((name) => news(name).map((event) => event.state))).toEqual([
    ['knocking', 'asking'],
    ['knocking', 'waiting'],
    ['knocking', 'waiting'],
    ['knocking', 'waiting'],
  ]);
  expect([ann, bea, cyd, dan].map((friend) => stage(friend)?.stage)).toEqual(['asked', 'queued', 'queued', 'queued']);
  expect(stage(dan)?.why).toEqual({ because: 'host-asked-about-others', ahead: 3 });
  // Nobody who is told to wait is told every ten seconds that it asks.
  expect(dan.all('stage').length).toBeLessThan(8);
  host.command({ do: 'admit', friend: news('Ann')[0]!.friend, admit: false });
  setup.world.run(1_000);
  expect(ann.last('join-failed')?.failure).toBe('REFUSED');
  expect([state('Bea'), stage(bea)?.stage]).toEqual(['asking', 'asked']);
  // An answer about another than the one who is asked about leaves the question as it is.
  host.command({ do: 'admit', friend: news('Dan')[0]!.friend, admit: true });
  connected(setup, dan, 15_000);
  expect([bea.last('path'), cyd.last('path')]).toEqual([undefined, undefined]);
  expect([state('Bea'), state('Cyd')]).toEqual(['asking', 'waiting']);
  // Who gives up makes room for the next question.
  bea.command({ do: 'abort', join: 1 });
  setup.world.run(1_000);
  expect([state('Bea'), state('Cyd'), stage(cyd)?.stage]).toEqual(['left', 'asking', 'asked']);
});

test('a word that comes when the knock is over makes room for the next question', () => {
  const setup = peers({ seed: 'late word' });
  const { host, client: ann, code } = hostAndClient(setup, EASY);
  const bea = setup.participant('Bea', NATS.linux);
  host.command(hostCommand({}, null, true));
  setup.until(() => bea.last('ready') !== undefined, 3_000, 'ready');
  const state = (name: string) =>
    host
      .all('peer')
      .filter((event) => event.name === name)
      .at(-1)?.state;
  ann.command(joinCommand({ code, name: 'Ann' }));
  setup.until(() => state('Ann') === 'asking', 2_000, 'the host is asked');
  const { friend } = host.last('peer')!;
  bea.command(joinCommand({ code, name: 'Bea' }));
  setup.until(() => state('Bea') === 'waiting', 2_000, 'the second waits');
  // Without a sign of life, and so without a new knock.
  ann.running.stop();
  setup.world.run(PEER_LIMITS.knockMs + 1_000);
  host.command({ do: 'admit', friend, admit: true });
  setup.world.run(500);
  expect(state('Bea')).toBe('asking');
});

test('a host that says no: the friend learns REFUSED at once', () => {
  const setup = peers({ seed: 'no' });
  const { host, client, code } = hostAndClient(setup, EASY);
  host.command(hostCommand({}, null, true));
  setup.world.run(500);
  client.command(joinCommand({ code }));
  setup.until(() => host.last('peer')?.state === 'asking', 1_000, 'the host is asked');
  host.command({ do: 'admit', friend: host.last('peer')!.friend, admit: false });
  expect(failure(setup, client, 200)).toBe('REFUSED');
});

test('S18: hard pairs are punched one after another, and who waits is told', () => {
  const setup = peers({ seed: 'queue' });
  const { host, code } = hostAndClient(setup, [NATS.linuxRandom, NATS.linux]);
  const friends = ['ann', 'bob', 'cyd'].map((name) => setup.participant(name, NATS.linuxRandom));
  setup.until(() => friends.every((friend) => friend.last('ready') !== undefined), 3_000, 'all are ready');
  for (const friend of friends) friend.command(joinCommand({ code }));
  const waits = (friend: Participant) => friend.all('stage').some(({ why }) => why?.because === 'host-connects-others');
  setup.until(() => friends.filter(waits).length === 2, 20_000, 'two wait for the third');
  // The place of each: one is next, one comes after it. And whoever runs the host sees the same two wait.
  const told = friends.flatMap((friend) => friend.all('stage').map(({ why }) => why));
  expect(told).toContainEqual({ because: 'host-connects-others', ahead: 1 });
  expect(told).toContainEqual({ because: 'host-connects-others', ahead: 2 });
  // An attempt that waits for its turn did not fail to meet, and says what it waits for.
  const over = friends.filter(waits).flatMap((friend) => friend.all('attempt-over'));
  expect(over.length).toBeGreaterThan(0);
  for (const { result, next } of over) expect([result, next?.because]).toEqual(['put-off', 'host-connects-others']);
  const queued = host.all('peer').filter(({ state }) => state === 'queued');
  expect(queued.map(({ name }) => name)).toHaveLength(2);
});

test('S18: a friend that needs a second comes in though a pair without hope goes on, and buys no more than a burst', () => {
  for (const [seed, afterMs, withinMs] of [
    ['a', 1_000, 15_000],
    ['b', 20_000, 100_000],
  ] as const) {
    const setup = peers({ seed: `hopeless ${seed}` });
    const { client: first, code } = hostAndClient(setup, [NATS.linuxRandom, NATS.linuxRandom]);
    const friend = setup.participant('friend', NATS.linux);
    setup.until(() => friend.last('ready') !== undefined, 3_000, 'the friend is ready');
    first.command(joinCommand({ code }));
    setup.until(() => first.last('attempt')?.plan.method === 'lattice', 60_000, 'the first opens all ports it may');
    setup.world.run(afterMs);
    let credits = 0;
    setup.world.watch(({ where, packet }) => {
      if (where === 'friend' && packet.bytes.length >= WIRE_LIMITS.controlBytesMax) credits++;
    }, 'sent');
    friend.command(joinCommand({ code, name: 'Bea' }));
    setup.until(() => friend.last('path') !== undefined, withinMs, `the friend of ${seed} has a path`);
    expect(first.last('path')).toBeUndefined();
    // 585 probes cost ten; each asking anew sends some thirty before the word of the host is back. It was ten for each asking.
    expect(credits).toBeGreaterThanOrEqual(10);
    expect(credits).toBeLessThanOrEqual(40);
  }
});

test('a master that does not answer fails a join with MASTER_UNREACHABLE within 2.1 s', () => {
  const setup = peers({ seed: 'no master' });
  setup.master.stop();
  const client = setup.participant('client', NATS.linux);
  client.command(joinCommand({ code: '6666666666' }));
  expect(failure(setup, client, 2_100)).toBe('MASTER_UNREACHABLE');
});

test('a master with another key than the one in its link fails a join with MASTER_KEY_MISMATCH within 2.1 s', () => {
  const setup = peers({ seed: 'other master' });
  const other = setup.participant('other', NATS.linux);
  const master = { ...setup.master.address, key: other.publicKey };
  const client = setup.participant('client', NATS.linux, { master });
  client.command(joinCommand({ code: '6666666666' }));
  expect(failure(setup, client, 2_100)).toBe('MASTER_KEY_MISMATCH');
});

test('where no UDP gets out, a join fails with UDP_BLOCKED within 2.1 s', () => {
  const setup = peers({ seed: 'blocked' });
  const stun = [{ address: setup.world.publicAddress(), port: 3478 }];
  const place = { name: 'c', behind: NATS.linux, link: { blackHole: true } };
  const client = setup.participant('client', setup.world.host(place), { stun });
  // Names can be looked up, so this computer is not merely offline.
  client.command({ do: 'names', master: [], stun: [], looked: true });
  client.command(joinCommand({ code: '6666666666' }));
  expect(failure(setup, client, 2_100)).toBe('UDP_BLOCKED');
});
