/** What README and docs/ tell people to type: every command is one that exists, and those that can run here are run as they stand there. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS, readCommandLine } from '../../src/cli/testing.ts';
import { webhookSchema } from '../../src/master/index.ts';
import { Bench, portBase } from './processes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Pages that write `sallyport …` for bytes of a protocol. */
const OF_BYTES = ['docs/peer-protocol.md', 'docs/protocol.md'];

interface Documented {
  readonly page: string;
  readonly line: string;
}

const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs')).flatMap((file) => (file.endsWith('.md') ? `docs/${file}` : [])),
]
  .filter((page) => !OF_BYTES.includes(page))
  .map((page) => ({ page, text: readFileSync(join(ROOT, page), 'utf8') }));
const FENCE = /^```(\w*)\n([\s\S]*?)^```/gm;
const PROGRAM = /^(?:npx |sallyport |npm |docker |systemctl |journalctl |curl )/;

/** Lines of blocks of code. */
const blocks: readonly Documented[] = pages.flatMap(({ page, text }) =>
  [...text.matchAll(FENCE)].flatMap(([, , block = '']) =>
    block
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => PROGRAM.test(line))
      .map((line) => ({ page, line })),
  ),
);
/** In the middle of a sentence. */
const spoken: readonly Documented[] = pages.flatMap(({ page, text }) =>
  [...text.replace(FENCE, '').matchAll(/`((?:npx )?sallyport [^`]+)`/g)].map(([, line = '']) => ({ page, line })),
);

/** Why a line of a block is not run here. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^npm ci /, 'it installs and tests everything: .ci/run does that, on a fresh machine'],
  [/^(?:systemctl|journalctl) /, 'there is no systemd here; test/unit/master-service.test.ts has it verify the unit'],
  [/^docker /, 'it loads an image of somebody else; test/unit/master-container.test.ts reads the Dockerfile'],
];

/** As a shell reads it, without what is explained behind it. */
function wordsOf(line: string): readonly string[] {
  const [command = ''] = line.split(/ {3,}/);
  return (command.match(/'[^']*'|\S+/g) ?? [])
    .map((word) => word.replace(/^'|'$/g, ''))
    .filter((word) => word !== 'npx');
}

test('there are commands to look at', () => {
  expect(blocks.length).toBeGreaterThan(12);
  expect(spoken.length).toBeGreaterThan(12);
});

test.each([...blocks, ...spoken].filter(({ line }) => wordsOf(line)[0] === 'sallyport'))(
  '$page: "$line" is a command, with flags that it has',
  ({ line }) => {
    const [, name = '', ...rest] = wordsOf(line);
    if (name === 'help') return;
    const command = COMMANDS[name];
    expect(command, line).toBeDefined();
    const argv = rest.filter((word) => word !== '…').map((word) => (/^(?:PORT|PID|N)$/.test(word) ? '4711' : word));
    // A flag named in a sentence may stand there without its value.
    const last = argv.at(-1) ?? '';
    const whole = /^--/.test(last) && command?.flags[last.slice(2)]?.kind !== 'on' ? [...argv, 'x'] : argv;
    readCommandLine(command?.flags ?? {}, ['[WORD...]'], whole, {});
  },
);

test.each(
  pages.flatMap(({ page, text }) =>
    [...text.matchAll(FENCE)].filter(([, kind]) => kind === 'json').map(([, , block = '']) => ({ page, block })),
  ),
)('$page: a block of JSON is JSON', ({ block }) => {
  const document = JSON.parse(block.replaceAll('…', 'x')) as unknown;
  if (Array.isArray(document)) expect(webhookSchema.array().safeParse(document).success).toBe(true);
});

describe('the commands of blocks', () => {
  const bench = new Bench();
  let link = '';
  let code = '';
  let invitation = '';
  let port = 0;
  let hostState = '';

  const off = (folder: string): readonly string[] => ['--metrics-listen', 'off', '--state-dir', folder, '--json'];

  beforeAll(async () => {
    const listen = ['--listen', '127.0.0.1', '--port', String(portBase()), '--http', 'off'];
    link = String((await bench.sallyport(['master', ...listen, ...off(bench.folder())]).line('ready')).master);
    port = await bench.game();
    hostState = bench.folder();
    const host = bench.sallyport(['host', String(port), '--master', link, '--state-dir', hostState, '--json']);
    const ready = await host.line('ready');
    code = String(ready.code);
    invitation = String(ready.link);
  }, 60_000);
  afterAll(() => bench.close());

  /** The same words where those stand for something: this computer, this master and host, and ports that nobody has. */
  function here(words: readonly string[], files: Readonly<Record<string, string>> = {}): readonly string[] {
    const stands: Readonly<Record<string, string>> = {
      ...{ LINK: link, CODE: code, '30000': String(port), '198.51.100.7': '127.0.0.1', '198.51.100.9': '127.0.0.1' },
      ...{ '0.0.0.0:443': '127.0.0.1:0' },
      ...files,
    };
    return words.map((word) => stands[word] ?? word);
  }

  async function runMaster(words: readonly string[]): Promise<void> {
    const folder = bench.folder();
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    if (words.includes('--tls-cert')) {
      const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '2'];
      execFileSync('openssl', [...made, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    }
    const more = [...(words.includes('--http') ? [] : ['--http', 'off']), '--port', String(portBase()), ...off(folder)];
    const run = bench.sallyport([...here(words, { 'cert.pem': cert, 'key.pem': key }), ...more]);
    await run.line('ready');
    run.kill('SIGTERM');
    expect(await run.exit).toBe(143);
  }

  async function runStore(words: readonly string[]): Promise<void> {
    const folder = bench.folder();
    const listen = ['--listen', '127.0.0.1', '--port', String(portBase()), '--http', 'off'];
    const master = bench.sallyport(['master', ...listen, ...off(folder)]);
    await master.line('ready');
    master.kill('SIGTERM');
    await master.exit;
    const file = join(bench.folder(), 'backup');
    if (words.includes('restore'))
      expect(await bench.sallyport(['master', 'backup', file, '--state-dir', folder]).exit).toBe(0);
    const run = bench.sallyport([...here(words, { FILE: file }), '--state-dir', folder]);
    expect([await run.exit, run.stderr()]).toEqual([0, expect.any(String)]);
    if (words.includes('backup')) expect(statSync(file).mode & 0o777).toBe(0o600);
    if (words.includes('restore')) expect(statSync(join(folder, 'master.db')).mode & 0o777).toBe(0o600);
  }

  async function runRelay(words: readonly string[]): Promise<void> {
    const secret = join(bench.folder(), 'relay.secret');
    writeFileSync(secret, randomBytes(32).toString('base64url'), { mode: 0o600 });
    const run = bench.sallyport([...here(words, { 'relay.secret': secret }), '--port', String(portBase()), '--json']);
    await run.line('ready');
    run.kill('SIGTERM');
    await run.exit;
  }

  /** By the first word; each resolves when the command has done what its page says. */
  const RUN: Readonly<Record<string, (words: readonly string[]) => Promise<void>>> = {
    async master(words) {
      if (words.includes('--self-test')) expect(await bench.sallyport(here(words)).exit).toBe(0);
      else
        await (['check', 'backup', 'repair', 'restore', 'token'].includes(words[1] ?? '')
          ? runStore(words)
          : runMaster(words));
    },
    relay: runRelay,
    async host(words) {
      await bench.sallyport([...here(words), '--state-dir', bench.folder(), '--json']).line('ready');
    },
    async join(words) {
      const [, first = ''] = words;
      // Behind `join` a link is a host's.
      const at = first === 'LINK' ? ['join', invitation, ...here(words.slice(2))] : here(words);
      const run = bench.sallyport([...at, '--state-dir', bench.folder(), '--json']);
      await run.line('connected');
      run.kill('SIGTERM');
      await run.exit;
    },
    async check(words) {
      expect(await bench.sallyport([...here(words), '--state-dir', bench.folder()]).exit).toBe(0);
    },
    async ctl(words) {
      expect(await bench.sallyport([...here(words), '--state-dir', hostState]).exit).toBe(0);
    },
    async ui(words) {
      await bench.sallyport([...here(words), '--no-open', '--state-dir', bench.folder(), '--json']).line('ready');
    },
    async sidecar(words) {
      const file = join(bench.folder(), 'token');
      const run = bench.sallyport([...words, '--fake-port', String(await bench.freePort()), '--token-file', file]);
      await expect.poll(() => existsSync(file)).toBe(true);
      run.kill('SIGTERM');
      await run.exit;
    },
    async help(words) {
      expect(await bench.sallyport(words).exit).toBe(0);
    },
  };

  const said = [...blocks, ...spoken.filter(({ page }) => page === 'README.md')];
  test.each(said)('$page: $line', { timeout: 60_000 }, async ({ line }) => {
    if (NOT_RUN.some(([pattern]) => pattern.test(line))) return;
    const [program, ...words] = wordsOf(line);
    expect(program, 'say how it is run, or in NOT_RUN why it is not').toBe('sallyport');
    const run = RUN[words[0] ?? ''];
    if (run === undefined) throw new Error(`${line}: say how it is run, or in NOT_RUN why it is not`);
    await run(words);
  });

  test('what is not run says why, and is there', () => {
    for (const [pattern, why] of NOT_RUN) {
      expect(why).not.toBe('');
      expect(
        blocks.some(({ line }) => pattern.test(line)),
        String(pattern),
      ).toBe(true);
    }
  });
});
