import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { get as httpsGet } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServersPage, serversPageSchema } from '../../src/master/index.ts';
import { ListItem, startTester } from '../../src/master/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { hostRecord } from '../unit/master-records.ts';
import { announcement, eventually, hostCommand, MasterBench } from './master-node.ts';
import { portBase } from './processes.ts';

/** The first of 30 ports, others for each test. */
let port: number;
let bench: MasterBench;
beforeEach(() => {
  bench = new MasterBench();
  port = portBase();
});
afterEach(() => bench.close());

async function list(http: string | null, query = ''): Promise<ServersPage> {
  const response = await fetch(`${http}/api/v1/servers${query}`);
  expect(response.status).toBe(200);
  return serversPageSchema.parse(await response.json());
}

test('a fresh masterserver makes its key and its admin token, binds 25 UDP ports and is ready', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port });
  expect(master.link).toMatch(new RegExp(`^sallyport://127\\.0\\.0\\.1:${port}/#[\\w-]{43}$`));
  expect(statSync(join(bench.stateDir, 'master.key')).mode & 0o777).toBe(0o600);
  expect(statSync(join(bench.stateDir, 'admin.once')).mode & 0o777).toBe(0o600);
  expect((await fetch(`${master.http}/readyz`)).status).toBe(200);
  for (let i = 0; i < 25; i += 1) {
    const socket = createSocket('udp4');
    const error = await new Promise((resolve) => {
      socket.once('error', resolve);
      socket.bind(port + i, '127.0.0.1', () => resolve(null));
    });
    socket.close();
    expect(error, `UDP port ${port + i}`).toMatchObject({ code: 'EADDRINUSE' });
  }
});

test('a full disk at the first start keeps no master from starting; the admin token is made when there is room', async () => {
  const once = join(bench.stateDir, 'admin.once');
  symlinkSync('/dev/full', once);
  const facts: string[] = [];
  const options = { listen: ['127.0.0.1'], port };
  const first = await bench.start({ ...options, onFact: ({ fact }) => facts.push(fact) });
  expect((await fetch(`${first.http}/readyz`)).status).toBe(200);
  expect(facts).toContain('token-problem');
  expect(existsSync(once)).toBe(false);
  await first.close();
  await bench.start(options);
  expect(readFileSync(once, 'utf8').trim()).toMatch(/^[\w-]{32}$/);
});

test('a public host is in the list once it hosts, changes as it does, and goes with its goodbye', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port });
  const host = bench.guest(master.link);
  await host.until('ready');
  host.command(hostCommand());
  const page = await eventually('listed', async () => {
    const found = await list(master.http);
    return found.total === 1 && found;
  });
  expect(page.servers[0]).toMatchObject({ name: "Ana's world", players: 0, playersMax: 8, address: null });
  expect(Math.abs(Date.now() - (page.servers[0]?.lastSeenAt ?? 0))).toBeLessThan(5_000);
  host.command({
    do: 'announce',
    announcement: announcement({ map: 'lake' }),
    players: 3,
  });
  await eventually('changed', async () => {
    const [server] = (await list(master.http)).servers;
    return server?.map === 'lake' && server.players === 3;
  });
  host.command({ do: 'unhost' });
  await eventually('gone', async () => (await list(master.http)).total === 0);
});

test('codes, token and the list survive a restart of the masterserver; hosts come back by themselves', async () => {
  const first = await bench.start({ listen: ['127.0.0.1'], port });
  const host = bench.guest(first.link);
  host.command(hostCommand());
  const { code } = await host.until('hosting');
  const token = readFileSync(join(bench.stateDir, 'admin.once'), 'utf8').trim();
  await eventually('listed', async () => (await list(first.http)).total === 1);
  await first.close();
  const second = await bench.start({ listen: ['127.0.0.1'], port });
  expect(second.link).toBe(first.link);
  expect((await list(second.http)).servers[0]).toMatchObject({ code, name: "Ana's world", returning: true });
  await eventually('returned', async () => (await list(second.http)).servers[0]?.returning === false, 30_000);
  expect((await list(second.http)).servers[0]?.code).toBe(code);
  const admin = await fetch(`${second.http}/api/v1/admin/overview`, { headers: { authorization: `Bearer ${token}` } });
  expect(admin.status).toBe(200);
  expect(existsSync(join(bench.stateDir, 'admin.once'))).toBe(false);
});

