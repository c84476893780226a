/** The whole thing as a person uses it: real processes, real sockets, no NAT. */
import { generateKeyPairSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLI_LIMITS } from '../../src/cli/testing.ts';
import { Bench, type Master, portBase, type Run, runHost, runMaster } from './processes.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const startMaster = (port?: number, folder?: string): Promise<Master> => runMaster(bench, port, folder);
const startHost = (master: string, more?: readonly string[], env?: NodeJS.ProcessEnv) =>
  runHost(bench, master, more, env);

const joinArgs = (master: string, target: string, more: readonly string[] = []): string[] => [
  ...['join', target, '--json', ...more],
  ...(master === '' ? [] : ['--master', master]),
];

/** Runs to its end: code, error code and how long it took. */
async function outcome(run: Run): Promise<{ exit: number; error: unknown; ms: number }> {
  const begin = performance.now();
  const exit = await run.exit;
  return { exit, error: run.lines.find((line) => line.ev === 'error')?.code, ms: performance.now() - begin };
}

/** A link that is whole, to nobody. */
/** Its key is the base point of X25519: a key of nobody, but one that there can be. */
const KEYED = `sallyport://127.0.0.1:1/#CQ${'A'.repeat(41)}`;

describe('host and join', () => {
  test('a friend reaches the game by code, and every line is the promised one', async () => {
    const master = await startMaster();
    const host = await startHost(master.link, ['--name', 'Ana', '--game', 'luanti']);
    expect(host.ready).toMatchObject({ v: 1, ev: 'ready' });
    expect(host.code).toMatch(/^[6789BCDFGHJKLMNPQRTWX]{10}$/);
    expect(host.link).toContain(host.code);
    expect(host.ready.profile).toMatchObject({ v: 1 });
    const friend = bench.sallyport(joinArgs(master.link, host.code.toLowerCase(), ['--name', 'Kofi']));
    const connected = await friend.line('connected');
    expect(connected).toMatchObject({ v: 1, ev: 'connected', local: expect.stringMatching(/^127\.78\.\d+\.\d+:\d+$/) });
    // The same number as the host's, whose game has it at 127.0.0.1 of this very computer.
    expect(connected.services).toEqual([{ port: host.port, protocol: 'udp', local: connected.local }]);
    expect(String(connected.local).split(':')[1]).toBe(String(host.port));
    expect(['direct', 'lan']).toContain(connected.path);
    expect(connected.remote).toMatch(/^[\d.]+:\d+$/);
    for (const field of ['ms', 'attempts', 'packetsSent']) expect(connected[field]).toBeGreaterThanOrEqual(1);
    expect(await friend.line('attempt')).toMatchObject({ n: 1, plan: { method: expect.any(String) } });
    const logged = (what: string) => friend.lines.find((line) => line.ev === 'log' && line.what === what);
    expect(logged('plan')).toMatchObject({ attempt: 1, data: { expected: expect.any(Number) } });
    expect(logged('over')).toMatchObject({ attempt: 1, data: { result: 'path', planned: expect.any(Number) } });
    expect(await bench.ask(String(connected.local), 'hello')).toMatch(/^127\.77\.\d+\.\d+ said hello$/);
    expect(await host.run.line('peer')).toMatchObject({ ev: 'peer', name: 'Kofi' });
    friend.kill('SIGINT');
    expect(await friend.exit).toBe(130);
    await expect.poll(() => host.run.lines.some((line) => line.ev === 'peer' && line.state === 'left')).toBe(true);
    host.run.kill('SIGTERM');
    expect(await host.run.exit).toBe(143);
    master.run.kill('SIGTERM');
    expect(await master.run.exit).toBe(143);
  });

  test('the link alone is enough, and the code is the same after a restart of host and master', async () => {
    const first = await startMaster();
    const home = bench.folder();
    const gamePort = await bench.game();
    const hostArgs = ['host', String(gamePort), '--json', '--state-dir', home];
    const hostOne = bench.sallyport([...hostArgs, '--master', first.link]);
    const ready = await hostOne.line('ready');
    const friend = bench.sallyport(joinArgs('', String(ready.link)));
    await friend.line('connected');
    for (const run of [friend, hostOne, first.run]) run.kill('SIGTERM');
    await Promise.all([friend.exit, hostOne.exit, first.run.exit]);
    const second = await startMaster(first.port, first.folder);
    expect(second.link).toBe(first.link);
    const hostTwo = bench.sallyport([...hostArgs, '--master', second.link]);
    expect((await hostTwo.line('ready')).code).toBe(ready.code);
  });

  test('the link of the page is enough too', async () => {
    const master = await startMaster();
    const host = await startHost(master.link);
    const hostKey = host.link.split('.').at(-1);
    const page = `${String((await master.run.line('ready')).http)}/j/${host.code}#${hostKey}`;
    await bench.sallyport(joinArgs('', page)).line('connected');
  });

  test('stdout holds one line for a script without --json, and people read the rest on stderr', async () => {
    const master = await startMaster();
    const port = await bench.game();
    const host = bench.sallyport(['host', String(port), '--master', master.link, '--name', 'Ana', '--game', 'luanti']);
    await expect.poll(() => host.stdout()).toMatch(/^sallyport:\/\/\S+\n$/);
    const friend = bench.sallyport(['join', host.stdout().trim()]);
    await expect.poll(() => friend.stdout()).toMatch(new RegExp(`^127\\.78\\.\\d+\\.\\d+:${port}\n$`));
    expect(host.stderr()).toMatch(/Join code {3}[0-9A-Z]{5}-[0-9A-Z]{5}/);
    await expect.poll(() => host.stderr()).toMatch(/seen by the game as 127\.77\.\d+\.\d+/);
    expect(friend.stderr()).toContain('Found       "Ana"');
    expect(friend.stderr()).toContain(`In the game connect to    ${friend.stdout().trim()}`);
    const [address] = friend.stdout().split(':');
    expect(friend.stderr()).toContain(`Join Game: address ${address}, port ${port}`);
    expect(host.stderr() + friend.stderr()).not.toContain('\u001b');
  });

  test('two friends are two addresses to the game, whatever programs they use', async () => {
    const master = await startMaster();
    const host = await startHost(master.link);
    const seen = new Set<string>();
    for (let n = 0; n < 2; n++) {
      const friend = bench.sallyport(joinArgs(master.link, host.code));
      const { local } = await friend.line('connected');
      for (let program = 0; program < 2; program++)
        seen.add((await bench.ask(String(local), 'x')).split(' ')[0] as string);
    }
    expect(seen.size).toBe(2);
  });

  test('a host has several ports by one code, which its name keeps whatever ports it has', async () => {
    const master = await startMaster();
    const home = bench.folder();
    const games = [await bench.game(), await bench.game()];
    const host = (...words: readonly string[]) =>
      bench.sallyport(['host', ...words, '--as', 'evening', '--json', '--master', master.link, '--state-dir', home]);
    const first = host(String(games[0]));
    const ready = await first.line('ready');
    first.kill('SIGTERM');
    await first.exit;
    const second = host(`${games[0]},${games[1]}`);
    const { code, services } = await second.line('ready');
    expect(code).toBe(ready.code);
    expect(services).toEqual(games.map((port) => ({ port, protocols: 'udp', address: '127.0.0.1' })));
    const friend = bench.sallyport(joinArgs(master.link, String(code)));
    const connected = await friend.line('connected');
    const told = connected.services as readonly { readonly port: number; readonly local: string }[];
    expect(told.map(({ port }) => port)).toEqual(games);
    const answers = await Promise.all(told.map(({ local }) => bench.ask(local, 'x')));
    expect(new Set(answers.map((answer) => answer.split(' ')[0])).size).toBe(1);
  });

  test('a ban holds whatever ports a host of this name has', async () => {
    const master = await startMaster();
    const [home, kofi] = [bench.folder(), bench.folder()];
    const games = [await bench.game(), await bench.game()];
    const host = (...words: readonly string[]) =>
      bench.sallyport(
        ['host', ...words, '--as', 'evening', '--ask', '--json', '--master', master.link].concat('--state-dir', home),
      );
    const first = host(String(games[0]));
    const code = String((await first.line('ready')).code);
    const join = () => bench.sallyport(joinArgs(master.link, code, ['--name', 'Kofi', '--state-dir', kofi]));
    const friend = join();
    await expect.poll(() => first.lines.some((line) => line.state === 'asking')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, CLI_LIMITS.questionReadMs));
    first.child.stdin?.write('y\n');
    await friend.line('connected');
    first.child.stdin?.write('ban Kofi\n');
    expect(await friend.exit).toBe(5);
    first.kill('SIGTERM');
    await first.exit;
    const second = host(`${games[1]}`);
    expect((await second.line('ready')).code).toBe(code);
    const { exit, error } = await outcome(join());
    expect({ exit, error }).toEqual({ exit: 5, error: 'BANNED' });
  });

  test('with --lan others of the network are let in, and it is said where', async () => {
    const master = await startMaster();
    const host = await startHost(master.link);
    const friend = bench.sallyport(joinArgs(master.link, host.code, ['--lan']));
    // The number of the host's own game is taken at this very computer.
    expect(await friend.line('notice')).toMatchObject({ kind: 'LOCAL_PORT_BUSY', wished: host.port });
    const { local } = await friend.line('connected');
    expect(await friend.line('lan')).toMatchObject({ addresses: expect.any(Array) });
    const port = String(local).split(':')[1];
    expect(await bench.ask(`127.0.0.9:${port}`, 'x')).toContain('said x');
  });

  test.each([
    ['::1', false],
    [':: and takes no IPv4', true],
  ])('a game that listens on %s is named, by the words that would host it', async (where, ipv6Only) => {
    const master = await startMaster();
    const game = createSocket({ type: 'udp6', ipv6Only }).bind({ port: 0, address: where.split(' ')[0] ?? '' });
    await once(game, 'listening');
    const { port } = game.address();
    const asked = bench.sallyport(['host', String(port), '--master', master.link]);
    await expect.poll(() => asked.stderr()).toContain(`udp [::1]:${port} is listening: did you mean that?`);
    const right = bench.sallyport(['host', `[::1]:${port}`, '--master', master.link]);
    await expect.poll(() => right.stderr()).toContain(`udp [::1]:${port} is listening`);
    game.close();
  });

  test('a port where nothing listens is told beside the one that was meant, and TCP beside UDP once', async () => {
    const master = await startMaster();
    const game = createServer().listen(0, '127.0.0.1');
    await once(game, 'listening');
    const { port } = game.address() as AddressInfo;
    const asked = bench.sallyport(['host', String(port), '--master', master.link]);
    await expect.poll(() => asked.stderr()).toContain(`nothing listens on udp 127.0.0.1:${port} yet`);
    expect(asked.stderr()).toContain(`tcp 127.0.0.1:${port} is listening: did you mean that?`);
    const refused = bench.sallyport(['host', String(port), '--no-wait', '--json', '--master', master.link]);
    expect(await refused.line('error')).toMatchObject({ code: 'GAME_SILENT' });
    expect(await refused.exit).toBe(7);
    const udp = createSocket('udp4').bind(port, '127.0.0.1');
    await expect.poll(() => asked.stderr()).toContain(`udp 127.0.0.1:${port} is listening`);
    expect(asked.stderr().match(/host \d+\/udp\+tcp/g)).toEqual([`host ${port}/udp+tcp`]);
    udp.close();
    game.close();
  });

  test('a taken local port is replaced and said', async () => {
    const master = await startMaster();
    const host = await startHost(master.link);
    const taken = (await bench.udp()).address().port;
    const friend = bench.sallyport(joinArgs(master.link, host.code, ['--local-port', String(taken)]));
    expect(await friend.line('notice')).toMatchObject({ kind: 'LOCAL_PORT_BUSY', wished: taken });
    const { local } = await friend.line('connected');
    expect(local).not.toBe(`127.0.0.1:${taken}`);
    expect(await bench.ask(String(local), 'x')).toContain('said x');
  });
});

