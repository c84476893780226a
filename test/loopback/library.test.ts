/** The library as a game developer uses it: agents in one process, real sockets on loopback, a real masterserver. */
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Agent,
  type AgentOptions,
  type FriendNews,
  type HostOptions,
  isSallyportDatagram,
  openAgent,
  type Path,
  SallyportError,
} from '../../src/agent/index.ts';
import { type RunningMaster, startMaster } from '../../src/master/index.ts';
import { hasIpv6 } from '../support.ts';
import { Bench, portBase } from './processes.ts';

let master: RunningMaster;
let masterBench: Bench;
let bench: Bench;
const agents: Agent[] = [];

beforeAll(async () => {
  masterBench = new Bench();
  master = await startMaster({
    listen: ['127.0.0.1'],
    port: portBase(),
    http: null,
    metrics: null,
    stateDir: masterBench.folder(),
    logLevel: 'silent',
    testJoins: null,
  });
});
afterAll(async () => {
  await master.close();
  await masterBench.close();
});
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
  await bench.close();
});

async function agent(options: Partial<AgentOptions> = {}): Promise<Agent> {
  const made = await openAgent({ master: master.link, ...options });
  agents.push(made);
  return made;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);
const message = async (path: Path): Promise<string> =>
  new Promise((resolve) => path.once('message', (got) => resolve(text(got))));

/** A host whose paths come out one by one, and a friend's path to it. */
async function pair(options: Partial<HostOptions> = {}) {
  const [host, friend] = [await agent(), await agent()];
  const paths: Path[] = [];
  const hosting = await host.host({ name: 'Arena', onPath: (path) => paths.push(path), ...options });
  const news: FriendNews[] = [];
  hosting.on('friend', (one) => news.push(one));
  const path = await friend.join(hosting.code, { name: 'Kofi' });
  await expect.poll(() => paths.length).toBe(1);
  return { host, friend, hosting, news, path, hostPath: paths[0] as Path };
}

test('both ends say the same of a path, and datagrams pass both ways', async () => {
  const { path, hostPath, news } = await pair();
  expect(path.kind).toBe(hostPath.kind);
  expect(path.remote.port).toBe(hostPath.local.port);
  expect(hostPath.remote.port).toBe(path.local.port);
  expect(path.payloadBytesMax).toBeGreaterThan(1_200);
  expect(path.words).toBe(hostPath.words);
  const there = message(hostPath);
  path.send(bytes('ping'));
  expect(await there).toBe('ping');
  const back = message(path);
  hostPath.send(bytes('pong'));
  expect(await back).toBe('pong');
  await expect.poll(() => news.at(-1)).toMatchObject({ name: 'Kofi', state: 'connected' });
});

test.skipIf(!hasIpv6())('a masterserver that has IPv6 only brings two together by what it sees of them', async () => {
  const quiet = { http: null, metrics: null, stateDir: bench.folder(), logLevel: 'silent', testJoins: null } as const;
  const six = await startMaster({ listen: ['::1'], port: portBase(), ...quiet });
  try {
    const [host, friend] = [await agent({ master: six.link }), await agent({ master: six.link })];
    const hosting = await host.host({ onPath: (path) => path.on('message', (got) => path.send(got)) });
    const path = await friend.join(hosting.code, { timeoutMs: 5_000 });
    expect(path).toMatchObject({ kind: 'ipv6', remote: { address: '::1' } });
    const back = message(path);
    path.send(bytes('ping'));
    expect(await back).toBe('ping');
    await Promise.all([host.close(), friend.close()]);
  } finally {
    await six.close();
  }
});

test('a datagram that does not fit throws, and the largest one arrives whole', async () => {
  const { path, hostPath } = await pair();
  expect(() => path.send(new Uint8Array(path.payloadBytesMax + 1))).toThrow(RangeError);
  const there = message(hostPath);
  path.send(bytes('x'.repeat(path.payloadBytesMax)));
  expect(await there).toHaveLength(path.payloadBytesMax);
});