test('the masterserver proves by its own join that a host is joinable, with a password or without, and nobody notices', async () => {
  const master = await bench.start({
    listen: ['127.0.0.1'],
    port,
    testJoins: { intervalMs: 100, againMs: 60_000, timeoutMs: 5_000 },
  });
  const hosts = [bench.guest(master.link), bench.guest(master.link)];
  hosts[0]?.command(hostCommand({ name: 'Open' }));
  hosts[1]?.command(hostCommand({ name: 'Locked' }, 'secret'));
  const proven = await eventually(
    'both proven',
    async () => {
      const { servers } = await list(master.http, '?verified=true');
      return servers.length === 2 && servers;
    },
    20_000,
  );
  for (const { verifiedAt, players } of proven) {
    expect(Date.now() - (verifiedAt ?? 0)).toBeLessThan(20_000);
    expect(players).toBe(0);
  }
  for (const host of hosts) expect(host.events.filter(({ ev }) => ev === 'peer' || ev === 'path')).toEqual([]);
  const metrics = await (await fetch(master.metrics ?? '')).text();
  expect(metrics).toMatch(/sallyport_test_joins_total\{result="path"\} 2/);
  expect(metrics).not.toMatch(/sallyport_joins_total\{/);
});

test('two nodes of a fleet, which have one key, prove a host at one moment, and neither takes the place of the other', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port, testJoins: null });
  const host = bench.guest(master.link);
  host.command(hostCommand());
  const { hostKey } = await host.until('hosting');
  const identity = nodeCrypto.keyPair(
    Buffer.from(readFileSync(join(bench.stateDir, 'master.key'), 'utf8'), 'base64url'),
  );
  const results: (boolean | null)[] = [];
  // Asked for a host only once it has its session: both have one before either begins.
  const asked = new Set<number>();
  const item = new ListItem({
    ...{ host: { ...hostRecord(1), hostKey }, firstSeenAt: 0, verifiedAt: null, official: false, hidden: false },
    ...{ returning: false, crowded: false, address: null, elsewhere: false },
  });
  for (const n of [1, 2]) {
    const tester = startTester({
      ...{ identity, master: { key: identity.publicKey, addresses: ['127.0.0.1'], port }, family: 4 },
      ...{ now: () => 0, timing: { intervalMs: 1, againMs: 3_600_000, timeoutMs: 5_000 } },
      hosts: () => (asked.add(n).size === 2 ? [item] : []),
      onResult: (_hostId, joinable) => results.push(joinable),
    });
    bench.cleanup(tester.stop);
  }
  await eventually('both have ended', () => results.length === 2);
  expect(results).toEqual([true, true]);
});

test('an admin ban takes a host off the list at once and keeps it off', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port });
  const host = bench.guest(master.link);
  host.command(hostCommand({ name: 'Cheap gold' }));
  await eventually('listed', async () => (await list(master.http)).total === 1);
  const token = readFileSync(join(bench.stateDir, 'admin.once'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ kind: 'name', pattern: 'cheap*', reason: 'spam' });
  const made = await fetch(`${master.http}/api/v1/admin/bans`, { method: 'POST', headers, body });
  expect(made.status).toBe(201);
  await eventually('gone', async () => (await list(master.http)).total === 0);
  const joiner = bench.guest(master.link);
  joiner.command({
    do: 'join',
    join: 1,
    code: (await host.until('hosting')).code,
    hostKey: null,
    password: null,
    name: 'kofi',
    timeoutMs: 4_000,
  });
  expect((await joiner.until('join-failed')).failure).toMatch(/HOST_OFFLINE|CODE_UNKNOWN/);
});