describe('every failure is typed, with a cause and a next step, soon', () => {
  // What a failure may take beside the start of the command, which is as slow as the machine.
  let soonMs = 4_000;
  beforeAll(async () => {
    const begin = performance.now();
    const help = new Bench();
    await help.sallyport(['help']).exit;
    await help.close();
    soonMs += 3 * (performance.now() - begin);
  });

  test('usage: exit 2', async () => {
    for (const args of [
      ['hots'],
      ['join'],
      ['host', '99999', '--master', 'x'],
      ['host', '1', '1', '--master', KEYED],
      ['host', '1/sctp', '--master', KEYED],
      ['host', '1', '--as', '../x', '--master', KEYED],
      ['host', '1', '--mastr', 'x'],
      ['join', 'K7TQ9-RBWXM'],
      ['check', '--master', 'sallyport://127.0.0.1:1/#short'],
      ['check', '--fail-on', 'open'],
      ['check', '--every', '30s', '--with', 'K7TQ9-RBWXM'],
      ['host', '1', '--relay', 'always', '--master', KEYED],
      ['join', 'K7TQ9-RBWXM', '--password-file', '/nonexistent'],
      ['host', '1', '--master', KEYED, '--stun', 'stun.example.org:99999'],
      ['join', `${KEYED}half`],
    ]) {
      const run = bench.sallyport([...args, '--json']);
      expect(await outcome(run), args.join(' ')).toMatchObject({ exit: 2, error: 'USAGE' });
      // Nothing is done or said before.
      expect(run.stderr(), args.join(' ')).toMatch(/^✗ The command line is not right\. .*\(USAGE\)\n.*\n$/);
    }
    expect(await bench.sallyport(['help', '--json']).exit).toBe(0);
  });

  test('a page that does not tell of its master: exit 3', async () => {
    const run = bench.sallyport(joinArgs('', 'http://127.0.0.1:1/j/K7TQ9-RBWXM'));
    expect(await outcome(run)).toMatchObject({ exit: 3, error: 'MASTER_UNREACHABLE' });
    expect(run.stderr()).toContain('The page http://127.0.0.1:1 does not tell of it.');
  });

  test('a code that nobody has: exit 4; what is no code: exit 2', async () => {
    const master = await startMaster();
    for (const [code, told] of [
      ['K7TQ9-RBWXM', { exit: 4, error: 'CODE_UNKNOWN' }],
      ['not-a-code', { exit: 2, error: 'CODE_MALFORMED' }],
    ] as const) {
      const run = bench.sallyport(joinArgs(master.link, code));
      const { exit, error, ms } = await outcome(run);
      expect({ exit, error }).toEqual(told);
      expect(ms).toBeLessThan(soonMs);
    }
  });

  test('a host that has gone: exit 4', async () => {
    const master = await startMaster();
    const host = await startHost(master.link);
    host.run.kill('SIGTERM');
    await host.run.exit;
    for (const target of [host.code, host.link]) {
      const { exit, error, ms } = await outcome(bench.sallyport(joinArgs(master.link, target)));
      expect({ exit, error }).toEqual({ exit: 4, error: 'HOST_OFFLINE' });
      expect(ms).toBeLessThan(soonMs);
    }
  });

  test('no master at the address: exit 3; another key: exit 8', async () => {
    const master = await startMaster();
    const [address] = master.link.split('#');
    const silent = (await bench.udp()).address().port;
    const key = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x as string;
    const cases = [
      { link: `sallyport://127.0.0.1:${silent}/#${key}`, exit: 3, error: 'MASTER_UNREACHABLE' },
      { link: `sallyport://no-such-name.invalid/#${key}`, exit: 3, error: 'MASTER_UNREACHABLE' },
      { link: `${address}#${key}`, exit: 8, error: 'MASTER_KEY_MISMATCH' },
    ];
    for (const { link, exit, error } of cases) {
      const runs = [
        joinArgs(link, 'K7TQ9-RBWXM'),
        ['host', '1', '--master', link, '--json'],
        ['list', '--master', link, '--json'],
      ].map(async (args) => {
        const result = await outcome(bench.sallyport(args));
        expect({ exit: result.exit, error: result.error }, args.join(' ')).toEqual({ exit, error });
        expect(result.ms).toBeLessThan(2 * soonMs);
      });
      await Promise.all(runs);
    }
  });

  test('the same port hosted twice at once: exit 7, and the first goes on', async () => {
    const master = await startMaster();
    const state = bench.folder();
    const host = await startHost(master.link, ['--state-dir', state]);
    const again = bench.sallyport(['host', String(host.port), '--master', master.link, '--state-dir', state, '--json']);
    expect(await outcome(again)).toMatchObject({ exit: 7, error: 'ALREADY_RUNNING' });
    await bench.sallyport(joinArgs(master.link, host.code)).line('connected');
    host.run.kill('SIGKILL');
    await host.run.exit;
    const { code } = await bench
      .sallyport(['host', String(host.port), '--master', master.link, '--state-dir', state, '--json'])
      .line('ready');
    expect(code).toBe(host.code);
  });

  test('a second master with the same folder, a taken port, a foreign address, no folder: each has its exit code and one line', async () => {
    const first = await startMaster();
    const start = (address: string, port: number, folder: string): Run => {
      const flags = ['--http', 'off', '--metrics-listen', 'off', '--state-dir', folder];
      return bench.sallyport(['master', '--listen', address, '--port', String(port), ...flags]);
    };
    const file = join(bench.folder(), 'file');
    writeFileSync(file, '');
    for (const [run, exit, said] of [
      [start('127.0.0.1', portBase(), first.folder), 7, /is a master with the folder .* already/],
      [start('127.0.0.1', first.port, bench.folder()), 7, /another program has it. Give another --port/],
      [start('203.0.113.77', portBase(), bench.folder()), 2, /does not have that address. Give another --listen/],
      [
        start('127.0.0.1', portBase(), join(file, 'in')),
        10,
        /state folder can not be used\. .*give another --state-dir/s,
      ],
    ] as const) {
      expect(await run.exit).toBe(exit);
      expect(run.stderr()).toMatch(said);
      if (exit !== 2) expect(run.stderr()).not.toContain('command line');
      expect(run.stderr()).not.toContain('{"level"');
    }
    first.run.kill('SIGKILL');
    await first.run.exit;
    expect((await startMaster(first.port, first.folder)).link).toBe(first.link);
  });

  test('an address, place or file of a masterserver that is none: exit 2, and no key is made', async () => {
    const file = join(bench.folder(), 'file');
    writeFileSync(file, 'no certificate');
    for (const [flags, said] of [
      [['--listen', ''], /--listen takes an IP address/],
      [['--listen', '0.0.0.0'], /--listen 0\.0\.0\.0 is every address/],
      [['--listen', '127.0.0.1', '--advertise', 'example.org'], /--advertise takes an IP address/],
      [['--listen', '127.0.0.1', '--advertise', '192.0.2.1', '--advertise', '192.0.2.2'], /once for each --listen/],
      [['--listen', '127.0.0.1', '--http', '127.0.0.1:99999'], /--http .* is not ADDRESS:PORT/],
      [['--listen', '127.0.0.1', '--metrics-listen', 'here'], /--metrics-listen here is not ADDRESS:PORT/],
      [['--listen', '127.0.0.1', '--port', '65512'], /leaves no room for 25 ports: .* or --one-port/],
      [['--listen', '127.0.0.1', '--one-port', '--probe-workers', '1'], /--probe-workers has no ports of its own/],
      [['--listen', '127.0.0.1', '--also-port', '8454'], /--also-port 8454 is one of the ports that there are anyway/],
    ] as const) {
      const folder = bench.folder();
      const run = bench.sallyport(['master', ...flags, '--state-dir', folder, '--show-ips']);
      expect(await run.exit, flags.join(' ')).toBe(2);
      expect(run.stderr()).toMatch(said);
      expect(readdirSync(folder)).toEqual([]);
    }
    const more = ['--port', String(portBase()), '--http', '127.0.0.1:0', '--tls-cert', file, '--tls-key', file];
    const secured = bench.sallyport(['master', '--listen', '127.0.0.1', ...more, '--state-dir', bench.folder()]);
    expect(await secured.exit).toBe(2);
    expect(secured.stderr()).toContain(`--tls-cert ${file} and --tls-key ${file} can't be used`);
  });

  test('a game that is missing is told once, and when it comes', async () => {
    const master = await startMaster();
    const port = await bench.freePort();
    const host = bench.sallyport(['host', String(port), '--master', master.link]);
    await expect.poll(() => host.stderr()).toContain('Join code');
    await expect.poll(() => host.stderr()).toMatch(/nothing listens/i);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(host.stderr().match(/nothing listens/gi)).toHaveLength(1);
    await bench.game(port);
    await expect.poll(() => host.stderr()).toContain(`udp 127.0.0.1:${port} is listening`);
  });

  test.each([
    ['and names can be looked up: UDP is blocked', 'localhost', 'UDP_BLOCKED', 'blocked'],
    ['and nothing else shows that it is this network: nobody is blamed', '127.0.0.1', 'MASTER_UNREACHABLE', 'unknown'],
  ])(
    'no answer from the master nor from any STUN server, %s, exit 3, and check still reports',
    async (_, at, code, type) => {
      const [master, stun] = [(await bench.udp()).address().port, (await bench.udp()).address().port];
      const key = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x as string;
      const more = ['--master', `sallyport://127.0.0.1:${master}/#${key}`, '--stun', `${at}:${stun}`, '--json'];
      const runs = [['host', '1'], ['join', 'K7TQ9-RBWXM'], ['check']].map((words) =>
        bench.sallyport([...words, ...more]),
      );
      for (const run of runs) {
        const { exit, error } = await outcome(run);
        expect({ exit, error }).toEqual({ exit: 3, error: code });
      }
      expect(await runs[2]?.line('profile')).toMatchObject({ profile: { type } });
    },
  );

  test('a missing or wrong password: exit 5, and the host is told; the right one connects', async () => {
    const master = await startMaster();
    const folder = bench.folder();
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), `${text}\n`);
      return join(folder, name);
    };
    const host = await startHost(master.link, ['--password-file', file('right', 'open sesame')]);
    for (const more of [[], ['--password-file', file('wrong', 'open barley')]]) {
      const { exit, error } = await outcome(bench.sallyport(joinArgs(master.link, host.code, more)));
      expect({ exit, error }).toEqual({ exit: 5, error: 'PASSWORD' });
    }
    // Whoever hosts sees that somebody tries; a missing one is no guess.
    expect(await host.run.line('wrong-passwords')).toMatchObject({ count: 1 });
    const friend = bench.sallyport(joinArgs(master.link, host.code, ['--password-file', file('right', 'open sesame')]));
    await friend.line('connected');
  });

  test('--ask: n refuses with exit 5, y lets in, and a kick ends it with exit 5', async () => {
    const master = await startMaster();
    const host = await startHost(master.link, ['--ask']);
    const type = (words: string): void => void host.run.child.stdin?.write(`${words}\n`);
    const knock = async (name: string): Promise<Run> => {
      const friend = bench.sallyport(joinArgs(master.link, host.code, ['--name', name]));
      const asking = () =>
        host.run.lines.some((line) => line.ev === 'peer' && line.state === 'asking' && line.name === name);
      await expect.poll(asking).toBe(true);
      return friend;
    };
    const lee = await knock('Lee');
    type('n');
    expect(await outcome(lee)).toMatchObject({ exit: 5, error: 'REFUSED' });
    const kofi = await knock('Kofi');
    type('y kofi');
    await kofi.line('connected');
    type('who');
    await expect.poll(() => host.run.stderr()).toMatch(/Kofi +connected/);
    type('kick kofi');
    expect(await outcome(kofi)).toMatchObject({ exit: 5, error: 'REFUSED' });
    host.run.child.stdin?.end();
    await expect.poll(() => host.run.stderr()).toContain('the input has ended: nobody can be let in any more');
  });

  test('a full host: exit 5', async () => {
    const master = await startMaster();
    const host = await startHost(master.link, ['--max', '1']);
    await bench.sallyport(joinArgs(master.link, host.code)).line('connected');
    expect(await outcome(bench.sallyport(joinArgs(master.link, host.code)))).toMatchObject({ exit: 5, error: 'FULL' });
  });

  test('nobody answers within --timeout: exit 6', async () => {
    const master = await startMaster();
    const host = await startHost(master.link, ['--ask']);
    const friend = bench.sallyport(joinArgs(master.link, host.code, ['--timeout', '1']));
    const { exit, error, ms } = await outcome(friend);
    expect({ exit, error }).toEqual({ exit: 6, error: 'GAVE_UP' });
    // Not the NATs are to blame.
    expect(friend.stderr()).toContain('Whoever runs the host has not said yes or no. (GAVE_UP)');
    expect(ms).toBeLessThan(soonMs);
  });

  test('--no-wait without a game: exit 7', async () => {
    const port = await bench.freePort();
    const run = bench.sallyport(['host', String(port), '--no-wait', '--master', KEYED, '--json']);
    expect(await outcome(run)).toMatchObject({ exit: 7, error: 'GAME_SILENT' });
  });

  test('another key behind a pinned code: exit 8, and nothing is sent to it', async () => {
    const master = await startMaster();
    const state = bench.folder();
    const host = await startHost(master.link);
    const friend = bench.sallyport(joinArgs(master.link, host.code, ['--state-dir', state]));
    await friend.line('connected');
    friend.kill('SIGTERM');
    await friend.exit;
    const pins = join(state, 'known-hosts.json');
    const text = readFileSync(pins, 'utf8');
    expect(text).toContain(host.code);
    writeFileSync(pins, text.replace(/"[A-Za-z0-9_-]{43}"\n/, `"${'CQ'.padEnd(43, 'A')}"\n`));
    const { exit, error } = await outcome(bench.sallyport(joinArgs(master.link, host.code, ['--state-dir', state])));
    expect({ exit, error }).toEqual({ exit: 8, error: 'HOST_KEY_CHANGED' });
  });
});

