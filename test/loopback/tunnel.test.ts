/** Participants whose network lets no UDP out: through the master's HTTPS, with real TLS; and whoever abuses the way in. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { formatMasterLink, parseMasterLink, type TableState } from '../../src/core/index.ts';
import type { RunningMaster } from '../../src/master/index.ts';
import { SERVER_LIMITS } from '../../src/master/testing.ts';
import { TUNNEL_PATH, TUNNEL_PROTOCOL } from '../../src/node/index.ts';
import { announcement, eventually, hostCommand, MasterBench } from './master-node.ts';
import { portBase } from './processes.ts';

let bench: MasterBench;
beforeEach(() => {
  bench = new MasterBench();
});
afterEach(() => bench.close());

const TLS = existsSync('/usr/bin/openssl');

/** Its UDP is where nobody listens, as a firewall makes it. */
function withoutUdp(link: string): string {
  const parsed = parseMasterLink(link);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return formatMasterLink({ ...parsed, port: 9 });
}

const tunnelsOf = (master: RunningMaster) => master.tables().find(({ name }) => name === 'tunnels') as TableState;

function startSecure(more: object = {}): Promise<RunningMaster> {
  return bench.start({ listen: ['127.0.0.1'], port: portBase(), tls: bench.certificate(), testJoins: null, ...more });
}

function raw(http: string, options: { path?: string; protocols?: string[]; headers?: Record<string, string> } = {}) {
  const { path = TUNNEL_PATH, protocols = [TUNNEL_PROTOCOL], headers = {} } = options;
  const socket = new WebSocket(`${http.replace(/^http/, 'ws')}${path}`, protocols, {
    rejectUnauthorized: false,
    headers,
  });
  socket.on('error', () => {});
  bench.cleanup(() => socket.terminate());
  return socket;
}

/** A UDP port that counts what it hears. */
async function udpEar(): Promise<{ readonly port: number; readonly heard: number }> {
  const socket = createSocket('udp4');
  let heard = 0;
  socket.on('message', () => {
    heard++;
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  bench.cleanup(() => socket.close());
  return {
    port: socket.address().port,
    get heard() {
      return heard;
    },
  };
}

/** 101, or the status that it is refused with. */
function statusOf(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => resolve(0));
  });
}

