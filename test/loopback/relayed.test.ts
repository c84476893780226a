/** Connections through the relay of a real masterserver, on its own thread, as the library gives them; on loopback. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Agent, type AgentOptions, openAgent, type Path, type WayNow } from '../../src/agent/index.ts';
import { type RunningMaster, startMaster } from '../../src/master/index.ts';
import { Bench, portBase, runHost } from './processes.ts';

let master: RunningMaster;
const bench = new Bench();
const agents: Agent[] = [];
const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null } as const;

beforeAll(async () => {
  master = await startMaster({
    listen: ['127.0.0.1'],
    port: portBase(),
    stateDir: bench.folder(),
    ...quiet,
    relay: {},
  });
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
});
afterAll(async () => {
  await master.close();
  await bench.close();
});

async function agent(options: Partial<AgentOptions> = {}): Promise<Agent> {
  const made = await openAgent({ master: master.link, ...options });
  agents.push(made);
  return made;
}

const message = (path: Path): Promise<string> =>
  new Promise((resolve) => path.once('message', (got) => resolve(new TextDecoder().decode(got))));
const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);

async function pair(host: AgentOptions['relay'], friend: AgentOptions['relay']) {
  const paths: Path[] = [];
  const hosting = await (await agent()).host({ onPath: (path) => paths.push(path), ...(host && { relay: host }) });
  const path = await (await agent()).join(hosting.code, friend && { relay: friend });
  await expect.poll(() => paths.length).toBe(1);
  return { hosting, path, hostPath: paths[0] as Path };
}

test.each([
  ['the host', 'only', 'allow'],
  ['the friend', 'allow', 'only'],
] as const)(
  'where %s hides its address, all data goes through the relay, and no address is told',
  async (_who, host, friend) => {
    const { hosting, path, hostPath } = await pair(host, friend);
    expect(hosting.relay).toBe(host);
    for (const [end, other] of [
      [path, hostPath],
      [hostPath, path],
    ] as const) {
      expect(end).toMatchObject({ kind: 'relay', via: 'master' });
      const there = message(other);
      end.send(bytes('hello'));
      expect(await there).toBe('hello');
      expect(end.paths).toMatchObject([{ kind: 'relay', via: 'master', state: 'ready', carries: true }]);
      expect(end.paths.map(({ remote }) => remote)).toEqual([path.remote]);
      expect(end.paths[0]).not.toHaveProperty('socket');
      expect(() => end.release()).toThrow(expect.objectContaining({ code: 'NO_DIRECT_PATH', retryable: true }));
      expect(end.state).toBe('up');
    }
    expect(path.remote.port).toBe(hostPath.remote.port);
    for (const end of [path, hostPath])
      expect(end.stats()).toMatchObject({
        sent: 1,
        received: 1,
        lost: expect.any(Number),
        kind: 'relay',
        relay: 'master',
      });
    path.close();
    expect(path.stats()).toMatchObject({ sent: 1, received: 1 });
  },
);

test('wishes that exclude each other, and a relay that is not there, are told as RELAY_MODE', async () => {
  await expect(pair('only', 'never')).rejects.toMatchObject({ code: 'RELAY_MODE' });
  await expect(pair('never', 'only')).rejects.toMatchObject({ code: 'RELAY_MODE' });
  const without = await startMaster({
    ...{ listen: ['127.0.0.1'], port: portBase(), stateDir: bench.folder(), ...quiet },
  });
  try {
    const [host, friend] = [await agent({ master: without.link }), await agent({ master: without.link })];
    const { code } = await host.host({ onPath: () => {}, relay: 'only' });
    await expect(friend.join(code)).rejects.toMatchObject({ code: 'RELAY_MODE' });
  } finally {
    await Promise.all(agents.splice(0).map((one) => one.close()));
    await without.close();
  }
});

test('a direct path that is there at once goes first; the relay stands by unless either side says never', async () => {
  for (const friend of ['allow', 'never'] as const) {
    const { path, hostPath } = await pair('allow', friend);
    const ways: WayNow[] = [];
    path.on('path', (way) => ways.push(way));
    expect([path.kind, path.via]).toEqual([hostPath.kind, null]);
    expect(path.kind).not.toBe('relay');
    const kinds = (): readonly string[] => path.paths.map(({ kind, state }) => `${kind} ${state}`).sort();
    const standing = friend === 'allow' ? [`${path.kind} ready`, 'relay ready'] : [`${path.kind} ready`];
    await expect.poll(kinds).toEqual(standing);
    expect(path.paths.find(({ carries }) => carries)?.kind).toBe(path.kind);
    expect(ways).toEqual([]);
    // The socket that is given away is the direct one.
    const { socket, remote } = path.release();
    expect(remote).toEqual(path.remote);
    socket.close();
    await expect.poll(() => hostPath.state).toBe('closed');
  }
});

test('the command says by whom data is relayed, why it is not direct, and once what a relay sees', async () => {
  const host = await runHost(bench, master.link, ['--relay', 'only']);
  const joining = (...more: string[]) =>
    bench.sallyport([
      'join',
      host.code,
      '--master',
      master.link,
      '--json',
      '--no-clipboard',
      '--name',
      'Kofi',
      ...more,
    ]);
  const friend = joining();
  expect(await friend.line('path')).toMatchObject({ kind: 'relay', via: 'master', ms: expect.any(Number) });
  const connected = await friend.line('connected');
  expect(connected).toMatchObject({ path: 'relay', via: 'master' });
  expect(await bench.ask(String(connected.local), 'hello')).toMatch(/^127\.77\.\d+\.\d+ said hello$/);
  const says = (text: RegExp): readonly string[] => friend.stderr().match(text) ?? [];
  expect(says(/Connected {3}relayed via master, \d+ ms · encrypted/g)).toHaveLength(1);
  expect(says(/Relay {7}Not direct, because one of you comes through a relay only\./g)).toHaveLength(1);
  expect(says(/Whoever runs the relay sees who speaks to whom/g)).toHaveLength(1);
  const news = (): unknown => host.run.lines.filter(({ ev, state }) => ev === 'peer' && state === 'connected');
  await expect.poll(news).toMatchObject([{ path: 'relay', via: 'master', remote: connected.remote }]);
  expect(host.run.stderr()).toMatch(/Kofi +connected +relayed via master, \d+ ms · seen by the game as 127\.77\./);
  expect(host.run.stderr()).toContain('Whoever runs the relay sees who speaks to whom');
  const direct = joining('--relay', 'never');
  expect(await direct.exit).toBe(5);
  expect(await direct.line('error')).toMatchObject({ code: 'RELAY_MODE' });
});
