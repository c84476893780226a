import { expect, test } from 'vitest';
import {
  bothSidesAgree,
  NATS,
  type NatBehaviour,
  noPacketToUnprovenAddress,
  packetBudget,
} from '../../src/sim/index.ts';
import { ANNOUNCEMENT, hostAndClient, hostCommand, joinCommand, type Participant, type Peers, peers } from './peers.ts';

/** Every easy NAT there is: endpoint-independent mapping with each filtering, kept and random ports, and none at all. */
const EASY: Readonly<Record<string, NatBehaviour | null>> = {
  public: null,
  'full cone': NATS.fullCone,
  'address-restricted': NATS.addressRestricted,
  'port-restricted': NATS.linux,
  'WAN input accepted': NATS.linuxAccept,
  'port-restricted, random ports': { ...NATS.linux, allocation: { random: { low: 1024, high: 65_535 } } },
};

function talk(setup: Peers, host: Participant, client: Participant): void {
  const [there, back] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)];
  client.command({ do: 'send', path: client.last('path')!.path, bytes: there });
  host.command({ do: 'send', path: host.last('path')!.path, bytes: back });
  setup.until(() => host.last('message') !== undefined && client.last('message') !== undefined, 1_000, 'both hear');
  expect(host.last('message')?.bytes).toEqual(there);
  expect(client.last('message')?.bytes).toEqual(back);
}

function connect(setup: Peers, host: Participant, client: Participant, code: string, limitMs: number): void {
  client.command(joinCommand({ code }));
  const both = () => host.last('path') !== undefined && client.last('path') !== undefined;
  setup.until(both, limitMs, 'both have a path');
}

for (const [hostNat, hostBehind] of Object.entries(EASY)) {
  for (const [clientNat, clientBehind] of Object.entries(EASY)) {
    test(`host behind ${hostNat}, client behind ${clientNat}: connected within a second, and both talk`, () => {
      const setup = peers({ seed: `${hostNat}/${clientNat}`, trace: true });
      const { host, client, code } = hostAndClient(setup, [hostBehind, clientBehind]);
      connect(setup, host, client, code, 1_000);
      expect(client.last('path')?.kind).toBe('direct');
      talk(setup, host, client);
      setup.world.check(noPacketToUnprovenAddress, bothSidesAgree, packetBudget(60));
    });
  }
}

test('S7: from JOIN to the proof: two trips through the master and two one-way trips for the client, one more for the host, in the median', () => {
  const delayMs = 20;
  const viaMasterMs = 2 * delayMs;
  const times = Array.from({ length: 21 }, (_, n) => {
    const setup = peers({ seed: `median ${n}`, delayMs });
    const { host, client } = hostAndClient(setup, [NATS.linux, NATS.linux]);
    // A link has the host's key, so nothing has to be resolved.
    client.command(joinCommand({ hostKey: host.publicKey }));
    const begunAt = setup.world.now;
    const took = (one: Participant): number => {
      setup.until(() => one.last('path') !== undefined, 2_000, 'there is a path');
      return setup.world.now - begunAt;
    };
    return { client: took(client), host: took(host) };
  });
  const median = (of: 'client' | 'host'): number =>
    times.map((one) => one[of]).sort((left, right) => left - right)[10] as number;
  expect(median('client')).toBe(2 * viaMasterMs + 2 * delayMs);
  expect(median('host')).toBe(2 * viaMasterMs + 3 * delayMs);
});

test('two behind one NAT that does not hairpin connect through the LAN', () => {
  const setup = peers({ seed: 'lan' });
  const gateway = setup.world.nat(NATS.linux);
  const { host, client, code } = hostAndClient(setup, [gateway, gateway]);
  connect(setup, host, client, code, 2_000);
  expect(client.last('path')?.kind).toBe('lan');
  expect(client.last('path')?.remote.address).toBe(host.host.address);
  talk(setup, host, client);
});

test('two behind one NAT that hairpins connect, whatever way', () => {
  const setup = peers({ seed: 'hairpin' });
  const gateway = setup.world.nat({ ...NATS.linux, hairpin: 'external-source' });
  const { host, client, code } = hostAndClient(setup, [gateway, gateway]);
  connect(setup, host, client, code, 2_000);
  talk(setup, host, client);
});

test('two behind two home NATs of one carrier NAT that hairpins connect through the carrier', () => {
  const setup = peers({ seed: 'carrier' });
  const carrier = setup.world.nat(NATS.a10);
  const [left, right] = [0, 1].map((n) => setup.world.nat(NATS.linux, { name: `home${n}`, behind: carrier }));
  const { host, client, code } = hostAndClient(setup, [left as never, right as never]);
  connect(setup, host, client, code, 5_000);
  talk(setup, host, client);
});