describe.skipIf(!TLS)('a master with HTTPS', () => {
  test('names it in its link, and serves hosts and friends whose UDP goes nowhere', async () => {
    const master = await startSecure();
    expect(master.link).toMatch(/\/\?tls=127\.0\.0\.1:\d+#/);
    const link = withoutUdp(master.link);
    const host = bench.guest(link);
    const { way } = (await eventually(
      'up',
      () => host.events.find((e) => e.ev === 'link' && e.state === 'up') ?? null,
    )) as {
      way: string;
    };
    expect(way).toBe('tls');
    host.command(hostCommand());
    const { code } = await host.until('hosting');
    const friend = bench.guest(link);
    await eventually('both there', () => tunnelsOf(master).size === 2);
    friend.command({ do: 'list', id: 5 });
    expect(await friend.until('list')).toMatchObject({ failure: null, entries: [{ name: "Ana's world" }] });
    friend.command({ do: 'join', join: 1, code, hostKey: null, password: null, name: 'Ben', timeoutMs: 0 });
    // The two have introduced themselves end to end: signalling is through.
    expect(await friend.until('found')).toMatchObject({ join: 1, entry: { name: "Ana's world" } });
    await friend.until('networks');
    host.stop();
    await eventually('its tunnel is gone', () => tunnelsOf(master).size === 1);
  });

  test('says nothing of HTTPS where the operator does not want it, or names where it is', async () => {
    const off = await startSecure({ https: null });
    expect(off.link).not.toContain('tls=');
    await off.close();
    const elsewhere = await startSecure({ https: 'ms.example.org', alsoPort: portBase() });
    expect(elsewhere.link).toMatch(/\/\?udp=\d+&tls=ms\.example\.org#/);
  });

  test('closing it ends the tunnels, and their participants know at once', async () => {
    const master = await startSecure();
    const host = bench.guest(withoutUdp(master.link));
    await eventually('up', () => host.events.some((e) => e.ev === 'link' && e.state === 'up'));
    await master.close();
    await eventually('lost', () => host.events.some((e) => e.ev === 'link' && e.state === 'lost'), 2_000);
  });

  test('a TLS handshake that is never ended, and a tunnel that says nothing, are closed', async () => {
    const master = await startSecure();
    const { port } = new URL(String(master.http));
    const silent = raw(String(master.http));
    await once(silent, 'open');
    const half = connect(Number(port), '127.0.0.1');
    half.on('error', () => {}).resume();
    const plain = connectTls({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false });
    plain.on('error', () => {}).resume();
    await Promise.all([once(silent, 'close'), once(half, 'close'), once(plain, 'close')]);
    expect(tunnelsOf(master).size).toBe(0);
  }, 60_000);
});

describe('the way in is for participants alone', () => {
  test('a page of a browser, another path, another protocol, a place elsewhere: refused before anything is made', async () => {
    const master = await bench.start({ listen: ['127.0.0.1'], port: portBase(), testJoins: null });
    const http = String(master.http);
    const refused: [number, Parameters<typeof raw>[1]][] = [
      [403, { headers: { origin: 'https://evil.example' } }],
      [403, { headers: { origin: http } }],
      [404, { path: `${TUNNEL_PATH}?to=192.0.2.1:53` }],
      [404, { path: `${TUNNEL_PATH}/192.0.2.1/53` }],
      [404, { path: '/' }],
      [400, { protocols: [] }],
      [400, { protocols: ['chat'] }],
    ];
    for (const [status, options] of refused)
      expect(await statusOf(raw(http, options)), JSON.stringify(options)).toBe(status);
    expect(await statusOf(raw(http))).toBe(101);
    expect(tunnelsOf(master).size).toBe(1);
  });

  test('as a proxy it is no good: neither CONNECT nor an address of somebody else leads anywhere', async () => {
    const master = await bench.start({ listen: ['127.0.0.1'], port: portBase(), testJoins: null });
    const { port } = new URL(String(master.http));
    const target = await udpEar();
    const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${TUNNEL_PROTOCOL}`;
    for (const head of [
      `CONNECT 127.0.0.1:${target.port} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}`,
      `GET http://127.0.0.1:${target.port}/tunnel HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n${upgrade}`,
    ]) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`${head}\r\n\r\n`);
      let said = '';
      socket.on('data', (bytes) => {
        said += bytes;
      });
      await once(socket, 'close');
      expect(said).not.toContain('101');
    }
    // Whatever goes in, nothing of it comes out anywhere: neither what is none of ours, nor probes, nor datagrams of a path.
    const tunnel = raw(String(master.http));
    await once(tunnel, 'open');
    for (let first = 0; first < 256; first++) tunnel.send(Buffer.alloc(64, first));
    await new Promise((resolve) => tunnel.once('pong', resolve).ping());
    expect(target.heard).toBe(0);
    expect(tunnel.readyState).toBe(WebSocket.OPEN);
  });

  test('text, and messages larger than a datagram, end the tunnel and nothing else', async () => {
    const master = await bench.start({ listen: ['127.0.0.1'], port: portBase(), testJoins: null });
    const bystander = raw(String(master.http));
    await once(bystander, 'open');
    for (const [message, code] of [
      ['text', 1003],
      [Buffer.alloc(1_501), 1009],
      [Buffer.alloc(10_000_000), 1009],
    ] as const) {
      const socket = raw(String(master.http));
      await once(socket, 'open');
      socket.send(message);
      const [closed] = await once(socket, 'close');
      expect(closed).toBe(code);
    }
    expect(bystander.readyState).toBe(WebSocket.OPEN);
    await eventually('forgotten', () => tunnelsOf(master).size === 1);
  });

  test('in the clear only from a proxy: another computer has to come by HTTPS', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    if (outside === undefined) return;
    const start = (trustedProxies: readonly string[]) =>
      bench.start({ listen: ['127.0.0.1'], port: portBase(), http: `${outside}:0`, testJoins: null, trustedProxies });
    const master = await start([]);
    expect(await statusOf(raw(String(master.http)))).toBe(403);
    expect(await statusOf(raw(String(master.http), { headers: { 'x-forwarded-for': '127.0.0.1' } }))).toBe(403);
    await master.close();
    const trusting = await start([`${outside}/32`]);
    expect(await statusOf(raw(String(trusting.http)))).toBe(101);
  });

  test('of one address only so many: the oldest that nobody has answered goes, and others get in', async () => {
    const master = await bench.start({ listen: ['127.0.0.1'], port: portBase(), testJoins: null });
    const from = (address: string) => raw(String(master.http), { headers: { 'x-forwarded-for': address } });
    const { narrow } = SERVER_LIMITS.tunnelCaps;
    const all: WebSocket[] = [];
    for (let n = 0; n < narrow + 8; n++) {
      const socket = from('198.51.100.7');
      all.push(socket);
      expect(await statusOf(socket)).toBe(101);
    }
    await eventually('the oldest are closed', () =>
      all.slice(0, 8).every((one) => one.readyState === WebSocket.CLOSED),
    );
    expect(tunnelsOf(master).size).toBe(narrow);
    expect(await statusOf(from('203.0.113.9'))).toBe(101);
    // And not faster than it may.
    const late = Array.from({ length: SERVER_LIMITS.tunnelRates.narrow.burst }, () => statusOf(from('198.51.100.7')));
    expect(await Promise.all(late)).toContain(429);
    expect(await statusOf(from('203.0.113.10'))).toBe(101);
  });
});

test('a host on the list is one however it comes: announcements go through a tunnel as through UDP', async () => {
  if (!TLS) return;
  const master = await startSecure();
  const host = bench.guest(withoutUdp(master.link));
  host.command(hostCommand());
  await host.until('hosting');
  host.command({ do: 'announce', announcement: announcement({ map: 'lake' }), players: 3 });
  const friend = bench.guest(master.link);
  await friend.until('ready');
  const listed = await eventually('changed', async () => {
    friend.events.length = 0;
    friend.command({ do: 'list', id: 1 });
    const { entries } = await friend.until('list');
    return entries[0]?.map === 'lake' && entries;
  });
  expect(listed).toMatchObject([{ name: "Ana's world", players: 3 }]);
});
