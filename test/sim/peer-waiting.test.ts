/** A host that ends and comes back: friends that wait are in again, as who they were, and ask gently meanwhile. */
import { expect, test } from 'vitest';
import { PEER_LIMITS } from '../../src/core/index.ts';
import { NATS } from '../../src/sim/index.ts';
import { hostAndClient, hostCommand, joinCommand, type Participant, type Peers, peers } from './peers.ts';

const EASY = [NATS.linux, NATS.linux] as const;
const DEVICE = new Uint8Array(32).fill(7);

function connected(setup: Peers, behind: Parameters<typeof hostAndClient>[1] = EASY) {
  const all = hostAndClient(setup, behind);
  all.client.command(joinCommand({ code: all.code, device: DEVICE, wait: true }));
  setup.until(() => all.client.last('path') !== undefined, 3_000, 'the client has a path');
  setup.world.run(1_000);
  return all;
}

/** The host's program begins anew with what it has kept: its key. */
function back(setup: Peers, host: Participant): Participant {
  const anew = setup.participant('back', host.host, { identity: host.identity });
  anew.command(hostCommand());
  setup.until(() => anew.last('hosting') !== undefined, 10_000, 'it hosts again');
  return anew;
}

for (const [name, end] of [
  ['ends the game', (host: Participant) => host.command({ do: 'unhost' })],
  ['quits', (host: Participant) => host.command({ do: 'close' })],
] as const) {
  for (const awayMs of [50, 3_000, 600_000]) {
    test(`a host that ${name} and is back after ${awayMs} ms has its friend again, as the same program`, () => {
      const setup = peers({ seed: `back ${name} ${awayMs}` });
      const { host, client } = connected(setup);
      const before = host.last('path');
      end(host);
      setup.until(() => client.last('path-lost') !== undefined, 500, 'the friend is told');
      expect(client.last('path-lost')).toMatchObject({ reason: 'left', punchingAgain: true });
      expect(client.last('stage')).toMatchObject({ stage: 'waiting', why: { failure: 'HOST_OFFLINE' } });
      setup.world.run(awayMs);
      host.running.stop();
      const anew = back(setup, host);
      const since = setup.world.now;
      setup.until(() => client.all('path').length === 2, 20_000, 'the friend is in again');
      setup.until(() => anew.last('path') !== undefined, 500, 'the host knows it');
      expect(setup.world.now - since).toBeLessThan(1.2 * PEER_LIMITS.waitRestMsMax + 2_000);
      expect(client.all('join-failed')).toEqual([]);
      const { friend, instance } = anew.last('path') ?? {};
      expect([friend, instance]).toEqual([before?.friend, before?.instance]);
      // And on it goes as ever.
      client.command({ do: 'send', path: client.last('path')!.path, bytes: Uint8Array.of(42) });
      setup.until(() => anew.last('message') !== undefined, 500, 'data arrives');
    });
  }
}

test('who waits asks every two seconds at first and four times a minute in the end, each time a little off', () => {
  const setup = peers({ seed: 'gentle' });
  const { host, client } = connected(setup);
  host.command({ do: 'close' });
  setup.until(() => client.last('path-lost') !== undefined, 500, 'the friend is told');
  const asked = (forMs: number): number => {
    const rests = (): number =>
      client.all('log').filter(({ what, data }) => what === 'join' && data.to === 'resting').length;
    const before = rests();
    setup.world.run(forMs);
    return rests() - before;
  };
  expect(asked(16_000)).toBeGreaterThanOrEqual(5);
  setup.world.run(104_000);
  const hour = asked(3_600_000);
  expect(hour).toBeGreaterThan(200);
  expect(hour).toBeLessThan(260);
  expect(client.running.socketsOpen).toBeLessThanOrEqual(3);
  client.command({ do: 'abort', join: 1 });
  setup.until(() => client.last('join-failed') !== undefined, 100, 'it can be stopped');
  expect(client.last('join-failed')?.failure).toBe('ABORTED');
});

