/** Three masters that are a fleet over a real nats-server (Debian's), with the configuration that is published: examples/fleet/nats.conf. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect, nkeyAuthenticator, nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { orderOf } from '../../src/core/index.ts';
import type { ServersPage } from '../../src/master/api.ts';
import { askFleet, drainNode, type MasterFact, type NatsOptions, type RunningMaster } from '../../src/master/index.ts';
import { deriveCode, nodeCrypto } from '../../src/node/index.ts';
import { eventually, type Guest, hostCommand, MasterBench } from './master-node.ts';

const CONFIG = readFileSync(new URL('../../examples/fleet/nats.conf', import.meta.url), 'utf8');
const NODES = ['a', 'b', 'c'] as const;
type Name = (typeof NODES)[number];
const run = promisify(execFile);

function hasNats(): boolean {
  try {
    execFileSync('nats-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasNats())('a fleet over NATS (needs the package nats-server)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-fleet-'));
  const bench = new MasterBench();
  const facts: Record<string, MasterFact[]> = { a: [], b: [], c: [] };
  const masters: Partial<Record<Name, RunningMaster>> = {};
  let port = 0;
  let server: ChildProcess | null = null;

  function natsOf(name: string): NatsOptions {
    return { servers: [`nats://127.0.0.1:${port}`], nkey: join(folder, `${name}.nk`) };
  }

  async function startNats(): Promise<void> {
    const child = spawn('nats-server', ['-c', join(folder, 'nats.conf')], { stdio: 'ignore' });
    server = child;
    await new Promise((resolve) => child.once('spawn', resolve));
  }

  async function startNode(name: Name): Promise<void> {
    const at = NODES.indexOf(name);
    masters[name] = await bench.start({
      ...{ listen: [`127.0.0.${10 + at}`], port: 18_431, onePort: true, stateDir: join(folder, name) },
      ...{ relay: null, testJoins: null, fleet: { nats: natsOf(name), node: name, region: 'here' } },
      onFact: (fact) => facts[name]?.push(fact),
    });
  }

  /** A program that knows the fleet by one of its nodes. */
  function guestOf(name: Name, identity = nodeCrypto.keyPair()): Guest {
    return bench.guest((masters[name] as RunningMaster).link, identity);
  }

  async function joins(by: Name, code: string): Promise<void> {
    const client = guestOf(by);
    client.command({ do: 'join', join: 1, code, hostKey: null, password: null, name: 'Ben', timeoutMs: 20_000 });
    await client.until('path');
    client.stop();
  }

  const metrics = async (name: Name): Promise<string> => (await fetch(`${masters[name]?.metrics}`)).text();
  const listed = (name: Name): string => {
    const fact = facts[name]?.filter((one) => one.fact === 'fleet-list').at(-1);
    return fact?.fact === 'fleet-list' ? fact.nodes.join() : '';
  };
  const isAlone = (name: Name): boolean => {
    const fact = facts[name]?.filter((one) => one.fact === 'fleet').at(-1);
    return fact?.fact === 'fleet' && fact.state === 'alone';
  };

  const serversAt = async (name: Name) =>
    (await (await fetch(`${masters[name]?.http}/api/v1/servers`)).json()) as ServersPage;

  let code = '';
  let host: Guest;

  beforeAll(async () => {
    port = await freePort();
    let config = CONFIG.replace('127.0.0.1:4222', `127.0.0.1:${port}`);
    for (const name of NODES) {
      const user = nkeys.createUser();
      config = config.replace(`NKEY_OF_NODE_${name.toUpperCase()}`, user.getPublicKey());
      writeFileSync(join(folder, `${name}.nk`), user.getSeed(), { mode: 0o600 });
      mkdirSync(join(folder, name), { recursive: true });
    }
    writeFileSync(join(folder, 'nats.conf'), config);
    writeFileSync(join(folder, 'stranger.nk'), nkeys.createUser().getSeed(), { mode: 0o600 });
    await startNats();
    await startNode('a');
    for (const name of ['b', 'c'] as const) {
      for (const file of ['master.key', 'fleet.secret'])
        copyFileSync(join(folder, 'a', file), join(folder, name, file));
      await startNode(name);
    }
    await eventually('all know all', () => NODES.every((name) => listed(name) === 'a,b,c'));
    host = guestOf('a');
    host.command(hostCommand({ public: true }));
    code = (await host.until('hosting')).code;
  }, 60_000);

  afterAll(async () => {
    await bench.close();
    server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test('a host that came by one node is joined by another, and an operator sees all of them', async () => {
    await joins('b', code);
    await joins('c', code);
    const { nodes, missing } = await askFleet(natsOf('a'), join(folder, 'a'));
    expect(nodes.map(({ name, region }) => `${name} ${region}`)).toEqual(['a here', 'b here', 'c here']);
    expect(nodes.reduce((all, { hosts }) => all + hosts, 0)).toBeGreaterThanOrEqual(2);
    expect(missing).toEqual([]);
    const command = ['dist/command/cli/main.js', 'fleet', 'status', '--nats', `nats://127.0.0.1:${port}`];
    const flags = ['--nats-nkey', join(folder, 'a.nk'), '--state-dir', join(folder, 'a')];
    const { stdout } = await run(process.execPath, [...command, ...flags]);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/ +/).slice(0, 3).join(' ')),
    ).toEqual(['Node Region State', ...NODES.map((name) => `${name} here up`)]);
    expect(await metrics('a')).toContain('sallyport_fleet_nodes 3\n');
    expect(await metrics('a')).toMatch(/^sallyport_fleet_registrations [2-9]/m);
  }, 60_000);

  test('a ban of one node holds at the others, is not brought back once it is lifted, and a node that was away catches up', async () => {
    const banned = guestOf('c');
    banned.command(hostCommand({ name: 'Cheap gold' }));
    await banned.until('hosting');
    await masters.b?.close();
    const headers = {
      authorization: `Bearer ${readFileSync(join(folder, 'a', 'admin.once'), 'utf8').trim()}`,
      'content-type': 'application/json',
    };
    const bans = `${masters.a?.http}/api/v1/admin/bans`;
    const body = JSON.stringify({ kind: 'name', pattern: 'cheap*', reason: 'spam' });
    expect((await fetch(bans, { method: 'POST', headers, body })).status).toBe(201);
    const hosts = async (name: Name): Promise<readonly string[]> => {
      const answer = await fetch(`${masters[name]?.http}/api/v1/servers`);
      return ((await answer.json()) as { servers: { name: string }[] }).servers.map((one) => one.name);
    };
    await eventually('gone at c', async () => !(await hosts('c')).includes('Cheap gold'));
    await startNode('b');
    const again = guestOf('b');
    again.command(hostCommand({ name: 'Cheap silver' }));
    expect((await again.until('hosting-failed')).failure).toBe('BANNED');
    const [ban] = ((await (await fetch(bans, { headers })).json()) as { bans: { id: number }[] }).bans;
    expect((await fetch(`${bans}/${ban?.id}`, { method: 'DELETE', headers })).status).toBe(204);
    const third = async (): Promise<boolean> => {
      const guest = guestOf('b');
      guest.command(hostCommand({ name: 'Cheap lead' }));
      const came = await Promise.race([
        guest.until('hosting').then(() => true),
        guest.until('hosting-failed').then(() => false),
      ]);
      guest.stop();
      return came;
    };
    await eventually('lifted at b', third);
  }, 90_000);

  test('the page and the events of every node show the hosts of all, those registered elsewhere alone among them', async () => {
    const guest = guestOf('a', await atNodes('a', 'b'));
    const events = new AbortController();
    const told = await fetch(`${masters.c?.http}/api/v1/events`, { signal: events.signal });
    const heard: string[] = [];
    void read(told, heard).catch(() => {});
    guest.command(hostCommand({ name: 'Far harbour' }));
    const { code: join } = await guest.until('hosting');
    const listed = async (name: Name) => (await serversAt(name)).servers.filter((one) => one.name === 'Far harbour');
    for (const name of NODES)
      expect(await eventually(`listed at ${name}`, async () => (await listed(name))[0] ?? null)).toMatchObject({
        code: join,
        returning: false,
      });
    expect(await metrics('c')).toMatch(/^sallyport_fleet_hosts_elsewhere [1-9]/m);
    // By its code, too, as a link leads there.
    expect((await fetch(`${masters.c?.http}/api/v1/servers/${join}`)).status).toBe(200);
    await eventually('told at c', () => heard.join('').includes('Far harbour'));
    guest.command({ do: 'unhost' });
    await eventually('gone at c', async () => (await listed('c')).length === 0);
    events.abort();
    guest.stop();
  }, 60_000);

  test('a host stays on every list while the node that tells of it is away', async () => {
    const guest = guestOf('c', await atNodes('b', 'c'));
    guest.command(hostCommand({ name: 'Steady harbour' }));
    await guest.until('hosting');
    const isListed = async (): Promise<boolean> =>
      (await serversAt('a')).servers.some(({ name }) => name === 'Steady harbour');
    await eventually('listed at a', isListed);
    await masters.b?.close();
    const until = Date.now() + 9_000;
    while (Date.now() < until) {
      expect(await isListed()).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await startNode('b');
    await eventually('whole again', async () => (await serversAt('a')).whole);
    expect(await isListed()).toBe(true);
    guest.stop();
  }, 60_000);

  test('while NATS is dead joins go on, the nodes say so, and they find each other again', async () => {
    server?.kill('SIGKILL');
    await eventually('all are alone', () => NODES.every(isAlone));
    await joins('c', code);
    expect(await metrics('a')).toContain('sallyport_fleet_connected 0\n');
    await eventually('the list says so', async () => !(await serversAt('b')).whole);
    await startNats();
    await eventually('all are connected', () => !NODES.some(isAlone));
    for (const name of NODES) await eventually('the list is whole', async () => (await serversAt(name)).whole);
  }, 60_000);

  test('a node that is killed is missed by nobody', async () => {
    const client = guestOf('b');
    await client.until('ready');
    await masters.a?.close();
    client.command({ do: 'join', join: 1, code, hostKey: null, password: null, name: 'Cleo', timeoutMs: 20_000 });
    await client.until('path');
    // Nodes have a second to answer: on a busy machine one that is there may be late once.
    await expect.poll(async () => (await askFleet(natsOf('c'), join(folder, 'c'))).missing).toEqual(['a']);
    await startNode('a');
  }, 60_000);

  test('wrong credentials and a foreign secret get nothing', async () => {
    await expect(askFleet(natsOf('stranger'), join(folder, 'a'))).rejects.toMatchObject({ code: 'MASTER_UNREACHABLE' });
    const foreign = join(folder, 'foreign');
    mkdirSync(foreign);
    copyFileSync(join(folder, 'a', 'master.key'), join(foreign, 'master.key'));
    writeFileSync(join(foreign, 'fleet.secret'), `${Buffer.alloc(32, 7).toString('base64url')}\n`, { mode: 0o600 });
    // It may speak, and is neither understood nor heard.
    expect(await askFleet(natsOf('a'), foreign)).toMatchObject({ nodes: [], serial: 0 });
    expect(await drainNode(natsOf('a'), foreign, 'c')).toBe('unknown');
    expect(listed('b')).toBe('a,b,c');
  }, 60_000);

  test('a node of the fleet may say and hear what the fleet does, and nothing else', async () => {
    const { servers, nkey = '' } = natsOf('a');
    const connection = await connect({ servers: [...servers], authenticator: nkeyAuthenticator(readFileSync(nkey)) });
    const refused: string[] = [];
    const heard: string[] = [];
    void (async () => {
      for await (const status of connection.status()) if (status.type === 'error') refused.push(status.error.message);
    })();
    connection.publish('$SYS.REQ.SERVER.PING');
    connection.publish('sallyport.other');
    connection.subscribe('>', { callback: (error) => void heard.push(error?.name ?? 'heard') });
    await connection.flush();
    await eventually('three refusals', () => refused.length >= 3);
    expect(heard).not.toContain('heard');
    await connection.close();
  });

  test('a node that is taken out is told so, and one that is away leaves the list', async () => {
    expect(await drainNode(natsOf('a'), join(folder, 'a'), 'c')).toBe('told');
    await eventually('c is to end', () => facts.c?.some(({ fact }) => fact === 'fleet-drain') === true);
    await eventually('the list is shorter', () => listed('a') === 'a,b' && listed('b') === 'a,b');
    await masters.b?.close();
    expect(await drainNode(natsOf('a'), join(folder, 'a'), 'b')).toBe('removed');
    await eventually('b has left', () => listed('a') === 'a');
  }, 60_000);
});

/** Somebody who hosts at these two nodes first. */
async function atNodes(...both: [Name, Name]) {
  for (;;) {
    const keys = nodeCrypto.keyPair();
    const order = orderOf((await deriveCode(keys.publicKey)) ?? '', NODES);
    if (both.every((name) => order.slice(0, 2).includes(name))) return keys;
  }
}

async function read(response: Response, into: string[]): Promise<void> {
  const text = new TextDecoder();
  for await (const bytes of response.body ?? []) into.push(text.decode(bytes as Uint8Array));
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
