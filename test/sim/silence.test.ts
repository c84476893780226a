/** Silence has many causes: it is called blocked UDP only where something shows that it is this network. */
import { expect, test } from 'vitest';
import { NATS } from '../../src/sim/index.ts';
import { hostAndClient, joinCommand, type Participant, type Peers, peers } from './peers.ts';

const finalProfile = (one: Participant) =>
  one
    .all('profile')
    .filter(({ final }) => final)
    .at(-1)?.profile;

/** Nothing is there. */
function nowhere(setup: Peers) {
  return { ...setup.master.address, addresses: [setup.world.publicAddress()] };
}

test('a dead master is not a network that blocks UDP, though names can be looked up', () => {
  const setup = peers({ seed: 'dead master' });
  const client = setup.participant('client', NATS.linux, { master: nowhere(setup) });
  client.command({ do: 'names', master: [], stun: [], looked: true });
  client.command(joinCommand({ code: '6666666666' }));
  setup.until(() => client.last('join-failed') !== undefined, 3_000, 'it fails');
  expect(client.last('join-failed')?.failure).toBe('MASTER_UNREACHABLE');
  expect(client.all('profile').map(({ profile }) => profile.type)).not.toContain('blocked');
});

test('a computer that is offline is not one whose network blocks UDP', () => {
  const setup = peers({ seed: 'offline' });
  const stun = [{ address: setup.world.publicAddress(), port: 3478 }];
  const place = { name: 'c', behind: NATS.linux, link: { blackHole: true } };
  const client = setup.participant('client', setup.world.host(place), { stun });
  client.command(joinCommand({ code: '6666666666' }));
  setup.until(() => client.last('join-failed') !== undefined, 3_000, 'it fails');
  expect(client.last('join-failed')?.failure).toBe('MASTER_UNREACHABLE');
  setup.world.run(3_000);
  expect(finalProfile(client)?.type).toBe('unknown');
});

test('probe ports that are shut do not make UDP blocked, and two who play through such a master still meet', () => {
  const setup = peers({ seed: 'probe ports' });
  const { addresses, port } = setup.master.address;
  setup.world.internet.obstruct(
    ({ to }) => addresses.includes(to.address) && to.port >= port + 9 && to.port <= port + 24,
  );
  const { host, client, code } = hostAndClient(setup, [NATS.linux, NATS.linux]);
  setup.world.run(3_000);
  for (const one of [host, client]) expect(finalProfile(one)).toMatchObject({ type: 'unknown', samples: 0 });
  client.command(joinCommand({ code }));
  setup.until(() => client.last('path') !== undefined, 10_000, 'they meet');
});

test('a master that is back is asked at once, whatever was taken for its cause before', () => {
  const setup = peers({ seed: 'back' });
  setup.master.stop();
  const stun = [{ address: setup.world.publicAddress(), port: 3478 }];
  const client = setup.participant('client', NATS.linux, { stun });
  client.command({ do: 'names', master: [], stun: [], looked: true });
  setup.world.run(10_000);
  // Neither the master nor the only STUN server answers, and names do: that is what a network without UDP looks like.
  expect(finalProfile(client)?.type).toBe('blocked');
  setup.master.start();
  setup.until(() => client.last('link')?.state === 'up', 5_000, 'the master is back');
  setup.until(() => finalProfile(client)?.type === 'port-preserving-cone', 2_100, 'the network is measured');
});

test('what was measured before stays while the master is away', () => {
  const setup = peers({ seed: 'away' });
  const client = setup.participant('client', NATS.linux);
  setup.until(() => finalProfile(client)?.type === 'port-preserving-cone', 5_000, 'it is measured');
  setup.master.stop();
  setup.until(() => client.last('link')?.state === 'lost', 10_000, 'the link is lost');
  client.command({ do: 'check' });
  setup.world.run(5_000);
  expect(finalProfile(client)?.type).toBe('port-preserving-cone');
});
