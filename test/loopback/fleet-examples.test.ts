/** What examples/fleet/ starts, by Docker Compose and by systemd: every command is one that exists, and runs. Needs nats-server. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS, readCommandLine } from '../../src/cli/testing.ts';
import { writeServiceUnit } from '../../src/master/index.ts';
import { Bench } from './processes.ts';

const read = (file: string): string =>
  readFileSync(fileURLToPath(new URL(`../../examples/fleet/${file}`, import.meta.url)), 'utf8');
const compose = read('compose.yaml');
const dropIn = read('sallyport-node.service.conf');

/** The `command` of a service, which is written as JSON. */
function commandOf(service: string): readonly string[] {
  const [, block = ''] = new RegExp(`^ {2}${service}:\\n((?: {4}.*\\n|\\s*\\n)+)`, 'm').exec(compose) ?? [];
  return JSON.parse(/^ {4}command: (.*)$/m.exec(block)?.[1] ?? '[]') as string[];
}

const [program = '', word = '', ...byUnit] = (/^ExecStart=(\/.*)$/m.exec(dropIn)?.[1] ?? '').split(' ');
const commands = [
  { by: 'Docker Compose', argv: ['--state-dir', '/var/lib/sallyport', ...commandOf('master')] },
  { by: 'systemd', argv: byUnit },
];

test.each(commands)('the master by $by has flags that it knows, and is a node', ({ argv }) => {
  const { flags } = readCommandLine(COMMANDS.master?.flags ?? {}, [], argv, {});
  expect(flags).toMatchObject({ node: 'eu1', region: 'eu', nats: ['nats://10.0.0.1:4222'] });
});

test('the image, the volumes and the unit are those that the rest of the repository makes', () => {
  expect(word).toBe('master');
  expect(program).toMatch(/^\/usr\/.*\/sallyport$/);
  expect(compose).toContain('./state:/var/lib/sallyport');
  expect(compose).not.toContain('\t');
});

test.skipIf(!existsSync('/usr/bin/systemd-analyze'))(
  'systemd finds nothing wrong with the unit and what is beside it',
  () => {
    const bench = new Bench();
    const file = join(bench.folder(), 'sallyport-master.service');
    writeServiceUnit({ command: ['/usr/bin/env'], args: [], tls: null }, file);
    mkdirSync(`${file}.d`);
    writeFileSync(join(`${file}.d`, 'fleet.conf'), dropIn.replace(program, '/usr/bin/env'));
    const said = execFileSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8', stdio: 'pipe' });
    expect(said).toBe('');
  },
);

describe.skipIf(spawnSync('nats-server', ['--version']).status !== 0)('run (needs the package nats-server)', () => {
  const bench = new Bench();
  const folder = bench.folder();
  const conf = join(folder, 'nats.conf');
  let port = 0;

  beforeAll(async () => {
    port = await bench.freePort();
    const user = nkeys.createUser();
    writeFileSync(join(folder, 'node.nk'), user.getSeed(), { mode: 0o600 });
    const others = ['B', 'C'].map((name) => [`NKEY_OF_NODE_${name}`, nkeys.createUser().getPublicKey()] as const);
    let config = read('nats.conf').replace('127.0.0.1:4222', `127.0.0.1:${port}`);
    for (const [name, key] of [['NKEY_OF_NODE_A', user.getPublicKey()] as const, ...others])
      config = config.replace(name, key);
    writeFileSync(conf, config);
    bench.program(
      'nats-server',
      commandOf('nats').map((one) => (one.endsWith('nats.conf') ? conf : one)),
    );
  });
  afterAll(() => bench.close());

  /** With places of this computer. */
  function here(argv: readonly string[], state: string): string[] {
    const places: Readonly<Record<string, string>> = {
      '198.51.100.7': '127.0.0.30',
      '127.0.0.1:8420': '127.0.0.1:0',
      '10.0.0.1:9464': '127.0.0.1:0',
      'nats://10.0.0.1:4222': `nats://127.0.0.1:${port}`,
      '/run/secrets/node.nk': join(folder, 'node.nk'),
      '%d/node.nk': join(folder, 'node.nk'),
      '/var/lib/sallyport': state,
      '%S/sallyport': state,
    };
    return argv.map((one) => places[one] ?? one);
  }

  test.each(commands)(
    'the master by $by starts, and NATS lets it in',
    async ({ argv }) => {
      const udp = ['--one-port', '--port', String(await bench.freePort()), '--relay', 'off', '--json'];
      // What stands in the example comes first: the ports of the unit would be those of another master here.
      const page = argv.includes('--http') ? [] : ['--http', 'off', '--metrics-listen', 'off'];
      const run = bench.sallyport(['master', ...here(argv, join(folder, `state-${argv.length}`)), ...udp, ...page]);
      await run.line('ready');
      const connected = (): boolean => run.lines.some((line) => line.fact === 'fleet' && line.state === 'connected');
      for (let n = 0; n < 200 && !connected(); n += 1) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(connected(), run.stdout()).toBe(true);
      run.kill('SIGKILL');
      await run.exit;
    },
    60_000,
  );
});