test('LAN addresses are never probed from another network', () => {
  const setup = peers({ seed: 'row 17', trace: true });
  const { host, client, code } = hostAndClient(setup, [NATS.linux, NATS.linux]);
  connect(setup, host, client, code, 2_000);
  setup.world.run(20_000);
  const lan = [host.host.address, client.host.address];
  const sent = setup.world.trace.filter(({ what, packet }) => what === 'sent' && lan.includes(packet.to.address));
  expect(sent).toEqual([]);
});

for (const lossRate of [0.02, 0.05, 0.1, 0.2]) {
  test(`at ${lossRate * 100} % loss every one of ten joins comes through and both sides agree`, () => {
    for (let n = 0; n < 10; n++) {
      const setup = peers({ seed: `loss ${lossRate} ${n}`, lossRate, trace: true });
      const host = setup.participant('host', NATS.linux);
      const client = setup.participant('client', NATS.linux);
      host.command(hostCommand());
      setup.until(() => host.last('hosting') !== undefined, 20_000, 'listed');
      setup.until(() => client.last('link')?.state === 'up', 20_000, 'linked');
      connect(setup, host, client, host.last('hosting')!.code, 20_000);
      setup.world.check(noPacketToUnprovenAddress, bothSidesAgree);
    }
  });
}

test('S17: requests and datagrams that come twice, late and out of order make one session and one path', () => {
  for (let n = 0; n < 10; n++) {
    const link = { duplicateRate: 0.5, reorderRate: 0.3, reorderMs: 60, jitterMs: 20 };
    const setup = peers({ seed: `order ${n}`, link, trace: true });
    const { host, client, code } = hostAndClient(setup, [NATS.linux, NATS.linux]);
    connect(setup, host, client, code, 3_000);
    setup.world.run(60_000);
    expect([host.all('path').length, client.all('path').length]).toEqual([1, 1]);
    expect(host.all('path-lost')).toEqual([]);
    setup.world.check(noPacketToUnprovenAddress, bothSidesAgree);
  }
});

test('ten friends join one host at once', () => {
  const setup = peers({ seed: 'party' });
  const { host, code } = hostAndClient(setup, [NATS.linux, NATS.linux]);
  host.command(hostCommand({ playersMax: 16 }));
  const friends = Array.from({ length: 10 }, (_, n) => setup.participant(`friend ${n}`, NATS.linux));
  setup.until(() => friends.every((friend) => friend.last('ready') !== undefined), 3_000, 'all are ready');
  for (const friend of friends) friend.command(joinCommand({ code }));
  setup.until(() => host.all('path').length === 10, 5_000, 'all are in');
  expect(new Set(host.all('path').map(({ friend }) => friend)).size).toBe(10);
});

for (const honest of [true, false]) {
  test(`a router that ${honest ? 'opens a port makes a hard pair easy' : 'only claims to open a port is not believed'}`, () => {
    const setup = peers({ seed: `upnp ${honest}`, trace: true });
    const gateway = setup.world.nat(NATS.linuxRandom, { name: 'hostnat' });
    const host = setup.participant('host', setup.world.host({ name: 'h', behind: gateway }));
    const client = setup.participant('client', NATS.linuxRandom);
    host.command(hostCommand());
    setup.until(() => host.last('upnp')?.op === 'map', 1_000, 'the driver is asked');
    const { port } = host.last('upnp')!;
    const external = { address: gateway.nat.addresses[0] as string, port: 40_000 };
    if (honest) gateway.nat.forwardPort(external.port, { address: host.host.address, port });
    host.command({ do: 'upnp', works: true, external });
    setup.world.run(4_000);
    expect(host.last('profile')?.profile.portMapping.external).toEqual(honest ? external : null);
    client.command(joinCommand({ code: host.last('hosting')!.code }));
    if (honest) {
      setup.until(() => client.last('path') !== undefined, 1_000, 'the client has a path');
      expect(client.last('path')).toMatchObject({ kind: 'mapped', remote: external });
      setup.world.run(200);
      talk(setup, host, client);
      host.command({ do: 'release', path: host.last('path')!.path });
      setup.world.run(1_000);
      expect(host.running.released.size).toBe(0);
      client.command({ do: 'leave', path: client.last('path')!.path });
      setup.world.run(1_000);
    }
    host.command({ do: 'close' });
    setup.until(() => host.last('closed') !== undefined, 500, 'closed');
    expect(host.last('upnp')).toEqual({ ev: 'upnp', op: 'unmap', port });
    expect(host.running.socketsOpen).toBe(0);
  });
}