describe('nothing depends on the master once a path is up', () => {
  test('kill -9 in mid-play: the path lives, both find the restarted master by themselves', async () => {
    const master = await startMaster();
    const host = await startHost(master.link);
    const friend = bench.sallyport(joinArgs(master.link, host.code));
    const { local } = await friend.line('connected');
    expect(await bench.ask(String(local), 'before')).toContain('said before');
    master.run.kill('SIGKILL');
    await master.run.exit;
    for (let n = 0; n < 10; n++) {
      expect(await bench.ask(String(local), `during ${n}`)).toContain(`said during ${n}`);
    }
    await startMaster(master.port, master.folder);
    // A second friend comes in by the same code, so the host has found the master again.
    const late = await joinUntilFound(master.link, host.code);
    expect(await bench.ask(late, 'after')).toContain('said after');
    expect(await bench.ask(String(local), 'still')).toContain('said still');
  }, 60_000);
});

/** As a person would: try again while the host is said to be offline. */
async function joinUntilFound(master: string, code: string): Promise<string> {
  const end = Date.now() + 40_000;
  while (Date.now() < end) {
    const run = bench.sallyport(joinArgs(master, code));
    const connected = await run.line('connected').catch(() => null);
    if (connected !== null) return String(connected.local);
  }
  throw new Error('the host has not come back');
}

