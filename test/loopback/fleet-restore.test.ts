/** A node of a fleet whose store is lost: restored from another node's backup, or from nothing, it is what the fleet is. Needs nats-server. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createReceiver } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { orderOf } from '../../src/core/index.ts';
import {
  backupStore,
  drainNode,
  type MasterFact,
  type NatsOptions,
  type RunningMaster,
  restoreStore,
} from '../../src/master/index.ts';
import { deriveCode, nodeCrypto } from '../../src/node/index.ts';
import { eventually, hostCommand, MasterBench } from './master-node.ts';

const NODES = ['a', 'b', 'c'] as const;
type Name = (typeof NODES)[number];
const SECRETS = ['master.key', 'fleet.secret'];
const MISSING = spawnSync('nats-server', ['--version']).status !== 0;

describe.skipIf(MISSING)('the store of a node of a fleet (needs the package nats-server)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-fleet-'));
  const bench = new MasterBench();
  const masters: Partial<Record<Name, RunningMaster>> = {};
  const lists: Record<Name, string> = { a: '', b: '', c: '' };
  const problems: Record<Name, string[]> = { a: [], b: [], c: [] };
  const hooks: string[] = [];
  const receiver = createReceiver((request, response) => {
    request.on('data', (bytes) => void hooks.push(String((JSON.parse(String(bytes)) as { title: string }).title)));
    request.on('end', () => response.end());
  });
  let nats: NatsOptions = { servers: [] };
  let server: ChildProcess | null = null;
  let token = '';

  const stateOf = (name: Name): string => join(folder, name);

  async function start(name: Name, port: number): Promise<void> {
    const told = (fact: MasterFact): void => {
      if (fact.fact === 'fleet-list') lists[name] = fact.nodes.join();
      if (fact.fact === 'store-problem') problems[name].push(fact.problem);
    };
    masters[name] = await bench.start({
      ...{ listen: [`127.0.0.${20 + NODES.indexOf(name)}`], port, onePort: true, stateDir: stateOf(name) },
      ...{ relay: null, fleet: { nats, node: name }, onFact: told },
      testJoins: { intervalMs: 100, againMs: 3_600_000, timeoutMs: 5_000 },
      webhooks: [
        { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`, body: 'json', events: ['host.listed'] },
      ],
      webhookTiming: { intervalMs: 1, muteMs: 0, retryMs: 100 },
    });
  }

  async function rules(method: 'GET' | 'POST' | 'DELETE', path = '', body?: unknown): Promise<unknown> {
    // The file goes with the first use.
    token ||= readFileSync(join(stateOf('a'), 'admin.once'), 'utf8').trim();
    const answer = await fetch(`${masters.a?.http}/api/v1/admin/bans${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return method === 'DELETE' ? null : answer.json();
  }

  /** May a host of this name come to node b? */
  async function comesToB(name: string): Promise<boolean> {
    const guest = bench.guest((masters.b as RunningMaster).link);
    guest.command(hostCommand({ name }));
    const comes = await Promise.race([
      guest.until('hosting').then(() => true),
      guest.until('hosting-failed').then(() => false),
    ]);
    guest.stop();
    return comes;
  }

  beforeAll(async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    server = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    await once(server, 'spawn');
    nats = { servers: [`nats://127.0.0.1:${port}`] };
    await start('a', 18_441);
    for (const name of ['b', 'c'] as const) {
      mkdirSync(stateOf(name));
      for (const file of SECRETS) copyFileSync(join(stateOf('a'), file), join(stateOf(name), file));
    }
    await start('b', 18_442);
    await eventually('both know both', () => lists.a === 'a,b' && lists.b === 'a,b');
  }, 60_000);

  afterAll(async () => {
    await bench.close();
    receiver.close();
    server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test('a node that starts first with the key of another misses no store', () => {
    expect(problems).toEqual({ a: [], b: [], c: [] });
  });

  test('a node restored from the backup of another catches up with what was banned and lifted since', async () => {
    await rules('POST', '', { kind: 'name', pattern: 'older*', reason: 'spam' });
    await rules('POST', '', { kind: 'name', pattern: 'always*', reason: 'spam' });
    const backup = join(folder, 'of-a.db');
    await backupStore(stateOf('a'), backup);
    await masters.b?.close();
    rmSync(stateOf('b'), { recursive: true });
    const { bans } = (await rules('GET')) as { bans: { id: number; pattern: string }[] };
    await rules('DELETE', `/${bans.find(({ pattern }) => pattern === 'older*')?.id}`);
    await rules('POST', '', { kind: 'name', pattern: 'newer*', reason: 'spam' });
    mkdirSync(stateOf('b'));
    await restoreStore(stateOf('b'), backup);
    copyFileSync(join(stateOf('a'), 'fleet.secret'), join(stateOf('b'), 'fleet.secret'));
    await start('b', 18_442);
    await eventually('b has the new rule', async () => !(await comesToB('Newer gold')));
    expect(await comesToB('Always gold')).toBe(false);
    await eventually('and not the one that was lifted', () => comesToB('Older gold'));
    expect([lists.a, lists.b]).toEqual(['a,b', 'a,b']);
  }, 90_000);

  test('a node that was taken off the list and lost its store is on it again, where it is now', async () => {
    await masters.b?.close();
    // Heard of before: else there is nothing to take out.
    expect(await drainNode(nats, stateOf('a'), 'b')).toBe('removed');
    await eventually('b is off the list', () => lists.a === 'a');
    rmSync(join(stateOf('b'), 'master.db'));
    await start('b', 18_443);
    await eventually('b is on the list', () => lists.a === 'a,b' && lists.b === 'a,b');
    // Its mark says what there was: nothing that a first start would have.
    expect(problems.b.join()).toMatch(/can't be read|missing/);
    const guest = bench.guest((masters.a as RunningMaster).link);
    guest.command(hostCommand({ name: 'Arena' }));
    await guest.until('hosting');
    const atB = async (): Promise<boolean> =>
      (await (await fetch(`${masters.b?.http}/api/v1/servers`)).text()).includes('Arena');
    await eventually('a host finds it at its new port', atB);
  }, 90_000);

  test('a node that is new and now the first of a host does not tell of it once more, whichever was the first before', async () => {
    const hosts = [
      { name: 'Harbour', keys: await keysFor('c', 'a', 'b') },
      { name: 'Haven', keys: await keysFor('c', 'b', 'a') },
    ];
    const told = (name: string): number => hooks.filter((title) => title.includes(name)).length;
    for (const { name, keys } of hosts) {
      const guest = bench.guest((masters.a as RunningMaster).link, keys);
      guest.command(hostCommand({ name }));
      await guest.until('hosting');
      await eventually(`${name} is told`, () => told(name) === 1);
      guest.stop();
    }
    await start('c', 18_444);
    for (const { name, keys } of hosts) {
      // It hears of c when it comes, not within two minutes.
      const again = bench.guest((masters.c as RunningMaster).link, keys);
      again.command(hostCommand({ name }));
      await again.until('hosting');
      await eventually(`c has tested ${name}`, async () => {
        const { servers } = (await (await fetch(`${masters.c?.http}/api/v1/servers`)).json()) as {
          servers: { name: string; verifiedAt: number | null }[];
        };
        return servers.some((one) => one.name === name && one.verifiedAt !== null);
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(hosts.map(({ name }) => told(name))).toEqual([1, 1]);
  }, 90_000);
});

/** Of a host whose nodes come in this order. */
async function keysFor(...order: Name[]) {
  for (;;) {
    const keys = nodeCrypto.keyPair();
    if (orderOf((await deriveCode(keys.publicKey)) ?? '', NODES).join() === order.join()) return keys;
  }
}
