/** What a dishonest master or friend can not do (SECURITY.md rows 7, 13, 14). */
import { expect, test } from 'vitest';
import { NATS } from '../../src/sim/index.ts';
import { hostAndClient, hostCommand, joinCommand, peers } from './peers.ts';

const EASY = [NATS.linux, NATS.linux] as const;

test('row 14: a master that gives out another host under the code is found out', () => {
  const setup = peers({ seed: 'code thief' });
  const { code, client } = hostAndClient(setup, EASY);
  const thief = setup.participant('thief', NATS.linux);
  thief.command(hostCommand({ name: 'Arena' }));
  setup.until(() => thief.last('hosting') !== undefined, 3_000, 'the thief is listed');
  setup.master.giveCodeTo(code, thief.publicKey);
  client.command(joinCommand({ code }));
  setup.until(() => client.last('join-failed') !== undefined, 2_000, 'the join fails');
  expect(client.last('join-failed')?.failure).toBe('HOST_KEY_CHANGED');
  expect(thief.all('peer')).toEqual([]);
});

test('row 14: a host that its master calls by the code of another says so, tells no code, and leaves for good', () => {
  const setup = peers({ seed: 'wrong code' });
  const thief = setup.participant('thief', NATS.linux);
  thief.command(hostCommand({ name: 'Arena' }));
  setup.until(() => thief.last('hosting') !== undefined, 3_000, 'the thief is listed');
  const stolen = thief.last('hosting')?.code as string;
  setup.master.lie({
    push: (push) => [push],
    response: (response) => (response.type === 'registered' ? { ...response, code: stolen } : response),
  });
  const host = setup.participant('host', NATS.linux);
  host.command(hostCommand());
  setup.until(() => host.last('hosting-failed') !== undefined, 3_000, 'the host says so');
  expect(host.last('hosting-failed')?.failure).toBe('CODE_MISMATCH');
  setup.world.run(120_000);
  expect(host.all('hosting')).toEqual([]);
  // Not one friend is led to it either.
  const client = setup.participant('client', NATS.linux);
  client.command(joinCommand({ hostKey: host.publicKey }));
  setup.until(() => client.last('join-failed') !== undefined, 30_000, 'nobody is there');
  expect(host.all('peer')).toEqual([]);
});

test('row 14: a host that learns only after an evening that its master lies stops and says so', () => {
  const setup = peers({ seed: 'late lie' });
  const { host } = hostAndClient(setup, EASY);
  setup.master.stop();
  setup.world.run(5_000);
  setup.master.start();
  setup.master.lie({
    push: (push) => [push],
    response: (response) => (response.type === 'registered' ? { ...response, code: '6666666666' } : response),
  });
  setup.until(() => host.last('hosting-failed') !== undefined, 60_000, 'the host says so');
  expect(host.last('hosting-failed')?.failure).toBe('CODE_MISMATCH');
});

