/** The relay over real sockets: in the thread of a masterserver, and as `sallyport relay`. */
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Endpoint, parseMasterLink, type RelayPlace, relayKeys, socketIds, toHex } from '../../src/core/index.ts';
import {
  Binder,
  type BinderEvent,
  Link,
  type LinkEvent,
  mintGrant,
  type RelayGrant,
  type RelayKeys,
  writeRelay,
} from '../../src/core/testing.ts';
import { startRelay } from '../../src/master/index.ts';
import { relayRules, startRelayThread } from '../../src/master/testing.ts';
import { drive, monotonicNow, nodeCrypto, openUdpSocket, systemRandom, type UdpSocket } from '../../src/node/index.ts';
import { eventually, MasterBench } from './master-node.ts';
import { Bench, portBase } from './processes.ts';

const until = (look: () => boolean | Promise<boolean>): Promise<unknown> => eventually('what it waits for', look);
const SECRET = new Uint8Array(32).fill(3);
const MASTER_KEY = new Uint8Array(32).fill(4);
const KEYS = relayKeys(nodeCrypto, SECRET, MASTER_KEY);
const CLIENT_KEY = nodeCrypto.keyPair().publicKey;
const HOST_KEY = nodeCrypto.keyPair().publicKey;
const expiresAt = (): number => Math.floor(Date.now() / 1_000) + 60;
const SID = new Uint8Array(16).fill(7);

const grants = (keys: RelayKeys, sid = SID) =>
  (['client', 'host'] as const).map((side) =>
    mintGrant(nodeCrypto, keys, { sid, clientKey: CLIENT_KEY, hostKey: HOST_KEY }, { side, expiresAt: expiresAt() }),
  ) as [RelayGrant, RelayGrant];

let port: number;
const cleanups: (() => Promise<unknown> | unknown)[] = [];
beforeEach(() => {
  port = portBase();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One end with a socket of its own. */
class RealEnd {
  readonly told: BinderEvent[] = [];
  readonly got: string[] = [];
  readonly socket: UdpSocket;
  readonly binder: Binder;
  readonly relay: Endpoint;

  constructor(relay: Endpoint, grant: RelayGrant) {
    this.relay = relay;
    const request = { kind: 'socket', op: 'open', socket: 1, family: 4, port: 0, address: '127.0.0.1' } as const;
    const { socket } = openUdpSocket(request, {
      onDatagram: (from, bytes) => {
        if (!this.binder.datagram(monotonicNow(), from, bytes)) this.got.push(toHex(bytes));
      },
    });
    this.socket = socket!;
    this.binder = new Binder(monotonicNow(), {
      ...{ crypto: nodeCrypto, relay, grant, tell: (_now, event) => void this.told.push(event) },
      transmit: (to, bytes) => this.socket.send(to, bytes, undefined),
      at: (instant, run) => {
        const timer = setTimeout(() => run(monotonicNow()), instant - monotonicNow());
        return { cancel: () => clearTimeout(timer) };
      },
    });
    cleanups.push(() => {
      this.binder.stop(monotonicNow());
      this.socket.close();
    });
  }

  send(mark: number): string {
    const bytes = new Uint8Array(200).fill(mark);
    bytes[0] = 0xd8;
    this.socket.send(this.relay, bytes, undefined);
    return toHex(bytes);
  }
}

async function forwards(client: RealEnd, host: RealEnd): Promise<void> {
  await until(() => client.binder.bound && host.binder.bound);
  // A datagram may be lost even here.
  let [up, down] = ['', ''];
  await until(() => {
    up = client.send(1);
    down = host.send(2);
    return host.got.includes(up) && client.got.includes(down);
  });
}

describe('the thread of a masterserver', () => {
  const start = (onSend?: (via: number, to: Endpoint, bytes: Uint8Array) => void) =>
    startRelayThread({
      ...{ addresses: ['127.0.0.1'], port, secret: SECRET, masterKey: MASTER_KEY, quotas: {}, rules: [] },
      ...{ nativeUdp: false, onFault: (error) => expect.unreachable(error.message) },
      ...(onSend === undefined ? {} : { onSend }),
    }).then((thread) => {
      cleanups.push(() => thread.close());
      return thread;
    });

  test('forwards between two sockets that have bound themselves, and nothing of a third', async () => {
    const thread = await start();
    const relay = { address: '127.0.0.1', port };
    const [client, host] = grants(KEYS).map((grant) => new RealEnd(relay, grant)) as [RealEnd, RealEnd];
    await forwards(client, host);
    const foreign = grants(relayKeys(nodeCrypto, new Uint8Array(32), MASTER_KEY))[0];
    const stranger = new RealEnd(relay, foreign);
    const lost = stranger.send(9);
    await until(() => stranger.told.some((event) => event.ev === 'token-needed'));
    await until(() => thread.figures().counters.dropped.stranger > 0);
    expect([...client.got, ...host.got]).not.toContain(lost);
    await until(() => thread.figures().counters.whole === 1);
    expect(thread.figures().tables).toMatchObject([{ name: 'relay-pairs', size: 1 }]);
  });

  test('lets a banned key and a banned address go, and lets them in no more', async () => {
    const thread = await start();
    const relay = { address: '127.0.0.1', port };
    const [client, host] = grants(KEYS).map((grant) => new RealEnd(relay, grant)) as [RealEnd, RealEnd];
    await forwards(client, host);
    // Its figures come once a second: none is told yet is not the same as gone.
    await until(() => thread.figures().counters.pairs === 1);
    const row = { id: 1, label: '', reason: '', scope: 'ban', createdAt: 0, expiresAt: null } as const;
    thread.rules(relayRules([{ ...row, kind: 'key', pattern: toHex(CLIENT_KEY) }]));
    await until(() => thread.figures().counters.pairs === 0);
    client.binder.check(monotonicNow());
    await until(() => client.told.some((event) => event.ev === 'lost' && event.why === 'expired'));
    await until(() => thread.figures().counters.refused.banned > 0);
    thread.rules([]);
    host.binder.check(monotonicNow());
    client.binder.network(monotonicNow());
    await forwards(client, host);
    await until(() => thread.figures().counters.pairs === 1);
    thread.rules(relayRules([{ ...row, kind: 'cidr', pattern: '127.0.0.0/8' }]));
    await until(() => thread.figures().counters.pairs === 0);
  });

  test('takes datagrams that come another way, and gives back where they came from', async () => {
    const sent: { via: number; to: Endpoint; bytes: Uint8Array }[] = [];
    const thread = await start((via, to, bytes) => void sent.push({ via, to, bytes }));
    const from = { address: '198.51.100.1', port: 5 };
    thread.receive(-3, from, writeRelay({ type: 'ask', random: new Uint8Array(8).fill(1) }));
    await until(() => sent.length === 1);
    expect(sent).toMatchObject([{ via: -3, to: from }]);
    expect(toHex(sent[0]!.bytes.subarray(0, 10))).toBe('d9020101010101010101');
  });

  test('whose port another program has says so', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      detail: expect.stringContaining('--relay-port'),
    });
  });
});

