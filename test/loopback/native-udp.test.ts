/** A masterserver on the sockets of udx-native: the same machine, so what is asked of the other sockets holds here. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nativeUdp } from '../../src/node/index.ts';
import { announcement, eventually, hostCommand, MasterBench } from './master-node.ts';
import { portBase } from './processes.ts';

let bench: MasterBench;
beforeEach(() => {
  bench = new MasterBench();
});
afterEach(() => bench.close());

test('guests are handshaken, profiled and listed, join each other, and find the master after it was closed', async () => {
  const port = portBase();
  const options = { listen: ['127.0.0.1'], port, nativeUdp: true, testJoins: null };
  const first = await bench.start(options);
  const [host, client] = [bench.guest(first.link), bench.guest(first.link)];
  const { profile } = await host.until('ready');
  expect(profile).toMatchObject({ mapping: 'eim', external: ['127.0.0.1'] });
  host.command(hostCommand({ name: 'Native' }));
  const { code } = await host.until('hosting');
  await client.until('ready');
  client.command({ do: 'join', join: 1, code, hostKey: null, password: null, name: 'Kofi', timeoutMs: 0 });
  await client.until('path');
  await first.close();
  const second = await bench.start(options);
  host.command({ do: 'announce', announcement: announcement({ name: 'Back' }), players: 1 });
  await eventually('back', async () => {
    const page = await fetch(`${second.http}/api/v1/servers`);
    return JSON.stringify(await page.json()).includes('"Back"');
  });
});

test('empty, long and whole datagrams come as they were sent; a port that is taken and an address of others are said', async () => {
  const open = await nativeUdp();
  const got: number[] = [];
  const from: string[] = [];
  const request = { kind: 'socket', op: 'open', socket: 1, family: 4, port: 0, address: '127.0.0.1' } as const;
  const { socket } = open(request, {
    onDatagram(at, bytes) {
      got.push(bytes.length);
      from.push(at.address);
      socket?.send(at, bytes, undefined);
    },
  });
  if (socket === null) return expect.unreachable();
  const { port } = socket.local;
  expect(open({ ...request, port }, { onDatagram: () => {} }).outcome).toEqual({ ok: false, code: 'in-use' });
  const foreign = open({ ...request, address: '203.0.113.1' }, { onDatagram: () => {} });
  expect(foreign.outcome).toEqual({ ok: false, code: 'unsupported' });
  const asker = createSocket('udp4');
  for (const length of [0, 1200, 48]) {
    asker.send(new Uint8Array(length).fill(7), port, '127.0.0.1');
    const [answer] = (await once(asker, 'message')) as [Buffer];
    expect(answer.equals(Buffer.alloc(length, 7))).toBe(true);
  }
  asker.close();
  socket.close();
  expect([got, new Set(from)]).toEqual([[0, 1200, 48], new Set(['127.0.0.1'])]);
});
