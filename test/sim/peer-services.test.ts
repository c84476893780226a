/** What a host lets friends reach is told to them, and to nobody else. */
import { expect, test } from 'vitest';
import { laneOf, type Service } from '../../src/core/index.ts';
import { NATS } from '../../src/sim/index.ts';
import { hostAndClient, hostCommand, joinCommand, type Participant, peers } from './peers.ts';

const SERVICES: readonly Service[] = [
  { port: 64_738, protocols: 'udp+tcp' },
  { port: 7_777, protocols: 'tcp' },
  { port: 1, protocols: 'udp' },
];

function world(seed: string) {
  const setup = peers({ seed });
  const { host, client, code } = hostAndClient(setup, [NATS.linux, NATS.linux]);
  const hostWith = (at: Participant, services: readonly Service[]): void => {
    at.command({ do: 'unhost' });
    at.command({ ...(hostCommand() as ReturnType<typeof hostCommand> & { readonly do: 'host' }), services });
  };
  hostWith(host, SERVICES);
  return { setup, host, client, code, hostWith };
}

test('a friend learns the services of the host in their order with its path; the host has none to learn', () => {
  const { setup, host, client, code } = world('services told');
  client.command(joinCommand({ code }));
  setup.until(() => [host, client].every((each) => each.last('path') !== undefined), 5_000, 'both have a path');
  expect(client.last('path')?.services).toEqual(SERVICES);
  expect(host.last('path')?.services).toEqual([]);
});

test('a datagram comes with the service and the program that it was sent for', () => {
  const { setup, host, client, code } = world('services lanes');
  client.command(joinCommand({ code }));
  setup.until(() => [host, client].every((each) => each.last('path') !== undefined), 5_000, 'both have a path');
  const lanes = [laneOf(0, 0), laneOf(2, 0), laneOf(2, 15), laneOf(15, 15)];
  for (const [from, to] of [
    [client, host],
    [host, client],
  ] as const) {
    const path = from.last('path')?.path as number;
    for (const channel of lanes) from.command({ do: 'send', path, bytes: Uint8Array.of(channel), channel });
    setup.until(() => to.all('message').length === lanes.length, 2_000, 'all have come');
    expect(to.all('message').map(({ channel, bytes }) => [channel, ...bytes])).toEqual(
      lanes.map((lane) => [lane, lane]),
    );
  }
});

test('a host that comes back with other services tells a friend who waits for it', () => {
  const { setup, host, client, code, hostWith } = world('services change');
  client.command(joinCommand({ code }));
  setup.until(() => client.last('path') !== undefined, 5_000, 'there is a path');
  host.running.stop();
  const back = setup.participant('back', host.host, { identity: host.identity });
  const others: readonly Service[] = [{ port: 2_457, protocols: 'udp' }];
  hostWith(back, others);
  setup.until(() => client.all('path').length > 1, 60_000, 'there is a path again');
  expect(client.all('path').map(({ services }) => services)).toEqual([SERVICES, others]);
});