test('the official folder is listed with addresses, and reload takes a corrected file', async () => {
  const folder = join(bench.stateDir, 'official.json');
  writeFileSync(
    folder,
    JSON.stringify({ servers: [{ name: 'Official EU', game: 'luanti', address: '203.0.113.5:30000' }] }),
  );
  const master = await bench.start({ listen: ['127.0.0.1'], port, official: bench.stateDir });
  await eventually('listed', async () => (await list(master.http)).total === 1);
  expect((await list(master.http)).servers[0]).toMatchObject({
    section: 'official',
    address: '203.0.113.5:30000',
    natType: 'public',
  });
  writeFileSync(folder, '{ "servers": [ { "name": 7 } ] }');
  master.reload();
  expect(bench.facts).toContainEqual({
    fact: 'official-problem',
    errors: [expect.stringMatching(/^official\.json:1: servers\.0\.name /)],
  });
  expect((await list(master.http)).total).toBe(1);
});

test('a webhook tells of a host once it is proven joinable, and carries no address', async () => {
  const bodies: string[] = [];
  const receiver = createServer((request, response) => {
    request.on('data', (part) => bodies.push(String(part)));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  bench.cleanup(() => void receiver.close());
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const master = await bench.start({
    ...{ listen: ['127.0.0.1'], port },
    webhooks: [{ url, body: 'json', events: ['host.listed'] }],
    webhookTiming: { intervalMs: 10, muteMs: 0, retryMs: 10 },
    testJoins: { intervalMs: 100, againMs: 60_000, timeoutMs: 5_000 },
  });
  bench.guest(master.link).command(hostCommand());
  await eventually('told', () => bodies.length > 0, 20_000);
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject({ event: 'host.listed', title: "New server: Ana's world" });
  expect(bodies.join()).not.toContain('127.0.0.1');
});

test('probe ports on a thread of their own: a participant learns its NAT as from the main thread, filtering included', async () => {
  const profiles = [];
  for (const probeWorkers of [0, 1]) {
    const master = await bench.start({ listen: ['127.0.0.1', '127.0.0.2'], port, probeWorkers });
    const guest = bench.guest(master.link);
    const { profile } = await guest.until('ready');
    profiles.push({ mapping: profile.mapping, filtering: profile.filtering, type: profile.type });
    const counted = await eventually('the probes are counted', async () => {
      const metrics = await (await fetch(master.metrics ?? '')).text();
      const probes = Number(/^sallyport_probes_total\{result="answered"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
      return probes > 0 && probes;
    });
    expect(counted).toBeGreaterThanOrEqual(8);
    guest.stop();
    await master.close();
  }
  expect(profiles[0]).toEqual(profiles[1]);
  expect(profiles[0]).toMatchObject({ mapping: 'eim', filtering: 'eif' });
});

test.skipIf(!existsSync('/usr/bin/openssl'))('HTTPS with certificate files', async () => {
  const { cert, key } = bench.certificate();
  const master = await bench.start({ listen: ['127.0.0.1'], port, tls: { cert, key } });
  expect(master.http).toMatch(/^https:/);
  const body = await new Promise<string>((resolve, reject) => {
    const options = { ca: readFileSync(cert), servername: 'localhost' };
    httpsGet(`${master.http}/readyz`, options, (response) => {
      let text = '';
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(`${response.statusCode} ${text}`));
    }).on('error', reject);
  });
  expect(body).toBe('200 ok\n');
});

test('draining says not ready, sends everybody away and ends', async () => {
  const master = await bench.start({ listen: ['127.0.0.1'], port });
  const host = bench.guest(master.link);
  host.command(hostCommand());
  await host.until('hosting');
  await master.drain();
  await expect(fetch(`${master.http}/readyz`)).rejects.toThrow();
  expect(host.events.some(({ ev }) => ev === 'link')).toBe(true);
});

test('a taken port is a clear error, and nothing stays open', async () => {
  const blocker = createSocket('udp4');
  await new Promise<void>((resolve) => blocker.bind(port + 3, '127.0.0.1', resolve));
  bench.cleanup(() => void blocker.close());
  await expect(bench.start({ listen: ['127.0.0.1'], port })).rejects.toThrow(`UDP port ${port + 3} on 127.0.0.1`);
  await bench.start({ listen: ['127.0.0.1'], port: port + 4 });
});
