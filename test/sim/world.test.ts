import { expect, test } from 'vitest';
import type { Endpoint, Machine, Output } from '../../src/core/index.ts';
import {
  asciiOf,
  bothSidesAgree,
  createWorld,
  NATS,
  type NatBehaviour,
  noPacketToUnprovenAddress,
  packetBudget,
  reflect,
  reflected,
} from '../../src/sim/index.ts';

type PunchEvent = { ev: 'mapped'; endpoint: Endpoint } | { ev: 'path'; remote: Endpoint };

/** The plainest peer: asks a reflector, is told its friend's address, and sends there every 200 ms until both have heard. */
function punch(reflector: Endpoint): Machine<Endpoint, PunchEvent> {
  const outputs: Output<PunchEvent>[] = [{ kind: 'socket', op: 'open', socket: 1, family: 4, port: 0 }];
  let friend: Endpoint | null = null;
  let nextAt = Number.POSITIVE_INFINITY;
  let heard = false;
  const send = (to: Endpoint, text: string) => outputs.push({ kind: 'transmit', socket: 1, to, bytes: asciiOf(text) });
  return {
    handleSocket: () => send(reflector, '?'),
    handleDatagram(now, _socket, from, bytes) {
      if (from.address === reflector.address) {
        outputs.push({ kind: 'event', event: { ev: 'mapped', endpoint: reflected(bytes) } });
      } else if (!heard) {
        heard = true;
        friend = from;
        nextAt = now;
        outputs.push({ kind: 'event', event: { ev: 'path', remote: from } });
      }
    },
    handleCommand(now, command) {
      friend = command;
      nextAt = now;
    },
    handleTimeout(now) {
      if (friend === null || now < nextAt) return;
      send(friend, 'hi');
      nextAt = heard ? Number.POSITIVE_INFINITY : now + 200;
    },
    poll: () => outputs.shift() ?? { kind: 'wait', until: nextAt },
  };
}

function meet(seed: number, left: NatBehaviour, right: NatBehaviour, lossRate = 0) {
  const world = createWorld({ seed, lossRate, delayMs: { min: 10, max: 80 } });
  const server = world.server();
  const [reflector] = reflect(server, [3478]) as [Endpoint];
  const hosts = world.pairBehind(left, right);
  const mapped: Endpoint[] = [];
  const running = hosts.map((host, index) =>
    host.run(punch(reflector), {
      onEvent: (event) => {
        if (event.ev === 'mapped') mapped[index] = event.endpoint;
      },
    }),
  );
  world.runUntil(() => mapped[0] !== undefined && mapped[1] !== undefined, { limitMs: 1_000 });
  running[0]?.command(mapped[1] as Endpoint);
  running[1]?.command(mapped[0] as Endpoint);
  world.runUntil(() => hosts.every((host) => host.connected), { limitMs: 3_000 });
  return { world, hosts };
}

test('two Linux homes meet by plain simultaneous sending', () => {
  const { world, hosts } = meet(1, NATS.linux, NATS.linux);
  expect(hosts.map((host) => host.connected)).toEqual([true, true]);
  world.check(noPacketToUnprovenAddress, packetBudget(10), bothSidesAgree);
});

test('a Linux home and pf do not meet by plain sending', () => {
  const { hosts } = meet(1, NATS.linux, NATS.pf);
  expect(hosts.map((host) => host.connected)).toEqual([false, false]);
});

test('a failed check says how to replay the run', () => {
  const { world } = meet(3, NATS.linux, NATS.linux);
  expect(() => world.check(packetBudget(0))).toThrow(/left sent \d+ packets[\s\S]*replay: .*"seed":3/);
});

test('one seed gives one trace, another seed another', () => {
  const text = (seed: number) => JSON.stringify(meet(seed, NATS.linux, NATS.linux).world.trace);
  expect(text(5)).toBe(text(5));
  expect(text(5)).not.toBe(text(6));
});

test('a TTL dies at the hop it counts to, and opens every box it has passed', () => {
  const deaths = [1, 2, 5, 7, 8].map((ttl) => {
    const world = createWorld({ seed: 1, hops: 3 });
    const server = world.server();
    reflect(server, [9]);
    const host = world.host({ behind: NATS.linux });
    const local = host.bind({ address: '0.0.0.0', port: 4000 }, () => {}) as Endpoint;
    host.send(local, { address: server.address, port: 9 }, new Uint8Array(1), ttl);
    world.run(1_000);
    const sent = world.trace.filter((record) => record.packet.id === 1).at(-1);
    const translated = world.trace.some((record) => record.what === 'translated' && record.packet.id === 1);
    return [sent?.what, sent?.where, translated, host.icmp.length];
  });
  expect(deaths).toEqual([
    ['dropped', 'host1.nat', false, 1],
    ['dropped', 'internet/router', true, 1],
    ['dropped', 'internet/router', true, 1],
    ['dropped', 'internet/router', true, 1],
    ['delivered', 'server0', true, 0],
  ]);
});

