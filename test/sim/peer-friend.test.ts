/** A friend is somebody: known by its device to one host, to no two hosts as the same, and kept out where a host says so. */
import { expect, test } from 'vitest';
import type { Ban } from '../../src/core/index.ts';
import { NATS } from '../../src/sim/index.ts';
import { hostAndClient, hostCommand, joinCommand, type Participant, type Peers, peers } from './peers.ts';

const EASY = [NATS.linux, NATS.linux] as const;
const DEVICE = new Uint8Array(32).fill(7);
const OTHER_DEVICE = new Uint8Array(32).fill(9);

const friendAt = (host: Participant) => host.all('peer').at(-1)!.friend;

function joined(setup: Peers, host: Participant, friend: Participant, command: Parameters<typeof joinCommand>[0]) {
  const before = [host, friend].map((each) => each.all('path').length);
  friend.command(joinCommand(command));
  const both = () => [host, friend].every((each, n) => each.all('path').length > before[n]!);
  setup.until(both, 3_000, 'both have a path');
}

/** A program started anew is another participant at the same place: nothing is left but the device's secret. */
function startedAnew(setup: Peers, friend: Participant, name: string): Participant {
  friend.running.stop();
  const anew = setup.participant(name, friend.host);
  setup.until(() => anew.last('ready') !== undefined, 3_000, 'ready');
  return anew;
}

function refused(setup: Peers, friend: Participant, command: Parameters<typeof joinCommand>[0]) {
  const before = friend.all('join-failed').length;
  friend.command(joinCommand(command));
  setup.until(() => friend.all('join-failed').length > before, 2_000, 'the join fails');
  return friend.last('join-failed')?.failure;
}

test('a ban holds over a new join and over a restart of the friend and of the host; lifted, the friend is in again', () => {
  const setup = peers({ seed: 'ban holds' });
  const { host, client, code } = hostAndClient(setup, EASY);
  joined(setup, host, client, { code, device: DEVICE });
  host.command({ do: 'ban', friend: friendAt(host), network: false });
  setup.until(() => client.last('path-lost') !== undefined, 500, 'the path ends');
  expect(host.all('banned')).toEqual([{ ev: 'banned', ban: { by: 'friend', friend: friendAt(host) }, name: 'Ann' }]);
  expect(refused(setup, client, { join: 2, code, device: DEVICE })).toBe('BANNED');
  const anew = startedAnew(setup, client, 'anew');
  expect(refused(setup, anew, { code, device: DEVICE })).toBe('BANNED');
  // The host comes back with what its application has kept.
  const bans = host.all('banned').map(({ ban }) => ban);
  host.running.stop();
  const back = setup.participant('back', host.host, { identity: host.identity });
  back.command(hostCommand({}, null, false, { secret: new Uint8Array(16), bans, known: [] }));
  setup.until(() => back.last('hosting') !== undefined, 5_000, 'it hosts again');
  expect(refused(setup, anew, { join: 2, code, device: DEVICE })).toBe('BANNED');
  // Another device is another friend, and a lifted ban is none.
  joined(setup, back, anew, { join: 3, code, device: OTHER_DEVICE });
  back.command({ do: 'unban', ban: bans[0] as Ban });
  joined(setup, back, anew, { join: 4, code, device: DEVICE });
});

test('a ban of a network keeps out a new key from there, and nobody from elsewhere; its hash means nothing without the secret', () => {
  const setup = peers({ seed: 'ban network' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const elsewhere = setup.participant('elsewhere', setup.world.server({ addresses: ['203.0.113.77'] }));
  setup.until(() => elsewhere.last('ready') !== undefined, 3_000, 'ready');
  joined(setup, host, client, { code, device: DEVICE });
  host.command({ do: 'ban', friend: friendAt(host), network: true });
  setup.world.run(500);
  expect(refused(setup, client, { join: 2, code, device: OTHER_DEVICE })).toBe('BANNED');
  joined(setup, host, elsewhere, { code, device: OTHER_DEVICE });
  const networks = host.all('banned').flatMap(({ ban }) => (ban.by === 'network' ? [ban] : []));
  expect(networks).toHaveLength(1);
  expect(networks[0]?.network).toMatch(/^[0-9a-f]{32}$/);
  // The same place under another secret has another name.
  host.command(hostCommand({}, null, false, { secret: new Uint8Array(16).fill(1), bans: networks, known: [] }));
  setup.world.run(1_000);
  joined(setup, host, client, { join: 3, code, device: OTHER_DEVICE });
});

test('one host knows its friend again by its device; two hosts see two friends that have nothing in common', () => {
  const setup = peers({ seed: 'two hosts' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const second = setup.participant('second', NATS.linux);
  second.command(hostCommand());
  setup.until(() => second.last('hosting') !== undefined, 5_000, 'the second hosts');
  joined(setup, host, client, { code, device: DEVICE });
  joined(setup, second, client, { join: 2, code: second.last('hosting')!.code, device: DEVICE });
  expect(friendAt(second)).not.toBe(friendAt(host));
  expect(second.last('peer')?.instance).not.toBe(host.last('peer')?.instance);
  const before = friendAt(host);
  const anew = startedAnew(setup, client, 'anew');
  joined(setup, host, anew, { code, device: DEVICE });
  expect(friendAt(host)).toBe(before);
  // What the master has seen of it is a key that ends with the program.
  expect(anew.publicKey).not.toEqual(client.publicKey);
});

test('a new connection replaces only that of the same program: two players at one computer are one friend with two paths', () => {
  const setup = peers({ seed: 'instances' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const brother = setup.participant('brother', client.host);
  setup.until(() => brother.last('ready') !== undefined, 3_000, 'ready');
  joined(setup, host, client, { code, device: DEVICE, name: 'Ann' });
  joined(setup, host, brother, { code, device: DEVICE, name: 'Bob' });
  setup.world.run(3_000);
  expect([client.last('path-lost'), brother.last('path-lost')]).toEqual([undefined, undefined]);
  const [ann, bob] = host.all('path');
  expect(bob?.friend).toBe(ann?.friend);
  expect(bob?.instance).not.toBe(ann?.instance);
  joined(setup, host, client, { join: 2, code, device: DEVICE });
  setup.until(() => host.last('path-lost') !== undefined, 2_000, 'one path is given up');
  expect(host.all('path-lost')).toEqual([expect.objectContaining({ path: ann?.path, reason: 'replaced' })]);
  // Kicked is the friend, with all that is its own.
  host.command({ do: 'kick', friend: ann!.friend });
  setup.until(
    () => brother.last('path-lost') !== undefined && client.all('path-lost').length > 0,
    1_000,
    'both are out',
  );
});

test('one friend has four places at most, whatever it copies', () => {
  const setup = peers({ seed: 'five' });
  const { host, client, code } = hostAndClient(setup, EASY);
  const programs = [client, ...['b', 'c', 'd', 'e'].map((name) => setup.participant(name, client.host))];
  setup.until(() => programs.every((program) => program.last('ready') !== undefined), 3_000, 'ready');
  for (const program of programs.slice(0, 4)) joined(setup, host, program, { code, device: DEVICE });
  expect(refused(setup, programs[4]!, { code, device: DEVICE })).toBe('FULL');
  joined(setup, host, programs[4]!, { join: 2, code, device: OTHER_DEVICE });
});