test('row 14: nothing at all goes to a host before its code is known to belong to its key', () => {
  const setup = peers({ seed: 'late code' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const thief = setup.participant('thief', NATS.linux);
  thief.command(hostCommand({ name: 'Arena' }));
  setup.until(() => thief.last('hosting') !== undefined, 3_000, 'the thief is listed');
  // Link and master agree on the thief: whoever typed the code itself is not fooled.
  setup.master.giveCodeTo(code, thief.publicKey);
  client.command(joinCommand({ code, hostKey: thief.publicKey }));
  setup.until(() => client.last('join-failed') !== undefined, 2_000, 'the join fails');
  expect(client.last('join-failed')?.failure).toBe('HOST_KEY_CHANGED');
  expect(client.all('found')).toEqual([]);
  expect([...thief.all('peer'), ...host.all('peer')]).toEqual([]);
});

test('a host that comes by a name known with another key stops the join before it hears of us', () => {
  const setup = peers({ seed: 'known name' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const known = new Map([['Arena', client.publicKey]]);
  client.command(joinCommand({ code, known }));
  setup.until(() => client.last('join-failed') !== undefined, 2_000, 'the join fails');
  expect(client.last('join-failed')).toMatchObject({
    failure: 'HOST_KEY_CHANGED',
    detail: { because: 'other-key-for-name', name: 'Arena' },
  });
  expect(host.all('peer')).toEqual([]);
  client.command(joinCommand({ join: 2, code, known: new Map([['Arena', host.publicKey]]) }));
  setup.until(() => client.last('path') !== undefined, 3_000, 'the known key is let in');
});

test('both sides have the same four words, other ones for each path, and two handshakes of one in between never agree', () => {
  const setup = peers({ seed: 'words' });
  const { host, client, code } = hostAndClient(setup, EASY);
  client.command(joinCommand({ code }));
  setup.until(() => host.last('path') !== undefined && client.last('path') !== undefined, 3_000, 'both have a path');
  const words = client.last('path')?.words as string;
  expect(words).toMatch(/^([bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]( |$)){4}/);
  expect(host.last('path')?.words).toBe(words);
  // In between: the client has handshaken with it, and it with the host.
  const thief = setup.participant('thief', NATS.linux);
  thief.command(hostCommand({ name: 'Other' }));
  setup.until(() => thief.last('hosting') !== undefined, 3_000, 'the thief is listed');
  thief.command(joinCommand({ join: 7, hostKey: host.publicKey }));
  client.command(joinCommand({ join: 2, hostKey: thief.publicKey }));
  setup.until(() => thief.all('path').length === 2, 5_000, 'it sits in between');
  const [one, other] = thief.all('path').map((path) => path.words);
  expect(new Set([one, other, words]).size).toBe(3);
  expect(client.last('path')?.words).not.toBe(host.last('path')?.words);
});

test('row 14: a master that sends the join on to another host gets nobody in', () => {
  const setup = peers({ seed: 'detour' });
  const { host, client } = hostAndClient(setup, EASY);
  const thief = setup.participant('thief', NATS.linux);
  thief.command(hostCommand({ name: 'Arena' }));
  setup.until(() => thief.last('hosting') !== undefined, 3_000, 'the thief is listed');
  setup.master.sendJoinsTo(thief.publicKey);
  client.command(joinCommand({ hostKey: host.publicKey }));
  setup.until(() => client.last('join-failed') !== undefined, 2_000, 'the join fails');
  expect(thief.all('log').some(({ what }) => what === 'offer-not-readable')).toBe(true);
  expect(thief.all('peer')).toEqual([]);
  expect([...thief.all('path'), ...client.all('path')]).toEqual([]);
});

test('row 28: thousands of changed copies of true datagrams, from the true addresses, change nothing', () => {
  const setup = peers({ seed: 'mutants', trace: true });
  const { host, client, code } = hostAndClient(setup, [null, null]);
  client.command(joinCommand({ code }));
  setup.until(() => host.last('path') !== undefined && client.last('path') !== undefined, 2_000, 'both have a path');
  for (const [one, other] of [[host, client] as const, [client, host] as const]) {
    one.command({ do: 'send', path: one.last('path')!.path, bytes: Uint8Array.of(other === host ? 1 : 2) });
  }
  setup.world.run(20_000);
  const true_ = setup.world.trace.filter(({ what, packet }) => what === 'delivered' && packet.icmp === null);
  const random = setup.world.random('mutants');
  const since = setup.world.now;
  const messages = () => host.all('message').length + client.all('message').length;
  const before = messages();
  for (let n = 0; n < 5_000; n++) {
    const { packet } = true_[random.int(0, true_.length - 1)] as (typeof true_)[number];
    const bytes = packet.bytes.slice(
      0,
      random.int(0, 3) === 0 ? random.int(0, packet.bytes.length) : packet.bytes.length,
    );
    for (let flips = random.int(1, 4); flips > 0 && bytes.length > 0; flips--) {
      const at = random.int(0, bytes.length - 1);
      bytes[at] = (bytes[at] as number) ^ random.int(1, 255);
    }
    setup.world.inject({ from: packet.from, to: packet.to, bytes });
  }
  setup.world.run(60_000);
  expect(messages()).toBe(before);
  const quiet = ['rtt', 'log', 'profile'];
  const news = [...host.log, ...client.log].filter(({ at, event }) => at > since && !quiet.includes(event.ev));
  expect(news).toEqual([]);
  client.command({ do: 'send', path: client.last('path')!.path, bytes: Uint8Array.of(9) });
  setup.until(() => host.last('message')?.bytes[0] === 9, 500, 'the path carries');
});

test('row 6: everything a stranger has recorded, played back twice and shuffled, changes nothing', () => {
  const setup = peers({ seed: 'replay', trace: true });
  const { host, client, code } = hostAndClient(setup, [null, null]);
  client.command(joinCommand({ code }));
  setup.until(() => host.last('path') !== undefined && client.last('path') !== undefined, 2_000, 'both have a path');
  client.command({ do: 'send', path: client.last('path')!.path, bytes: Uint8Array.of(1) });
  setup.world.run(20_000);
  const recorded = setup.world.trace.filter(({ what, packet }) => what === 'delivered' && packet.icmp === null);
  const random = setup.world.random('replay');
  const shuffled = [...recorded, ...recorded].sort(() => random.float() - 0.5);
  for (const { packet } of shuffled) setup.world.inject({ from: packet.from, to: packet.to, bytes: packet.bytes });
  setup.world.run(60_000);
  expect(host.all('message')).toHaveLength(1);
  expect([host.all('path').length, client.all('path').length]).toEqual([1, 1]);
  expect([...host.all('path-lost'), ...client.all('path-lost')]).toEqual([]);
  expect(host.last('link')?.state).toBe('up');
});