test("released sockets are the game's own: bare datagrams pass, and late ones of ours are told apart", async () => {
  const { path, hostPath } = await pair();
  const ends = [hostPath.release(), path.release()] as const;
  const got: string[][] = [[], []];
  ends.forEach(({ socket }, index) => {
    socket.on('message', (datagram: Buffer) => {
      if (!isSallyportDatagram(datagram)) got[index]?.push(String(datagram));
    });
  });
  const send = (
    { socket, remote }: { socket: Socket; remote: { port: number; address: string } },
    words: string,
  ): void => socket.send(words, remote.port, remote.address);
  try {
    await expect
      .poll(() => {
        send(ends[0], 'from the host');
        send(ends[1], 'from the friend');
        return got.every((list) => list.length > 0);
      })
      .toBe(true);
    expect(got[0]?.[0]).toBe('from the friend');
    expect(got[1]?.[0]).toBe('from the host');
    expect(path.state).toBe('closed');
    expect(() => path.send(bytes('x'))).not.toThrow();
    expect(() => path.release()).toThrow('not up');
  } finally {
    for (const { socket } of ends) socket.close();
  }
});

test('a server in the same process gets friends at its own socket', async () => {
  const socket = await bench.udp();
  socket.on('message', (datagram, from) => socket.send(`${from.address} said ${datagram}`, from.port, from.address));
  const [host, friend] = [await agent(), await agent()];
  const hosting = await host.host({ socket });
  const path = await friend.join(hosting.link);
  const answer = message(path);
  path.send(bytes('hello'));
  expect(await answer).toMatch(/^127\.77\.\d+\.\d+ said hello$/);
});

