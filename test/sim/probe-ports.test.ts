/** A master whose probe ports a firewall keeps shut says so itself, once participants from outside have shown it. */
import { expect, test } from 'vitest';
import type { MasterEvent } from '../../src/core/index.ts';
import { PortWatch } from '../../src/core/testing.ts';
import { NATS } from '../../src/sim/index.ts';
import { type Peers, peers } from './peers.ts';

type Told = MasterEvent & { readonly ev: 'probe-ports' };

const OURS = '198.51.100.7';

function toldBy({ master }: Peers): readonly Told[] {
  return master.events.filter((event): event is Told => event.ev === 'probe-ports');
}

test.each([1, 2])(
  'three participants from outside show it, for both addresses, and one that gets through takes it back (seed %i)',
  (seed) => {
    const setup = peers({ seed: `probe-ports-${seed}` });
    const { world, master } = setup;
    let shut = true;
    world.internet.obstruct(({ to }) => shut && master.address.addresses.includes(to.address) && to.port >= 8439);
    for (const name of ['a', 'b', 'c']) setup.participant(name, NATS.linux);
    world.run(15_000);
    const addresses = (told: readonly Told[]) => told.map(({ address }) => address).toSorted();
    expect(addresses(toldBy(setup))).toEqual([OURS, '198.51.100.8']);
    expect(toldBy(setup).every((told) => told.shut)).toBe(true);
    shut = false;
    setup.participant('d', NATS.linux);
    world.run(5_000);
    expect(addresses(toldBy(setup).filter((told) => !told.shut))).toEqual([OURS, '198.51.100.8']);
  },
);

test('where the probe ports are open nothing is said', () => {
  const setup = peers({ seed: 'probe-ports-open' });
  for (const name of ['a', 'b', 'c', 'd']) setup.participant(name, NATS.linux);
  setup.world.run(20_000);
  expect(toldBy(setup)).toEqual([]);
});

test('after a restart, with the ports open or not, those who come back show nothing: they ask no question', () => {
  const setup = peers({ seed: 'probe-ports-restart' });
  for (const name of ['a', 'b', 'c', 'd']) setup.participant(name, NATS.linux);
  setup.world.run(20_000);
  setup.master.stop();
  setup.world.run(5_000);
  setup.master.start();
  // Beyond the hour after which a session that was resumed gives way to one with a Diffie-Hellman.
  setup.world.run(2 * 3_600_000);
  expect(toldBy(setup)).toEqual([]);
});

test('whoever comes from this computer or from inside shows nothing', () => {
  const watch = new PortWatch([OURS]);
  for (const from of [OURS, '192.168.1.5', '10.0.0.3', '203.0.113.4', '203.0.113.5']) watch.joined(0, OURS, from);
  expect(watch.due(60_000)).toEqual([]);
  expect(watch.heard(OURS, '192.168.1.5')).toBe(false);
  watch.joined(60_000, OURS, '203.0.113.6');
  expect(watch.due(120_000)).toEqual([OURS]);
  expect(watch.heard(OURS, '203.0.113.6')).toBe(true);
});
