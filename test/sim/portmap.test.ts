/**
 * A router that draws a port at random for everything that goes out (pf, OPNsense) and opens one port for what comes in: the way in is
 * proven, told and used, though nobody could predict a port of this network.
 */
import { expect, test } from 'vitest';
import { answerStun, type Endpoint, familyOf } from '../../src/core/index.ts';
import { NATS, type World } from '../../src/sim/index.ts';
import { hostCommand, joinCommand, type Participant, peers } from './peers.ts';

const gatewayOf = (setup: ReturnType<typeof peers>, name: string) => {
  const found = setup.world.gateways.find((gateway) => gateway.name.startsWith(`${name}.`));
  if (found === undefined) throw new Error(`no gateway of ${name}`);
  return found;
};

/** The router of this participant does what UPnP asks for. */
function opens(setup: ReturnType<typeof peers>, of: Participant): void {
  const asked = of.last('upnp');
  if (asked === undefined) throw new Error('UPnP was not asked for');
  const { nat } = gatewayOf(setup, of.host.name);
  nat.forwardPort(asked.port, { address: of.host.addresses[0]!, port: asked.port });
  const external = { address: nat.addresses[0]!, port: asked.port };
  of.command({ do: 'upnp', works: true, external });
}

test.each([1, 2, 3])('two strict networks meet through a mapping of one of them (seed %i)', (seed) => {
  const setup = peers({ seed: `inbound-only-${seed}` });
  const host = setup.participant('host', NATS.pf);
  const client = setup.participant('client', NATS.pf);
  host.command(hostCommand());
  setup.until(() => host.last('hosting') !== undefined && client.last('ready') !== undefined, 5_000, 'both are ready');
  expect(host.last('profile')?.profile.verdict).toBe('strict');
  opens(setup, host);
  const open = () => host.last('profile')?.profile.portMapping.external != null;
  setup.until(open, 5_000, 'the mapping is proven');
  expect(host.last('profile')?.profile).toMatchObject({ mapping: 'apdm', verdict: 'open' });
  client.command(joinCommand({ code: host.last('hosting')!.code }));
  setup.until(() => client.last('path') !== undefined, 10_000, 'a path is proven');
  expect(client.last('path')).toMatchObject({ kind: 'mapped' });
});

/** One that does what RESPONSE-PORT asks for, at one address of each family. */
function stunServer(world: World): readonly Endpoint[] {
  const addresses = [world.publicAddress(), world.publicAddress6()];
  const place = world.server({ name: 'stun', addresses });
  return addresses.map((address) => {
    const local = { address, port: 3478 };
    place.bind(local, (packet) => {
      const server = { addresses: [address], ports: [3478], behaviour: 'anybody' } as const;
      const reply = answerStun(server, local, packet.from, packet.bytes);
      if (reply !== null) place.send(reply.from, reply.to, reply.bytes);
    });
    return local;
  });
}

test.each([1, 2, 3])(
  'behind one router with a master of 16 ports a STUN server proves the mapping (seed %i)',
  (seed) => {
    const home: { router?: ReturnType<World['nat']> } = {};
    const setup = peers({ seed: `portmap-home-master-${seed}` }, (world) => {
      home.router = world.nat(NATS.pf, { name: 'host.router' });
      return { behind: home.router };
    });
    const { world } = setup;
    const asked: { readonly from: Endpoint; readonly to: Endpoint }[] = [];
    world.watch(({ packet }) => void asked.push(packet), 'sent');
    const place = world.host({ name: 'host', behind: home.router!, ipv6: true });
    const host = setup.participant('host', place, { stun: stunServer(world) });
    setup.until(() => host.last('link')?.state === 'up' && host.last('upnp') !== undefined, 5_000, 'it is there');
    opens(setup, host);
    const open = () => host.last('profile')?.profile.portMapping.external ?? null;
    setup.until(() => open() !== null, 5_000, 'the mapping is proven');
    expect(open()).toEqual({ address: home.router!.nat.addresses[0], port: host.last('upnp')!.port });
    world.run(30_000);
    expect(asked.filter(({ from, to }) => familyOf(from.address) !== familyOf(to.address))).toEqual([]);
    expect(host.last('profile')?.profile.verdict).toBe('open');
  },
);

test('where the probe ports of a master on the Internet are shut, a STUN server proves the mapping', () => {
  const setup = peers({ seed: 'portmap-shut-ports' });
  const { world } = setup;
  const { addresses, port } = setup.master.address;
  world.internet.obstruct(({ to }) => addresses.includes(to.address) && to.port >= port + 9);
  const host = setup.participant('host', NATS.pf, { stun: stunServer(world) });
  setup.until(() => host.last('ready') !== undefined && host.last('upnp') !== undefined, 5_000, 'it is there');
  opens(setup, host);
  setup.until(() => host.last('profile')?.profile.portMapping.external != null, 8_000, 'the mapping is proven');
});

test('while a master on the Internet answers, no STUN server is asked for a proof', () => {
  const setup = peers({ seed: 'portmap-manners' });
  const { world } = setup;
  const stun = stunServer(world);
  const host = setup.participant('host', NATS.pf, { stun });
  setup.until(() => host.last('ready') !== undefined && host.last('upnp') !== undefined, 5_000, 'it is there');
  world.run(10_000);
  const asked: Endpoint[] = [];
  world.watch(({ packet }) => void asked.push(packet.to), 'sent');
  opens(setup, host);
  setup.until(() => host.last('profile')?.profile.portMapping.external != null, 5_000, 'the mapping is proven');
  world.run(60_000);
  expect(asked.filter(({ address }) => stun.some((server) => server.address === address))).toEqual([]);
});
