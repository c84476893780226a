/** A participant that does nothing: what it sends to its master, that it can be reached all the same, and what a silent end of the master costs. */
import { expect, test } from 'vitest';
import { NATS, type NatBehaviour } from '../../src/sim/index.ts';
import { hostAndClient, joinCommand, type Peers, peers } from './peers.ts';

/** Packets between the master and a line a minute, both ways; from now on. */
function packetsOf(setup: Peers, address: string): () => number {
  const since = setup.world.now;
  let count = 0;
  setup.world.internet.obstruct(({ from, to }) => {
    const ends = [from.address, to.address];
    if (ends.includes(address) && ends.some((one) => setup.master.address.addresses.includes(one))) count += 1;
    return false;
  });
  return () => (60_000 * count) / (setup.world.now - since);
}

/** By then everything is known of the line, and a host does nothing but be there. */
const SETTLED_MS = 240_000;

/** A router that forgets an idle mapping after that. */
const forgets = (ms: number): NatBehaviour => ({
  ...NATS.pf,
  timeouts: { ...NATS.pf.timeouts, unrepliedMs: ms, establishedMs: ms },
});

function idleHost(seed: string, nat: NatBehaviour) {
  const setup = peers({ seed });
  const both = hostAndClient(setup, [nat, NATS.linux]);
  setup.world.run(SETTLED_MS);
  const observed = both.host.all('profile').at(-1)?.profile.external[0];
  expect(observed).toBeDefined();
  return { setup, ...both, line: observed as string };
}

test.each([
  ['a mapping of two minutes', NATS.linux],
  ['a mapping of 33 s', forgets(33_000)],
])(
  '%s: an idle host and its master exchange no more than 8 packets a minute, and it is reached at any time',
  (_name, nat) => {
    const { setup, client, code, line } = idleHost(`idle ${_name}`, nat);
    const packets = packetsOf(setup, line);
    setup.world.run(600_000);
    expect(packets()).toBeGreaterThan(4);
    expect(packets()).toBeLessThanOrEqual(8);
    client.command(joinCommand({ code }));
    setup.until(() => client.last('path') !== undefined, 3_000, 'they meet');
  },
);

test('a mapping of 20 s stays open, because the host has measured how long it lives', () => {
  const { setup, client, code } = idleHost('idle short', forgets(20_000));
  // The join comes when the host has just been silent for as long as it ever is.
  setup.world.run(600_000 + 7_000);
  client.command(joinCommand({ code }));
  setup.until(() => client.last('path') !== undefined, 3_000, 'they meet');
});

test('an idle friend says that it is there 2.4 times a minute', () => {
  const setup = peers({ seed: 'idle friend' });
  const { client } = hostAndClient(setup, [NATS.linux, NATS.linux]);
  setup.world.run(SETTLED_MS);
  const packets = packetsOf(setup, client.all('profile').at(-1)?.profile.external[0] as string);
  setup.world.run(600_000);
  expect(packets()).toBeGreaterThan(3);
  expect(packets()).toBeLessThanOrEqual(8);
});

test.each([0, 3_000])(
  'a master that is killed and back after %i ms, while its host does nothing: a friend that comes at once gets in within 30 s',
  (downMs) => {
    const { setup, code } = idleHost('killed', NATS.linux);
    setup.master.stop();
    setup.world.run(downMs);
    setup.master.start();
    const friend = setup.participant('friend', NATS.linux);
    setup.world.run(1_000);
    friend.command(joinCommand({ code, timeoutMs: 60_000 }));
    setup.until(() => friend.last('path') !== undefined || friend.last('join-failed') !== undefined, 30_000, 'it ends');
    expect(friend.last('join-failed')).toBeUndefined();
  },
);

test('whenever a master is killed, its idle host is back within 25 s', () => {
  const { setup, host } = idleHost('killed at any time', NATS.linux);
  for (const pauseMs of [1_000, 5_300, 9_700, 14_100, 17_900, 40_000]) {
    setup.world.run(pauseMs);
    setup.master.stop();
    setup.master.start();
    const links = host.all('link').length;
    const back = () => host.all('link').slice(links).at(-1)?.state === 'up';
    setup.until(back, 25_000, `the host is back, killed ${pauseMs} ms after the last time`);
    setup.world.run(60_000);
  }
});

test('whoever waits for something notices within 5 s that the master was killed, and is back', () => {
  const { setup, client, code } = idleHost('waits', NATS.linux);
  client.command(joinCommand({ code }));
  setup.until(() => client.last('path') !== undefined, 3_000, 'they meet');
  setup.master.stop();
  setup.master.start();
  const [links, at] = [client.all('link').length, setup.world.now];
  setup.until(() => client.all('link').slice(links).at(-1)?.state === 'up', 5_000, 'it is back');
  expect(setup.world.now).toBeLessThanOrEqual(at + 5_000);
});
