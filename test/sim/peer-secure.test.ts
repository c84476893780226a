/** What a dishonest master or friend can not do (security.md rows 7, 13, 14). */
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