test('the library example: two processes, one sentence each way, both end by themselves', async () => {
  const master = await startMaster();
  const host = bench.run(['examples/host.mjs', master.link]);
  await expect.poll(() => host.stdout()).toMatch(/^[0-9A-Z]{10}\n$/);
  const friend = bench.run(['examples/join.mjs', master.link, host.stdout().trim()]);
  expect(await friend.exit, friend.stderr()).toBe(0);
  expect(friend.stdout()).toMatch(/^(direct|lan) you said: hello\n$/);
  expect(await host.exit, host.stderr()).toBe(0);
});

describe('quitting', () => {
  /** Shorter than any time-out that the commands below could wait for, longer than a busy machine takes. */
  const AT_ONCE_MS = 5_000;

  test('at any moment of a join or a hosting ends the process at once, with nothing left', async () => {
    const master = await startMaster();
    const host = await startHost(master.link);
    const port = await bench.game();
    for (const delayMs of [30, 80, 130, 200, 300, 600]) {
      const join = bench.sallyport(joinArgs(master.link, host.code));
      const hosting = bench.sallyport(['host', String(port), '--master', master.link, '--json']);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      const begin = performance.now();
      join.kill('SIGINT');
      hosting.kill('SIGTERM');
      const exits = await Promise.all([join.exit, hosting.exit]);
      // Before our handlers stand, Node itself ends the process: to a shell that looks the same.
      expect(exits, `after ${delayMs} ms`).toEqual([130, 143]);
      expect(performance.now() - begin).toBeLessThan(AT_ONCE_MS);
    }
  }, 60_000);

  test('while nobody answers, Ctrl+C does not wait for the time-out', async () => {
    const silent = (await bench.udp()).address().port;
    const link = `sallyport://127.0.0.1:${silent}/#${'C'.repeat(42)}A`;
    for (const words of [['host', '1'], ['join', 'K7TQ9-RBWXM'], ['check'], ['list']]) {
      const run = bench.sallyport([...words, '--master', link]);
      await new Promise((resolve) => setTimeout(resolve, 900));
      const begin = performance.now();
      run.kill('SIGINT');
      expect(await run.exit, words.join(' ')).toBe(130);
      expect(performance.now() - begin).toBeLessThan(AT_ONCE_MS);
    }
  });

  test('a long simulation ends at once too', async () => {
    const run = bench.sallyport(['sim', '--pair', 'S6,S6', '--timeout', '3000']);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const begin = performance.now();
    run.kill('SIGINT');
    expect(await run.exit).toBe(130);
    expect(performance.now() - begin).toBeLessThan(AT_ONCE_MS);
  });

  test('a closed output pipe ends the command like Ctrl+C, with 141 as a shell calls it', async () => {
    const master = await startMaster();
    const port = await bench.game();
    const host = bench.sallyport(['host', String(port), '--master', master.link, '--json']);
    const { code } = await host.line('ready');
    host.child.stdout?.destroy();
    host.child.stderr?.destroy();
    // The next thing said meets the closed pipe.
    bench.sallyport(joinArgs(master.link, String(code)));
    await expect.poll(() => host.child.exitCode).toBe(141);
  });
});