test('abort rejects at once with ABORTED and the log so far; the agent is as good as new', async () => {
  const [host, friend] = [await agent(), await agent()];
  const hosting = await host.host({ onPath: () => {}, ask: true });
  const abort = new AbortController();
  const stages: string[] = [];
  const join = friend.join(hosting.code, { signal: abort.signal, onEvent: (event) => stages.push(event.ev) });
  await expect.poll(() => stages).toContain('found');
  abort.abort();
  const error = await join.catch((thrown) => thrown as SallyportError);
  expect(error).toBeInstanceOf(SallyportError);
  expect(error).toMatchObject({ code: 'ABORTED', retryable: true });
  expect((error as SallyportError).log.map((entry) => entry.what)).toContain('found');
  await expect(friend.join(hosting.code, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  hosting.on('friend', ({ friend: who, state }) => state === 'asking' && hosting.admit(who, true));
  expect((await friend.join(hosting.code)).state).toBe('up');
});

test('kick ends the path at both ends; ban keeps the friend out', async () => {
  const { hosting, path, hostPath, friend } = await pair();
  const over = new Promise((resolve) => path.once('close', (reason) => resolve(reason)));
  hosting.ban(hostPath.friend);
  expect(await over).toBe('kicked');
  await expect.poll(() => hostPath.state).toBe('closed');
  await expect(friend.join(hosting.code)).rejects.toMatchObject({ code: 'BANNED' });
});

test('a friend is the same to the game after a new join, a restart of its program and one of the host; anonymous it is nobody', async () => {
  const socket = await bench.udp();
  const seen: string[] = [];
  socket.on('message', (_datagram, from) => seen.push(from.address));
  const [home, keys] = [bench.folder(), bench.folder()];
  const open = () => agent({ keyFile: `${keys}/host.key`, stateDir: keys });
  const addressOf = async (code: string, stateDir: string, anonymous = false): Promise<string> => {
    const friend = await agent({ stateDir });
    const path = await friend.join(code, { anonymous });
    const before = seen.length;
    await expect
      .poll(() => {
        path.send(bytes('hello'));
        return seen.length;
      })
      .toBeGreaterThan(before);
    await friend.close();
    return seen.at(-1) as string;
  };
  const host = await open();
  const { code } = await host.host({ socket });
  const first = await addressOf(code, home);
  expect(await addressOf(code, home)).toBe(first);
  const others = [await addressOf(code, bench.folder()), await addressOf(code, home, true)];
  expect(new Set([first, ...others]).size).toBe(3);
  await host.close();
  await (await open()).host({ socket });
  expect(await addressOf(code, home)).toBe(first);
  expect(statSync(`${home}/device.key`).mode & 0o777).toBe(0o600);
  expect(statSync(`${keys}/host.guests.json`).mode & 0o777).toBe(0o600);
});

test('a ban holds over a new join and over restarts of both, is listed with name and time, and is lifted', async () => {
  const [home, keys, began] = [bench.folder(), bench.folder(), Date.now()];
  const open = () => agent({ keyFile: `${keys}/host.key`, stateDir: keys });
  /** Another run of the same friend: the one before has ended. */
  const mallory = async (): Promise<Agent> => {
    await last?.close();
    last = await agent({ stateDir: home });
    return last;
  };
  let last: Agent | null = null;
  const host = await open();
  const paths: Path[] = [];
  const hosting = await host.host({ onPath: (path) => paths.push(path) });
  const { code } = hosting;
  await (await mallory()).join(code, { name: 'Mallory' });
  await expect.poll(() => paths.length).toBe(1);
  hosting.ban(paths[0]?.friend ?? '');
  await expect.poll(() => hosting.bans.length).toBe(1);
  await expect((await mallory()).join(code)).rejects.toMatchObject({ code: 'BANNED' });
  await host.close();
  const again = await (await open()).host({ onPath: () => {} });
  const [ban] = again.bans;
  expect(ban).toMatchObject({ ban: { by: 'friend', friend: paths[0]?.friend }, name: 'Mallory' });
  expect(ban?.at).toBeGreaterThanOrEqual(began);
  await expect((await mallory()).join(code)).rejects.toMatchObject({ code: 'BANNED' });
  if (ban !== undefined) again.unban(ban.ban);
  expect((await (await mallory()).join(code)).state).toBe('up');
  expect(again.bans).toEqual([]);
});

test('a network is banned with everybody in it, under any key; a damaged list of bans is no empty one', async () => {
  const keys = bench.folder();
  const open = () => agent({ keyFile: `${keys}/host.key` });
  const host = await open();
  const paths: Path[] = [];
  const hosting = await host.host({ onPath: (path) => paths.push(path) });
  await (await agent()).join(hosting.code, { name: 'Mallory' });
  await expect.poll(() => paths.length).toBe(1);
  hosting.ban(paths[0]?.friend ?? '', { network: true });
  await expect.poll(() => hosting.bans.map(({ ban }) => ban.by)).toEqual(['friend', 'network']);
  await host.close();
  const again = await (await open()).host({ onPath: () => {} });
  await expect((await agent()).join(again.code)).rejects.toMatchObject({ code: 'BANNED' });
  expect(readFileSync(`${keys}/host.guests.json`, 'utf8')).not.toContain('127.0.0');
  await Promise.all(agents.splice(0).map((one) => one.close()));
  writeFileSync(`${keys}/host.guests.json`, '{"v":1,"bans":');
  await expect(open()).rejects.toMatchObject({
    code: 'STATE_FOLDER',
    message: expect.stringContaining('host.guests.json'),
  });
  expect(readFileSync(`${keys}/host.guests.json`, 'utf8')).toBe('{"v":1,"bans":');
  // Nothing is held by the one that could not begin.
  rmSync(`${keys}/host.guests.json`);
  await open();
});

test('close of one side ends the path of the other, with the reason', async () => {
  const { path, hostPath } = await pair();
  const over = new Promise((resolve) => hostPath.once('close', (reason) => resolve(reason)));
  path.close();
  expect(await over).toBe('left');
  expect(path.state).toBe('closed');
});

test('an agent hosts once at a time, and again after close with the same code', async () => {
  const host = await agent();
  const first = await host.host({ onPath: () => {} });
  await expect(host.host({ onPath: () => {} })).rejects.toMatchObject({ code: 'USAGE' });
  await first.close();
  const second = await host.host({ onPath: () => {} });
  expect(second.code).toBe(first.code);
});

test.each([
  ['no way for the datagrams', {}],
  ['two ways', { onPath: () => {}, forward: { port: 1 } }],
  ['an impossible port', { forward: { port: 0 } }],
  ['half a port', { forward: 1.5 }],
  ['words that name no port', { forward: '30000/sctp' }],
  ['a port twice', { forward: [{ port: 1 }, { port: 1, protocols: 'udp+tcp' }] }],
  ['no ports', { forward: [] }],
] as const)('host() with %s is refused', async (_what, options) => {
  const host = await agent();
  await expect(host.host(options as HostOptions)).rejects.toMatchObject({ code: 'USAGE' });
  expect((await host.host({ onPath: () => {} })).code).toHaveLength(10);
});

const UDP = { port: 30_000, protocols: 'udp', address: '127.0.0.1' } as const;

test.each([
  ['a number', 30_000, [UDP]],
  ['words', '30000, [::1]:7777/tcp', [UDP, { port: 7_777, protocols: 'tcp', address: '::1' }]],
  ['a port', { port: 30_000 }, [UDP]],
  ['services', [{ port: 1, protocols: 'udp+tcp' }, UDP], [{ ...UDP, port: 1, protocols: 'udp+tcp' }, UDP]],
] as const)('what friends reach may be %s, and they are told', async (_what, forward, services) => {
  const [host, friend] = [await agent(), await agent()];
  const hosting = await host.host({ forward });
  expect(hosting.services).toEqual(services);
  const path = await friend.join(hosting.code);
  expect(path.services).toEqual(services.map(({ port, protocols }) => ({ port, protocols })));
});

test('a relay mode that nobody knows is refused instead of quietly direct', async () => {
  const relay = 'always' as 'only';
  await expect(openAgent({ master: master.link, relay })).rejects.toMatchObject({ code: 'USAGE' });
  const one = await agent();
  await expect(one.host({ onPath: () => {}, relay })).rejects.toMatchObject({ code: 'USAGE' });
  await expect(one.join('K7TQ9-RBWXM', { relay })).rejects.toMatchObject({ code: 'USAGE' });
});

test('after close nothing is left: no handle of ours, no promise pending', async () => {
  const { host, friend, hosting } = await pair();
  const pending = friend.join(hosting.code, { timeoutMs: 60_000 }).catch((error: SallyportError) => error.code);
  await Promise.all([host.close(), friend.close()]);
  expect(['ABORTED', 'HOST_OFFLINE']).toContain(await pending);
  await expect(friend.join(hosting.code)).rejects.toMatchObject({ code: 'ABORTED' });
  await friend.close();
  // A process that does the same ends by itself: no socket, no timer.
  const script = `
    import { openAgent } from 'sallyport';
    const [a, b] = [await openAgent({ master: process.argv[1] }), await openAgent({ master: process.argv[1] })];
    const hosting = await a.host({ onPath: () => {} });
    await b.join(hosting.code);
    const lost = b.join('K7TQ9-RBWXM').catch((error) => error.code);
    await Promise.all([a.close(), b.close()]);
    console.log(await lost, process.getActiveResourcesInfo().filter((name) => /UDP|Timeout/.test(name)).join());`;
  const run = bench.run(['--input-type=module', '-e', script, master.link]);
  const end = await Promise.race([run.exit, once(run.child, 'never', { signal: AbortSignal.timeout(10_000) })]);
  expect(end, run.stderr()).toBe(0);
  expect(run.stdout()).toMatch(/^(ABORTED|CODE_UNKNOWN) \n$/);
});
