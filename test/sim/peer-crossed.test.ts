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

test('of three with one key the last one stays, also where the first wakes up again, and each of the others is told once', () => {
  for (const sleepMs of [0, 20_000, 100_000, 600_000]) {
    const setup = peers({ seed: `three with one key ${sleepMs}` });
    const { host: first, client, code } = hostAndClient(setup, [NATS.linux, NATS.linux]);
    const { identity } = first;
    setup.world.run(3_000);
    // The first one sleeps while the others come: what is sent to it meanwhile is lost.
    if (sleepMs > 0) {
      first.running.pause(sleepMs);
      const [at] = first.last('profile')!.profile.external;
      setup.world.after(
        sleepMs,
        setup.world.internet.obstruct(({ from, to }) => [from.address, to.address].includes(at!)),
      );
    }
    const [second, third] = ['second', 'third'].map((name) => {
      setup.world.run(2_000);
      const one = setup.participant(name, NATS.linux, { identity });
      one.command(hostCommand());
      setup.until(() => one.last('hosting') !== undefined, 5_000, `${name} hosts`);
      return one;
    }) as [Participant, Participant];
    const failures = (one: Participant) => one.all('hosting-failed').map(({ failure }) => failure);
    setup.until(() => second.last('hosting-failed') !== undefined, 2_000, 'the second is told');
    const told = () => first.last('hosting-failed') !== undefined;
    setup.until(told, sleepMs === 0 ? 1 : sleepMs + 10_000, 'the first is told, at the latest when it is awake');
    setup.world.run(300_000);
    expect([first, second, third].map(failures), `asleep for ${sleepMs} ms`).toEqual([
      ['HOST_REPLACED'],
      ['HOST_REPLACED'],
      [],
    ]);
    expect([first, second, third].map((one) => one.all('hosting').length)).toEqual([1, 1, 1]);
    client.command(joinCommand({ code }));
    setup.until(() => client.last('path') !== undefined, 5_000, 'a friend has a path');
    setup.world.run(100);
    expect([first, second, third].map((one) => one.all('path').length)).toEqual([0, 0, 1]);
  }
});