test('S23: a public host is in the list of everybody, without any address, and is gone after it closes', () => {
  const setup = peers({ seed: 'list' });
  const { host, client, code } = hostAndClient(setup, [NATS.linux, NATS.linux]);
  host.command({ do: 'announce', announcement: { ...ANNOUNCEMENT, name: 'Late', public: true }, players: 3 });
  setup.world.run(1_000);
  client.command({ do: 'list', id: 7 });
  setup.until(() => client.last('list') !== undefined, 1_000, 'the list');
  const [entry] = client.last('list')!.entries;
  expect(entry).toMatchObject({ code, name: 'Late', players: 3, playersMax: 8 });
  const [address] = host.last('profile')!.profile.external;
  expect(JSON.stringify(client.last('list'))).not.toContain(address);
  host.command({ do: 'close' });
  setup.world.run(1_000);
  client.command({ do: 'list', id: 8 });
  setup.until(() => client.last('list')?.id === 8, 1_000, 'the list again');
  expect(client.last('list')?.entries).toEqual([]);
});

test('two with IPv6 behind stateful firewalls meet there, however hard their IPv4 NATs are', () => {
  const setup = peers({ seed: 'ipv6', trace: true });
  const at = (name: string) => setup.world.host({ name, behind: NATS.linuxRandom, ipv6: true });
  const { host, client, code } = hostAndClient(setup, [at('h'), at('c')]);
  setup.world.run(1_000);
  expect([host, client].map((one) => one.last('profile')?.profile.ipv6)).toEqual(['yes', 'yes']);
  connect(setup, host, client, code, 500);
  expect(client.last('path')).toMatchObject({ kind: 'ipv6' });
  talk(setup, host, client);
  setup.world.check(noPacketToUnprovenAddress, bothSidesAgree);
  for (const one of [host, client]) {
    one.command({ do: 'close' });
    setup.until(() => one.last('closed') !== undefined, 500, 'closed');
    expect(one.running.socketsOpen).toBe(0);
  }
});

test('a host with IPv6 and a friend without it meet over IPv4', () => {
  const setup = peers({ seed: 'one ipv6', trace: true });
  const dual = setup.world.host({ name: 'h', behind: NATS.linux, ipv6: true });
  const { host, client, code } = hostAndClient(setup, [dual, NATS.linux]);
  connect(setup, host, client, code, 1_000);
  expect(client.last('path')?.kind).toBe('direct');
  expect([host, client].map((one) => one.last('profile')?.profile.ipv6)).toEqual(['yes', 'no']);
  talk(setup, host, client);
  setup.world.check(noPacketToUnprovenAddress, bothSidesAgree);
});

test('a computer that had no socket for IPv6 proves its address when it has one again', () => {
  const setup = peers({ seed: 'late ipv6' });
  const place = setup.world.host({ name: 'c', behind: NATS.linux, ipv6: true });
  const lift = place.limitSockets(2);
  const one = setup.participant('c', place);
  setup.until(() => one.last('ready') !== undefined, 5_000, 'ready');
  setup.world.run(3_000);
  expect(one.last('profile')?.profile.ipv6).toBe('untested');
  lift();
  one.command({ do: 'network', network: { addresses: place.addresses, gateway: null } });
  one.command({ do: 'check' });
  setup.until(() => one.last('profile')?.profile.ipv6 === 'yes', 2_000, 'IPv6 is proven');
});

test('two who have nothing but IPv6 meet', () => {
  const setup = peers({ seed: 'only ipv6', trace: true });
  const master = {
    ...setup.master.address,
    addresses: setup.master.address.addresses.filter((one) => one.includes(':')),
  };
  const at = (name: string) => setup.world.host({ name, behind: NATS.linux, ipv6: true });
  const host = setup.participant('host', at('h'), { master, family: 6 });
  const client = setup.participant('client', at('c'), { master, family: 6 });
  host.command(hostCommand());
  const ready = () => host.last('hosting') !== undefined && client.last('ready') !== undefined;
  setup.until(ready, 5_000, 'both are ready');
  connect(setup, host, client, host.last('hosting')!.code, 2_000);
  expect(client.last('path')?.kind).toBe('ipv6');
  expect(client.last('profile')?.profile.ipv6).toBe('yes');
  talk(setup, host, client);
  setup.world.check(noPacketToUnprovenAddress, bothSidesAgree);
});
