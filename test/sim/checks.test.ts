import { expect, test } from 'vitest';
import type { Endpoint, Machine, Output } from '../../src/core/index.ts';
import {
  bothSidesAgree,
  createWorld,
  fewSocketsAfterPath,
  mappingBudget,
  NATS,
  noAmplification,
  noPacketToUnprovenAddress,
  nothingAfterClose,
  packetBudget,
  packetRate,
  type World,
} from '../../src/sim/index.ts';

const LOCAL = { address: '0.0.0.0', port: 5000 };

function worldOfTwo() {
  const world = createWorld({ seed: 1, replay: 'npx vitest run test/sim/checks.test.ts' });
  const server = world.server();
  const [left, right] = world.pairBehind(NATS.linux, NATS.linux);
  for (const host of [server, left, right]) host.bind(LOCAL, () => {});
  const outside = (n: number): Endpoint => ({ address: world.gateways[n]?.nat.addresses[0] as string, port: 5000 });
  return { world, server, left, right, outside, at: { address: server.address, port: 5000 } };
}

/** A machine that runs a list of outputs once, then rests. */
function script(outputs: Output<{ ev: string }>[]): Machine<never, { ev: string }> {
  return {
    handleDatagram() {},
    handleSocket() {},
    handleTimeout() {},
    handleCommand() {},
    poll: () => outputs.shift() ?? { kind: 'wait', until: Number.POSITIVE_INFINITY },
  };
}

const caught = (world: World, check: (world: World) => string | null) => check(world);

test('a probe to an address that nobody has proven is caught, one to a proven address is not', () => {
  const { world, left, right, outside, at } = worldOfTwo();
  right.send(LOCAL, at, new Uint8Array(1));
  world.run(100);
  left.send(LOCAL, outside(1), new Uint8Array(1));
  expect(caught(world, noPacketToUnprovenAddress)).toBeNull();
  right.send(LOCAL, outside(0), new Uint8Array(1));
  expect(caught(world, noPacketToUnprovenAddress)).toContain('right sent to');
});

test('a forged source proves nothing', () => {
  const { world, left, outside, at } = worldOfTwo();
  world.inject({ from: outside(1), to: at, bytes: new Uint8Array(1) });
  world.run(100);
  left.send(LOCAL, outside(1), new Uint8Array(1));
  expect(caught(world, noPacketToUnprovenAddress)).toContain('left sent to');
});

test('a server that sends more than it got is caught until the address has answered', () => {
  const { world, server, left, outside, at } = worldOfTwo();
  server.run(script([]));
  left.send(LOCAL, at, new Uint8Array(10));
  world.run(100);
  server.send(LOCAL, outside(0), new Uint8Array(10));
  world.run(100);
  expect(caught(world, noAmplification)).toBeNull();
  left.send(LOCAL, at, new Uint8Array(1));
  world.run(100);
  server.send(LOCAL, outside(0), new Uint8Array(1000));
  expect(caught(world, noAmplification)).toBeNull();
  server.send(LOCAL, outside(1), new Uint8Array(1));
  expect(caught(world, noAmplification)).toContain('sent 1 bytes for 0');
});

test('budgets of packets, of packets per window and of mappings are counted', () => {
  const { world, left, outside } = worldOfTwo();
  for (let n = 0; n < 5; n++) world.after(n * 100, () => left.send(LOCAL, outside(1), new Uint8Array(1)));
  world.run(1_000);
  expect(caught(world, packetBudget(5))).toBeNull();
  expect(caught(world, packetBudget(4))).toContain('left sent 5 packets');
  expect(caught(world, packetRate(2, 150))).toBeNull();
  expect(caught(world, packetRate(2, 250))).toContain('more than 2');
  expect(caught(world, mappingBudget(1))).toBeNull();
  expect(caught(world, mappingBudget(0))).toContain('held 1');
});

test('a path that only one side reports is caught', () => {
  const { world, left, right } = worldOfTwo();
  left.run(script([{ kind: 'event', event: { ev: 'path' } }]));
  world.run(1);
  expect(() => world.check(bothSidesAgree)).toThrow('replay: npx vitest run');
  right.run(script([{ kind: 'event', event: { ev: 'path' } }]));
  world.run(1);
  world.check(bothSidesAgree);
});

test('sockets that are still open beside a path are caught, and a host has no more of them than its limit', () => {
  const { world, left } = worldOfTwo();
  const open = (socket: number): Output<never> => ({ kind: 'socket', op: 'open', socket, family: 4, port: 0 });
  const takeBack = left.limitSockets(2);
  left.run(script([open(1), open(2), open(3), { kind: 'event', event: { ev: 'path' } }]));
  world.run(1);
  expect(left.socketsOpen).toBe(3);
  expect(caught(world, fewSocketsAfterPath(3))).toBeNull();
  expect(caught(world, fewSocketsAfterPath(2))).toContain('left has a path and 3 sockets');
  takeBack();
  left.run(script([open(1)]));
  world.run(1);
  expect(left.socketsOpen).toBe(4);
});

test('who has lost a path reports it no more, and has its others still', () => {
  const { world, left } = worldOfTwo();
  const event = (ev: string, path: number): Output<{ ev: string; path: number }> => ({
    kind: 'event',
    event: { ev, path },
  });
  left.run(script([event('path', 1), event('path', 2), event('path-lost', 1)]));
  world.run(1);
  expect(left.connected).toBe(true);
  const { world: another, left: alone } = worldOfTwo();
  alone.run(script([event('path', 1), event('path-lost', 1)]));
  another.run(1);
  expect(alone.connected).toBe(false);
  expect(caught(another, bothSidesAgree)).toBeNull();
});

test('who has ended reports no path any more', () => {
  const { world, left } = worldOfTwo();
  const running = left.run(script([{ kind: 'event', event: { ev: 'path' } }]));
  world.run(1);
  expect(left.connected).toBe(true);
  running.stop();
  expect(left.connected).toBe(false);
});

test('a packet after `closed` is caught, one on a closed socket stops the run', () => {
  const { world, left, at } = worldOfTwo();
  left.run(script([{ kind: 'event', event: { ev: 'closed' } }]));
  world.run(10);
  expect(caught(world, nothingAfterClose)).toBeNull();
  left.send(LOCAL, at, new Uint8Array(1));
  expect(caught(world, nothingAfterClose)).toContain('after it closed');
  const open: Output<never> = { kind: 'socket', op: 'open', socket: 1, family: 4, port: 0 };
  const close: Output<never> = { kind: 'socket', op: 'close', socket: 1 };
  left.run(script([open, close, { kind: 'transmit', socket: 1, to: at, bytes: new Uint8Array(1) }]));
  expect(() => world.run(10)).toThrow('which is not open');
});

test('machines that never rest stop the run', () => {
  const busy = createWorld({ seed: 1 });
  busy.host().run({ ...script([]), poll: () => ({ kind: 'event', event: { ev: 'x' } }) });
  expect(() => busy.run(10)).toThrow('never waits');
  const wakeful = createWorld({ seed: 1 });
  wakeful.host().run({ ...script([]), poll: () => ({ kind: 'wait', until: 0 }) });
  expect(() => wakeful.run(10)).toThrow('wakes without end');
});
