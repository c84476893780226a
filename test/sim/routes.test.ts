/** Routes that change under a computer: broken ones, other addresses, a VPN. */
import { expect, test } from 'vitest';
import { createWorld, type Host, NATS, type Packet } from '../../src/sim/index.ts';

const PORT = 7_000;

function begun(name: string) {
  const world = createWorld({ seed: name, delayMs: 20 });
  const gateway = world.nat(NATS.fullCone, { name: 'home' });
  const host = world.host({ name: 'host', behind: gateway });
  const far = world.server({ name: 'far' });
  return { world, gateway, host, far };
}

/** Sends from a socket bound to all addresses, and answers what has come in at either end since. */
function talk(left: Host, right: Host) {
  const heard = { left: [] as Packet[], right: [] as Packet[] };
  left.bind({ address: '0.0.0.0', port: PORT }, (packet) => heard.left.push(packet));
  right.bind({ address: right.address, port: PORT }, (packet) => heard.right.push(packet));
  const local = { address: '0.0.0.0', port: PORT };
  return {
    heard,
    out: () => left.send(local, { address: right.address, port: PORT }, Uint8Array.of(1)),
    back: (to: Packet) => right.send({ address: right.address, port: PORT }, to.from, Uint8Array.of(2)),
  };
}

test('an obstacle stops what it is meant for, in one direction, until it is taken away', () => {
  const { world, host, far } = begun('obstacle');
  const { heard, out, back } = talk(host, far);
  out();
  world.run(100);
  const clear = world.internet.obstruct((packet) => packet.from.address === far.address);
  back(heard.right[0]!);
  out();
  world.run(100);
  expect([heard.left.length, heard.right.length]).toEqual([0, 2]);
  expect(world.trace.filter(({ why }) => why === 'obstructed')).toHaveLength(1);
  clear();
  back(heard.right[0]!);
  world.run(100);
  expect(heard.left).toHaveLength(1);
});

test('a host that moves sends from its new address, from the same socket, and nothing arrives at the old one', () => {
  const { world, host, far, gateway } = begun('move');
  const { heard, out, back } = talk(host, far);
  out();
  world.run(100);
  const before = host.address;
  world.move(host);
  expect(host.address).not.toBe(before);
  expect(host.addresses).toEqual([host.address]);
  back(heard.right[0]!);
  world.run(100);
  expect(heard.left).toEqual([]);
  out();
  world.run(100);
  expect(heard.right[1]!.from.address, 'behind the same box').toBe(heard.right[0]!.from.address);
  back(heard.right[1]!);
  world.run(100);
  expect(heard.left.map(({ to }) => to.address)).toEqual([host.address]);
  const other = world.nat(NATS.linux, { name: 'radio' });
  world.move(host, other);
  out();
  world.run(100);
  expect(heard.right[2]!.from.address).toBe(other.nat.addresses[0]);
  expect(world.gatewayAddress(host)).not.toBe(null);
  expect(gateway.nat.addresses).not.toContain(heard.right[2]!.from.address);
});

test('over a VPN all leaves by the provider, what comes to the old address arrives, and off it is as before', () => {
  const { world, host, far, gateway } = begun('vpn');
  const { heard, out, back } = talk(host, far);
  out();
  world.run(100);
  const provider = world.nat(NATS.linux, { name: 'provider' });
  const off = world.vpn(host, provider, { delayMs: 15 });
  expect(host.addresses).toHaveLength(2);
  out();
  back(heard.right[0]!);
  world.run(200);
  expect(heard.right[1]!.from.address).toBe(provider.nat.addresses[0]);
  expect(heard.left, 'one way: the old mapping still leads here').toHaveLength(1);
  back(heard.right[1]!);
  world.run(200);
  expect(heard.left[1]!.to.address).toBe(host.address);
  off();
  expect(host.addresses).toHaveLength(1);
  back(heard.right[1]!);
  out();
  world.run(200);
  expect(heard.right[2]!.from.address).toBe(gateway.nat.addresses[0]);
  expect(heard.left, 'the tunnel is gone').toHaveLength(2);
});

test('who is in the same network is reached there, VPN or not', () => {
  const { world, host, gateway } = begun('neighbour');
  const neighbour = world.host({ name: 'neighbour', behind: gateway });
  world.vpn(host, world.nat(NATS.linux, { name: 'provider' }));
  const { heard, out } = talk(host, neighbour);
  out();
  world.run(100);
  expect(heard.right[0]!.from.address).not.toBe(host.address);
});