/** What a participant is told by this master. */
async function linkTo(masterLink: string): Promise<{ events: LinkEvent[]; relays: readonly RelayPlace[] }> {
  const link = parseMasterLink(masterLink);
  if ('problem' in link) throw new Error(link.problem);
  const machine = new Link({
    ...{ crypto: nodeCrypto, random: systemRandom, sockets: socketIds(), identity: nodeCrypto.keyPair() },
    ...{ master: { key: link.key, addresses: [link.host], port: link.port }, wallClock: Date.now },
  });
  const events: LinkEvent[] = [];
  const driver = drive(machine, {
    onEvent: (event) => void events.push(event),
    onFault: (error) => expect.unreachable(error.message),
  });
  cleanups.push(() => driver.dispose());
  driver.command({ do: 'start' });
  await until(() => events.some(({ ev }) => ev === 'relays'));
  return { events, relays: machine.relays };
}

describe('a masterserver', () => {
  test('names its relay and those elsewhere, binds one port more, and counts', async () => {
    const bench = new MasterBench();
    cleanups.push(() => bench.close());
    const master = await bench.start({
      ...{ listen: ['127.0.0.1'], port, relay: { name: 'home', region: 'eu' } },
      relaysAt: ['far, us, 127.0.0.9:9000'],
    });
    expect(master.endpoints).toContainEqual({ address: '127.0.0.1', port: port + 25 });
    const { relays } = await linkTo(master.link);
    expect(relays).toEqual([
      { name: 'home', region: 'eu', addresses: ['127.0.0.1'], port: port + 25 },
      { name: 'far', region: 'us', addresses: ['127.0.0.9'], port: 9000 },
    ]);
    const file = join(bench.stateDir, 'relay.secret');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const secret = new Uint8Array(Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url'));
    const link = parseMasterLink(master.link);
    const keys = relayKeys(nodeCrypto, secret, 'key' in link ? link.key : secret);
    const at = { address: '127.0.0.1', port: port + 25 };
    const [client, host] = grants(keys).map((grant) => new RealEnd(at, grant)) as [RealEnd, RealEnd];
    await forwards(client, host);
    let text = '';
    await until(async () => {
      text = await (await fetch(master.metrics!)).text();
      return /sallyport_relay_pairs\{ends="both"\} 1/.test(text);
    });
    expect(text).toMatch(/sallyport_relay_datagrams_total [1-9]/);
    expect(text).toMatch(/sallyport_relay_dropped_total\{reason="stranger"\} 0/);
    expect(master.tables().map(({ name }) => name)).toContain('relay-pairs');
    const token = readFileSync(join(bench.stateDir, 'admin.once'), 'utf8').trim();
    const overview = await fetch(`${master.http}/api/v1/admin/overview`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await overview.json()).toMatchObject({ relay: { pairs: 1, whole: 1, refused: 0 } });
  });

  test('with a flood at its port goes on answering, on its other ports and there', async () => {
    const bench = new MasterBench();
    cleanups.push(() => bench.close());
    const master = await bench.start({ listen: ['127.0.0.1'], port, relay: {} });
    const { events } = await linkTo(master.link);
    const at = { address: '127.0.0.1', port: port + 25 };
    const secret = readFileSync(join(bench.stateDir, 'relay.secret'), 'utf8').trim();
    const link = parseMasterLink(master.link);
    const keys = relayKeys(
      nodeCrypto,
      new Uint8Array(Buffer.from(secret, 'base64url')),
      'key' in link ? link.key : MASTER_KEY,
    );
    const [client, host] = grants(keys).map((grant) => new RealEnd(at, grant)) as [RealEnd, RealEnd];
    await forwards(client, host);
    const stranger = new RealEnd(at, grants(KEYS)[0]);
    for (let n = 0; n < 200; n++) {
      for (let k = 0; k < 100; k++) stranger.send(k);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Somebody new is introduced, and who was there has noticed nothing.
    await linkTo(master.link);
    await forwards(client, host);
    expect(events.filter((event) => event.ev === 'state').map((event) => event.state)).toEqual(['connecting', 'up']);
  });

  test('without a relay names none and keeps no secret', async () => {
    const bench = new MasterBench();
    cleanups.push(() => bench.close());
    const master = await bench.start({ listen: ['127.0.0.1'], port });
    expect(() => statSync(join(bench.stateDir, 'relay.secret'))).toThrow();
    expect(await (await fetch(master.metrics!)).text()).not.toContain('sallyport_relay_pairs{');
  });
});

describe('sallyport relay', () => {
  test('forwards for the master whose link and secret it has', async () => {
    const bench = new Bench();
    cleanups.push(() => bench.close());
    const folder = bench.folder();
    const master = bench.sallyport(
      [
        'master',
        '--listen',
        '127.0.0.1',
        '--port',
        String(port),
        '--http',
        'off',
        '--metrics-listen',
        'off',
        '--json',
      ].concat(['--relay', 'off', '--relay-at', `far,,127.0.0.1:${port + 26}`, '--state-dir', folder]),
    );
    const { master: link } = (await master.line('ready')) as unknown as { master: string };
    const { relays } = await linkTo(link);
    expect(relays).toMatchObject([{ name: 'far', port: port + 26 }]);
    const copy = join(bench.folder(), 'relay.secret');
    copyFileSync(join(folder, 'relay.secret'), copy);
    const relay = bench.sallyport(
      ['relay', '--listen', '127.0.0.1', '--port', String(port + 26), '--master', link, '--secret-file', copy].concat([
        '--relay-quota',
        'pair=64k',
        '--json',
      ]),
    );
    expect(await relay.line('ready')).toMatchObject({ relay: [`127.0.0.1:${port + 26}`] });
    const secret = new Uint8Array(Buffer.from(readFileSync(copy, 'utf8').trim(), 'base64url'));
    const parsed = parseMasterLink(link);
    const keys = relayKeys(nodeCrypto, secret, 'key' in parsed ? parsed.key : secret);
    const at = { address: '127.0.0.1', port: port + 26 };
    const [client, host] = grants(keys).map((grant) => new RealEnd(at, grant)) as [RealEnd, RealEnd];
    await forwards(client, host);
    relay.kill('SIGTERM');
    expect(await relay.exit).toBe(143);
  });

  test('says what is wrong with what it is given', async () => {
    const link = `sallyport://127.0.0.1:${port}/#${Buffer.from(nodeCrypto.keyPair().publicKey).toString('base64url')}`;
    const bench = new Bench();
    cleanups.push(() => bench.close());
    const secretFile = join(bench.folder(), 'relay.secret');
    const base = { listen: ['127.0.0.1'], port, master: link, secretFile };
    await expect(startRelay(base)).rejects.toMatchObject({ detail: expect.stringContaining('copy relay.secret') });
    writeFileSync(secretFile, 'short\n');
    await expect(startRelay(base)).rejects.toMatchObject({ code: expect.any(String) });
    writeFileSync(secretFile, `${Buffer.from(SECRET).toString('base64url')}\n`);
    for (const [wrong, said] of [
      [{ master: 'nonsense' }, '--master'],
      [{ listen: [] }, '--listen'],
      [{ listen: ['relay.example.org'] }, '--listen'],
      [{ quotas: ['pear=1'] }, '--relay-quota'],
      [{ quotas: ['pair=0'] }, '--relay-quota'],
      [{ quotas: ['pairs=100'] }, 'address-pairs'],
    ] as const)
      await expect(startRelay({ ...base, ...wrong })).rejects.toMatchObject({ detail: expect.stringContaining(said) });
  });
});