test('hosts behind one box meet on its LAN, and by its outside only with hairpin', () => {
  for (const hairpin of ['none', 'external-source'] as const) {
    const world = createWorld({ seed: 1 });
    const box = world.nat({ ...NATS.fullCone, hairpin });
    const [left, right] = [world.host({ behind: box }), world.host({ behind: box })];
    const got: Endpoint[] = [];
    left.bind({ address: '0.0.0.0', port: 5000 }, (packet) => got.push(packet.from));
    left.send({ address: '0.0.0.0', port: 5000 }, { address: '198.18.99.9', port: 1 }, new Uint8Array(1));
    right.bind({ address: '0.0.0.0', port: 6000 }, () => {});
    right.send({ address: '0.0.0.0', port: 6000 }, { address: left.address, port: 5000 }, new Uint8Array(1));
    right.send(
      { address: '0.0.0.0', port: 6000 },
      { address: box.nat.addresses[0] as string, port: 5000 },
      new Uint8Array(1),
    );
    world.run(100);
    const lan = { address: right.address, port: 6000 };
    const outside = { address: box.nat.addresses[0], port: 6000 };
    expect(got).toEqual(hairpin === 'none' ? [lan] : [lan, outside]);
  }
});

test('homes behind one carrier meet through the carrier only if it hairpins', () => {
  for (const hairpin of ['none', 'external-source'] as const) {
    const world = createWorld({ seed: 2 });
    const carrier = world.nat({ ...NATS.fullCone, hairpin }, { name: 'carrier' });
    const server = world.server();
    const [reflector] = reflect(server, [3478]) as [Endpoint];
    const hosts = [world.host({ behind: [NATS.fullCone, carrier] }), world.host({ behind: [NATS.fullCone, carrier] })];
    const seen: Endpoint[] = [];
    let heard = 0;
    hosts.forEach((host, index) => {
      host.bind({ address: '0.0.0.0', port: 5000 + index }, (packet) => {
        if (packet.from.address === reflector.address) seen[index] = reflected(packet.bytes);
        else heard++;
      });
      host.send({ address: '0.0.0.0', port: 5000 + index }, reflector, new Uint8Array(1));
    });
    world.run(200);
    expect(seen.map((endpoint) => endpoint.address)).toEqual([carrier.nat.addresses[0], carrier.nat.addresses[0]]);
    hosts[0]?.send({ address: '0.0.0.0', port: 5000 }, seen[1] as Endpoint, new Uint8Array(1));
    world.run(200);
    expect(heard).toBe(hairpin === 'none' ? 0 : 1);
  }
});

test('half of the losses at each end make the loss rate of the options', () => {
  const world = createWorld({ seed: 9, lossRate: 0.1, trace: false });
  const [left, right] = [world.host(), world.host()];
  let got = 0;
  right.bind({ address: '0.0.0.0', port: 1 }, () => got++);
  for (let i = 0; i < 20_000; i++)
    left.send({ address: '0.0.0.0', port: 1 }, { address: right.address, port: 1 }, new Uint8Array(1));
  world.run(1_000);
  expect(got / 20_000).toBeGreaterThan(0.89);
  expect(got / 20_000).toBeLessThan(0.91);
});

test('IPv6 passes the firewalls once both sides have sent, and keeps its addresses', () => {
  const world = createWorld({ seed: 4 });
  const [left, right] = [
    world.host({ behind: [NATS.linux, NATS.pf], ipv6: true }),
    world.host({ behind: NATS.linux, ipv6: true }),
  ];
  const six = (host: typeof left) => ({ address: host.addresses[1] as string, port: 7000 });
  const got: Endpoint[] = [];
  for (const host of [left, right]) host.bind({ address: '::', port: 7000 }, (packet) => got.push(packet.from));
  left.send({ address: '::', port: 7000 }, six(right), new Uint8Array(1));
  world.run(100);
  expect(got).toEqual([]);
  right.send({ address: '::', port: 7000 }, six(left), new Uint8Array(1));
  world.run(100);
  expect(got).toEqual([six(right)]);
});

test('a reboot ends every mapping, a new address ends the old one', () => {
  const world = createWorld({ seed: 4 });
  const box = world.nat(NATS.fullCone);
  const [inside, outside] = [world.host({ behind: box }), world.host()];
  let got = 0;
  inside.bind({ address: '0.0.0.0', port: 7000 }, () => got++);
  outside.bind({ address: '0.0.0.0', port: 1 }, () => {});
  const knock = () => {
    const before = got;
    outside.send({ address: '0.0.0.0', port: 1 }, { address: old, port: 7000 }, new Uint8Array(1));
    world.run(100);
    return got > before;
  };
  const open = () => {
    inside.send({ address: '0.0.0.0', port: 7000 }, { address: outside.address, port: 1 }, new Uint8Array(1));
    world.run(100);
  };
  const old = box.nat.addresses[0] as string;
  open();
  expect(knock()).toBe(true);
  box.nat.reboot();
  expect(knock()).toBe(false);
  open();
  expect(knock()).toBe(true);
  world.readdress(box);
  open();
  expect(knock()).toBe(false);
  expect(box.nat.addresses[0]).not.toBe(old);
});
