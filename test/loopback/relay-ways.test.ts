/** The relay of a masterserver where UDP has one port or none: through tunnels, at the one port, and mixed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Endpoint, NOWHERE, parseMasterLink, relayKeys, toHex } from '../../src/core/index.ts';
import { Binder, mintGrant, type RelayGrant } from '../../src/core/testing.ts';
import type { MasterOptions } from '../../src/master/index.ts';
import { monotonicNow, nodeCrypto, openUdpSocket, tunnelTo, type UdpSocket } from '../../src/node/index.ts';
import { eventually, MasterBench } from './master-node.ts';
import { portBase } from './processes.ts';

let bench: MasterBench;
let port: number;
beforeEach(() => {
  bench = new MasterBench();
  port = portBase();
});
afterEach(() => bench.close());

const TLS = existsSync('/usr/bin/openssl');
const [CLIENT, HOST] = [nodeCrypto.keyPair().publicKey, nodeCrypto.keyPair().publicKey];

interface RelayUser {
  readonly binder: Binder;
  readonly got: string[];
  send(mark: number): string;
}

/** One end of a pair, by whichever socket. */
function user(
  relay: Endpoint,
  grant: RelayGrant,
  open: (onDatagram: (bytes: Uint8Array) => void) => UdpSocket,
): RelayUser {
  const got: string[] = [];
  const socket = open((bytes) => {
    if (!binder.datagram(monotonicNow(), relay, bytes)) got.push(toHex(bytes));
  });
  const binder = new Binder(monotonicNow(), {
    ...{ crypto: nodeCrypto, relay, grant, tell: () => {} },
    transmit: (to, bytes) => socket.send(to, bytes, undefined),
    at(instant, run) {
      const timer = setTimeout(() => run(monotonicNow()), instant - monotonicNow());
      return { cancel: () => clearTimeout(timer) };
    },
  });
  bench.cleanup(() => {
    binder.stop(monotonicNow());
    socket.close();
  });
  return {
    binder,
    got,
    send(mark) {
      const bytes = new Uint8Array(1_200).fill(mark);
      bytes[0] = 0xd8;
      socket.send(relay, bytes, undefined);
      return toHex(bytes);
    },
  };
}

const byUdp = (onDatagram: (bytes: Uint8Array) => void): UdpSocket => {
  const request = { kind: 'socket', op: 'open', socket: 1, family: 4, port: 0, address: '127.0.0.1' } as const;
  const { socket } = openUdpSocket(request, { onDatagram: (_from, bytes) => onDatagram(bytes) });
  return socket!;
};

/** A master with its relay, and what both ends of a pair need. */
async function scene(options: MasterOptions) {
  const master = await bench.start({ listen: ['127.0.0.1'], port, testJoins: null, relay: {}, ...options });
  const link = parseMasterLink(master.link);
  if ('problem' in link) throw new Error(link.problem);
  const secret = readFileSync(join(bench.stateDir, 'relay.secret'), 'utf8').trim();
  const keys = relayKeys(nodeCrypto, new Uint8Array(Buffer.from(secret, 'base64url')), link.key);
  const pair = { sid: new Uint8Array(16).fill(7), clientKey: CLIENT, hostKey: HOST };
  const expiresAt = Math.floor(Date.now() / 1_000) + 60;
  const grant = (side: 'client' | 'host') => mintGrant(nodeCrypto, keys, pair, { side, expiresAt });
  const byTunnel = async () => {
    const open = tunnelTo(link.tls!, NOWHERE);
    const request = { kind: 'socket', op: 'open', socket: 1, family: 4, port: 0, through: 'tls' } as const;
    let heard = (_bytes: Uint8Array): void => {};
    let opened = (): void => {};
    const there = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const socket = open(request, {
      onDatagram: (_from, bytes) => heard(bytes),
      onOutcome: (outcome) => outcome.ok && opened(),
    });
    await there;
    return (onDatagram: (bytes: Uint8Array) => void): UdpSocket => {
      heard = onDatagram;
      return socket;
    };
  };
  return { master, grant, byTunnel };
}

async function forwards(client: RelayUser, host: RelayUser): Promise<void> {
  await eventually('bound', () => client.binder.bound && host.binder.bound);
  await eventually('both ways', () => {
    const [up, down] = [client.send(1), host.send(2)];
    return host.got.includes(up) && client.got.includes(down);
  });
}

test.skipIf(!TLS)(
  'one end blocked, then both: the relay takes them through their tunnels, and neither sees the other there',
  async () => {
    const { grant, byTunnel, master } = await scene({ tls: bench.certificate() });
    const relay = { address: '127.0.0.1', port: port + 25 };
    const host = user(relay, grant('host'), byUdp);
    const client = user(relay, grant('client'), await byTunnel());
    await forwards(client, host);
    const other = user(relay, grant('host'), await byTunnel());
    await forwards(client, other);
    // A stranger that only sends data, by a tunnel of its own, reaches nobody.
    const before = client.got.length;
    const stranger = (await byTunnel())(() => {});
    const alien = new Uint8Array(1_200).fill(9);
    alien[0] = 0xd8;
    for (let n = 0; n < 20; n++) stranger.send(relay, alien, undefined);
    await forwards(client, other);
    expect(client.got.slice(before)).not.toContain(toHex(alien));
    const pairs = () => master.tables().find(({ name }) => name === 'relay-pairs')?.size;
    await eventually('counted', () => pairs() === 1);
  },
);

test('a master on one port relays there too, and binds nothing else', async () => {
  const { grant, master } = await scene({ onePort: true });
  expect(master.endpoints).toEqual([{ address: '127.0.0.1', port }]);
  const relay = { address: '127.0.0.1', port };
  await forwards(user(relay, grant('client'), byUdp), user(relay, grant('host'), byUdp));
  // HELLO and the rest find the master as before.
  const guest = bench.guest(master.link);
  await guest.until('ready');
  expect(guest.events).toContainEqual(expect.objectContaining({ ev: 'link', state: 'up', way: 'udp' }));
});

test('a further port relays as well: its ends and those of the usual port meet', async () => {
  const { grant } = await scene({ alsoPort: port + 40 });
  const [usual, further] = [port + 25, port + 40].map((at) => ({ address: '127.0.0.1', port: at })) as [
    Endpoint,
    Endpoint,
  ];
  await forwards(user(usual, grant('client'), byUdp), user(further, grant('host'), byUdp));
});

test('with --one-port a relay port of its own is still possible', async () => {
  const { grant, master } = await scene({ onePort: true, relay: { port: port + 3 } });
  expect(master.endpoints.map((endpoint) => endpoint.port)).toEqual([port, port + 3]);
  const relay = { address: '127.0.0.1', port: port + 3 };
  await forwards(user(relay, grant('client'), byUdp), user(relay, grant('host'), byUdp));
});
