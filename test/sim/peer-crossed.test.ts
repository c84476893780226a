/** Joins that meet each other, and hosts that share a key (docs/reference/security.md §4.2). */
import { expect, test } from 'vitest';
import { NATS, type NatBehaviour } from '../../src/sim/index.ts';
import { type EventOf, hostAndClient, hostCommand, joinCommand, type Participant, peers } from './peers.ts';

const CROSSING: Readonly<Record<string, readonly [NatBehaviour, NatBehaviour]>> = {
  'two easy NATs': [NATS.linux, NATS.linux],
  'two that accept strangers': [NATS.linuxAccept, NATS.linuxAccept],
  'an easy and a random one': [NATS.linux, NATS.linuxRandom],
};

for (const [name, [left, right]] of Object.entries(CROSSING)) {
  test(`two people who host and join each other at one instant get both paths: ${name}`, () => {
    for (const seed of [1, 2, 3, 4]) {
      const setup = peers({ seed: `crossed ${seed}` });
      const both = [setup.participant('ana', left), setup.participant('kofi', right)] as const;
      for (const one of both) one.command(hostCommand());
      const ready = (one: Participant) => one.last('hosting') !== undefined && one.last('ready') !== undefined;
      setup.until(() => both.every(ready), 5_000, 'both host');
      const code = (one: Participant) => (one.last('hosting') as EventOf<'hosting'>).code;
      both[0].command(joinCommand({ code: code(both[1]) }));
      both[1].command(joinCommand({ code: code(both[0]) }));
      setup.until(
        () => both.every((one) => one.all('path').length === 2),
        60_000,
        'each has a path as client and as host',
      );
      expect(both.flatMap((one) => one.all('join-failed'))).toEqual([]);
    }
  });
}

test('of two hosts with one key the later one is found, and the first again when that is gone', () => {
  for (const end of ['close', 'crash'] as const) {
    const setup = peers({ seed: `one key, ${end}` });
    const { host, client, code } = hostAndClient(setup, [NATS.linux, NATS.linux]);
    const twin = setup.participant('twin', NATS.linux, { identity: host.identity });
    twin.command(hostCommand());
    setup.until(() => host.last('hosting-failed') !== undefined, 2_000, 'the first is told');
    // Whatever becomes of its session, it does not take the place back.
    host.running.command({
      do: 'network',
      network: { addresses: [...host.host.addresses, '10.9.9.9'], gateway: null },
    });
    setup.world.run(30_000);
    expect(twin.all('hosting-failed')).toEqual([]);
    expect(host.all('hosting-failed').map(({ failure }) => failure)).toEqual(['HOST_REPLACED']);
    client.command(joinCommand({ code }));
    setup.until(() => client.last('path') !== undefined, 5_000, 'the client has a path');
    setup.world.run(100);
    expect([host.all('path').length, twin.all('path').length]).toEqual([0, 1]);
    if (end === 'close') twin.command({ do: 'close' });
    else twin.running.stop();
    // A session that says nothing lasts 65 s, and the first host asks every 20 s.
    setup.world.run(90_000);
    const later = setup.participant('later', NATS.linux);
    setup.until(() => later.last('ready') !== undefined, 5_000, 'the next is ready');
    later.command(joinCommand({ code }));
    setup.until(() => later.last('path') !== undefined, 5_000, 'the next has a path');
    setup.world.run(100);
    // After a crash the friend before comes over too.
    expect(host.all('path').length).toBe(end === 'close' ? 1 : 2);
    expect(host.all('hosting-failed').length).toBe(1);
    expect(host.all('hosting').map(({ code: told }) => told)).toEqual([code, code]);
  }
});

test('a host is told at once of a later one with its key also where both are behind one router, and a host that only moves is not', () => {
  const setup = peers({ seed: 'one key, one router' });
  const box = setup.world.nat(NATS.linux);
  const at = (name: string) => setup.world.host({ name, behind: box });
  const { host } = hostAndClient(setup, [at('old'), NATS.linux]);
  host.command({ do: 'network', network: { addresses: [...host.host.addresses, '10.9.9.9'], gateway: null } });
  setup.world.run(30_000);
  expect(host.all('hosting-failed')).toEqual([]);
  const twin = setup.participant('twin', at('new'), { identity: host.identity });
  twin.command(hostCommand());
  setup.until(() => twin.all('hosting').length > 0, 2_000, 'the later one hosts');
  // Not only by the next heartbeat, which is due within 18 s.
  setup.world.run(500);
  expect(host.all('hosting-failed').map(({ failure }) => failure)).toEqual(['HOST_REPLACED']);
});
