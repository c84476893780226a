/** A socket of IPv4 on a network that has IPv6 alone. */
import { expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/index.ts';
import { Nat64, type OpenUdpSocket } from '../../src/node/index.ts';

const PREFIXES = ['2001:db8:64::c000:aa', '2001:db8:65::c000:aa'];
const PEER = { address: '203.0.113.9', port: 4000 };
const BYTES = Uint8Array.of(1, 2, 3);

function setup(records: readonly string[] = PREFIXES) {
  const sent: { family: number; to: string }[] = [];
  const heard: Endpoint[] = [];
  const comes = new Map<number, (from: Endpoint) => void>();
  const ports: number[] = [];
  let closed = 0;
  const open: OpenUdpSocket = ({ family, port }, { onDatagram }) => {
    ports.push(port);
    comes.set(family, (from) => onDatagram(from, BYTES));
    const local = { address: family === 4 ? '0.0.0.0' : '::', port: port === 0 ? 50_000 : port };
    const send = (to: Endpoint): void => void sent.push({ family, to: to.address });
    const socket = { local, queued: 0, send, close: () => void closed++, release: () => ({}) as never };
    return { outcome: { ok: true, local }, socket };
  };
  const nat64 = new Nat64(() => Promise.resolve(records));
  const make = () =>
    nat64.through(open)(
      { kind: 'socket', op: 'open', socket: 1, family: 4, port: 0 },
      { onDatagram: (from) => void heard.push(from) },
    ).socket!;
  return { nat64, make, sent, heard, comes, ports, closed: () => closed };
}

test('with IPv4 of its own it is an ordinary socket, though a prefix is told', async () => {
  const { nat64, make, sent, heard, comes } = setup();
  await nat64.look([4, 6]);
  make().send(PEER, BYTES, undefined);
  comes.get(4)?.(PEER);
  expect({ sent, heard }).toEqual({ sent: [{ family: 4, to: PEER.address }], heard: [PEER] });
});

test('with IPv6 alone datagrams go through the NAT64, and come from whom they were sent to', async () => {
  const { nat64, make, sent, heard, comes } = setup();
  await nat64.look([6]);
  const socket = make();
  expect(socket.local).toEqual({ address: '0.0.0.0', port: 50_000 });
  socket.send(PEER, BYTES, undefined);
  expect(sent).toEqual([{ family: 6, to: '2001:db8:64::cb00:7109' }]);
  comes.get(6)?.({ address: '2001:db8:64::cb00:7109', port: 4000 });
  // A neighbour is nobody that a socket of IPv4 can have asked.
  comes.get(6)?.({ address: '2001:db8:9::1', port: 4000 });
  expect(heard).toEqual([PEER]);
  expect(nat64.outside(PEER)).toEqual({ address: '2001:db8:64::cb00:7109', port: 4000 });
});

test('a socket stays while its computer changes between the two, at one port', async () => {
  const { nat64, make, sent, ports, closed } = setup();
  await nat64.look([4]);
  const socket = make();
  await nat64.look([6]);
  socket.send(PEER, BYTES, undefined);
  await nat64.look([4, 6]);
  socket.send(PEER, BYTES, undefined);
  expect(sent.map(({ family }) => family)).toEqual([6, 4]);
  expect(ports).toEqual([0, 50_000]);
  socket.close();
  expect(closed()).toBe(2);
});

test('a prefix that the masterserver does not answer through gives way to the next', async () => {
  const { nat64, make, sent } = setup();
  await nat64.look([6]);
  const socket = make();
  nat64.next();
  socket.send(PEER, BYTES, undefined);
  nat64.next();
  socket.send(PEER, BYTES, undefined);
  expect(sent.map(({ to }) => to)).toEqual(['2001:db8:65::cb00:7109', '2001:db8:64::cb00:7109']);
});

test('without a NAT64 on a network of IPv6 alone nothing is made up', async () => {
  const { nat64, make, sent } = setup([]);
  await nat64.look([6]);
  make().send(PEER, BYTES, undefined);
  expect(sent).toEqual([{ family: 4, to: PEER.address }]);
  expect([nat64.families([6]), nat64.outside(PEER)]).toEqual([[6], PEER]);
});
