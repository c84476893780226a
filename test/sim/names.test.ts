/** The name of a masterserver that leads elsewhere, or nowhere yet. */
import { expect, test } from 'vitest';
import { NATS } from '../../src/sim/index.ts';
import { hostCommand, peers } from './peers.ts';

test('a participant that starts before its name leads anywhere is up as soon as it does', () => {
  const setup = peers({ seed: 'no name yet' });
  const one = setup.participant('one', NATS.linux, { master: { ...setup.master.address, addresses: [] } });
  setup.world.run(10_000);
  expect(one.last('link')).toMatchObject({ state: 'lost', failure: 'MASTER_UNREACHABLE' });
  one.command({ do: 'names', master: setup.master.address.addresses, stun: [], looked: true });
  setup.until(() => one.last('link')?.state === 'up', 5_000, 'it is up');
});

test('a host whose masterserver moves to another address is found there', () => {
  const setup = peers({ seed: 'moves' });
  const [first = '', second = ''] = setup.master.address.addresses;
  const host = setup.participant('host', NATS.linux, { master: { ...setup.master.address, addresses: [first] } });
  host.command(hostCommand());
  setup.until(() => host.last('hosting') !== undefined, 5_000, 'it hosts');
  setup.world.internet.obstruct(({ to }) => to.address === first);
  setup.until(() => host.last('link')?.state === 'lost', 10_000, 'the link is lost');
  host.command({ do: 'names', master: [second], stun: [], looked: true });
  setup.until(() => host.last('link')?.state === 'up', 5_000, 'it is up again');
});