test('without waiting, and for one who is kicked, the join ends; a ban and a time that is over end the waiting', () => {
  const setup = peers({ seed: 'no waiting' });
  const { host, client, code } = hostAndClient(setup, EASY);
  client.command(joinCommand({ code, device: DEVICE }));
  setup.until(() => host.last('path') !== undefined, 3_000, 'a path');
  setup.world.run(1_000);
  host.command({ do: 'unhost' });
  setup.until(() => client.last('path-lost') !== undefined, 500, 'the end');
  expect(client.last('path-lost')).toMatchObject({ reason: 'left', punchingAgain: false });

  const kicked = peers({ seed: 'kicked' });
  const one = connected(kicked);
  one.host.command({ do: 'kick', friend: one.host.last('peer')!.friend });
  kicked.until(() => one.client.last('path-lost') !== undefined, 500, 'the end');
  expect(one.client.last('path-lost')).toMatchObject({ reason: 'kicked', punchingAgain: false });

  const banned = peers({ seed: 'banned' });
  const two = connected(banned);
  const { friend } = two.host.last('peer')!;
  two.host.command({ do: 'close' });
  banned.world.run(2_000);
  two.host.running.stop();
  const anew = banned.participant('back', two.host.host, { identity: two.host.identity });
  const bans = [{ by: 'friend', friend } as const];
  anew.command(hostCommand({}, null, false, { secret: new Uint8Array(16), bans, known: [] }));
  banned.until(() => two.client.last('join-failed') !== undefined, 30_000, 'it is refused');
  expect(two.client.last('join-failed')?.failure).toBe('BANNED');

  const over = peers({ seed: 'over' });
  const three = hostAndClient(over, EASY);
  three.client.command(joinCommand({ code: three.code, device: DEVICE, wait: true, timeoutMs: 60_000 }));
  over.until(() => three.client.last('path') !== undefined, 3_000, 'a path');
  over.world.run(120_000);
  three.host.command({ do: 'close' });
  over.until(() => three.client.last('join-failed') !== undefined, 61_000, 'it gives up');
  expect(three.client.last('join-failed')?.failure).toBe('GAVE_UP');
});

test('a host that is killed without a word is waited for as well, and its friend is in again', () => {
  const setup = peers({ seed: 'killed' });
  const { host, client } = connected(setup);
  const before = host.last('path');
  host.running.stop();
  setup.world.run(120_000);
  const anew = back(setup, host);
  setup.until(() => client.all('path').length === 2, 25_000, 'the friend is in again');
  setup.until(() => anew.last('path') !== undefined, 500, 'the host knows it');
  expect([anew.last('path')?.friend, anew.last('path')?.instance]).toEqual([before?.friend, before?.instance]);
});

test('eight friends that wait together are all in again, whichever NATs they are behind', () => {
  const setup = peers({ seed: 'eight wait' });
  const host = setup.participant('host', NATS.linux);
  host.command(hostCommand());
  const friends = Array.from({ length: 8 }, (_, n) =>
    setup.participant(`friend ${n}`, n % 2 === 0 ? NATS.linux : NATS.fullCone),
  );
  setup.until(() => [host, ...friends].every((one) => one.last('ready') !== undefined), 5_000, 'ready');
  setup.until(() => host.last('hosting') !== undefined, 5_000, 'it hosts');
  const { code } = host.last('hosting')!;
  for (const [n, friend] of friends.entries())
    friend.command(joinCommand({ code, device: new Uint8Array(32).fill(n + 1), wait: true }));
  setup.until(() => friends.every((one) => one.last('path') !== undefined), 60_000, 'all are in');
  host.command({ do: 'close' });
  setup.world.run(300_000);
  host.running.stop();
  const anew = back(setup, host);
  setup.until(() => friends.every((one) => one.all('path').length >= 2), 60_000, 'all are in again');
  const known = (): number => new Set(anew.all('path').map(({ friend }) => friend)).size;
  setup.until(() => known() === 8, 1_000, 'the host knows all of them');
});

test('a host that is not online yet is waited for where that is wished, and told as offline where not', () => {
  const setup = peers({ seed: 'not yet' });
  const { host, client, code } = hostAndClient(setup, EASY);
  host.command({ do: 'close' });
  setup.world.run(2_000);
  client.command(joinCommand({ code, join: 2 }));
  setup.until(() => client.last('join-failed') !== undefined, 3_000, 'it fails');
  expect(client.last('join-failed')).toMatchObject({ join: 2, failure: 'HOST_OFFLINE' });
  client.command(joinCommand({ code, join: 3, wait: 'from-start' }));
  setup.world.run(120_000);
  expect(client.last('stage')).toMatchObject({ stage: 'waiting', why: { failure: 'HOST_OFFLINE' } });
  back(setup, host);
  setup.until(() => client.last('path') !== undefined, 20_000, 'the friend is in');
  expect(client.all('join-failed')).toHaveLength(1);
});
