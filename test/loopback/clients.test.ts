/** The thin clients without any network: a pair in a fake world each, and every typed error of `/v1` as each of them gives it to a game. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PROBLEMS } from '../../src/app/testing.ts';
import { FAILURES, SallyportError } from '../../src/node/index.ts';
import { C, C_UNDER_VALGRIND, type Client, CPP, CSHARP, commandIn, compileLobby, GODOT3, PYTHON } from '../clients.ts';
import { describeUnless } from '../support.ts';
import { Bench } from './processes.ts';

// Compilers and five kinds of programs: patience for a machine that does much else.
vi.setConfig({ testTimeout: 240_000 });

let bench: Bench;
let server: Server | null = null;
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  server?.close();
  server = null;
  await bench.close();
});

interface Typed {
  readonly what: string;
  readonly why: string;
  readonly next: string;
  readonly hint: string;
  readonly retryable: boolean;
}

/** Every error that a program of ours may answer, by code. */
function typedErrors(): ReadonlyMap<string, Typed> {
  const here = Object.entries(PROBLEMS).map(([code, { what, why, next }]) => {
    return [code, { what, why, next, hint: next, retryable: false }] as const;
  });
  const everywhere = Object.entries(FAILURES).map(([code, { what, why, next }]) => {
    const { retryable } = new SallyportError(code as keyof typeof FAILURES);
    return [code, { what, why, next, hint: next, retryable }] as const;
  });
  return new Map([...here, ...everywhere]);
}

/** Stands for a sidecar that answers a join by the error that is its code. */
async function refusing(errors: ReadonlyMap<string, Typed>): Promise<string> {
  const made = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { target = '' } = JSON.parse(Buffer.concat(parts).toString() || '{}') as { target?: string };
      const error = { code: target, field: null, ...errors.get(target) };
      response.writeHead(409, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ok: false, error }));
    });
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const { port } = made.address() as AddressInfo;
  const file = join(bench.folder(), 'token.json');
  writeFileSync(file, JSON.stringify({ v: 1, url: `http://127.0.0.1:${port}`, token: 'token-of-the-stub', pid: 1 }));
  return file;
}

/** Where engines keep what is theirs. */
function home(): NodeJS.ProcessEnv {
  const folder = bench.folder();
  return { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder };
}

/** Those of this computer that have the word in their command line. */
function processesWith(word: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.includes(word) ? [words.join(' ')] : [];
      } catch {
        return [];
      }
    });
}

function clientTests(client: Client): void {
  describeUnless(client.missing, client.name, () => {
    test('two players exchange 1,000 datagrams in a fake world, and nothing stays behind', async () => {
      const [program = '', ...words] = client.build(bench.folder());
      const TMPDIR = bench.folder();
      const env = { SALLYPORT: commandIn(bench.folder()), TMPDIR, ...home() };
      const port = `${await bench.freePort()}`;
      const fake = ['--fake', '--fake-port', port];
      const host = bench.program(program, [...words, 'host', ...fake], env);
      await expect.poll(() => host.stdout(), { timeout: 30_000 }).toMatch(/^code (\S+)$/m);
      const code = /^code (\S+)$/m.exec(host.stdout())?.[1] ?? '';
      const friend = bench.program(program, [...words, 'join', code, ...fake], env);
      expect([await friend.exit, friend.stdout()]).toEqual([0, expect.stringContaining('answered 1000 of 1000')]);
      expect(await host.exit).toBe(0);
      expect(readdirSync(TMPDIR).filter((name) => name.startsWith('sallyport'))).toEqual([]);
      expect(processesWith(port)).toEqual([]);
    });

    test('a game is told what is wrong with a code, by a real sidecar', async () => {
      const [program = '', ...words] = client.build(bench.folder());
      const env = { SALLYPORT: commandIn(bench.folder()), ...home() };
      const fake = ['--fake', '--fake-port', `${await bench.freePort()}`];
      const run = bench.program(program, [...words, 'errors', 'what?', 'K7TQ9-RBWXM', ...fake], env);
      expect(await run.exit).toBe(0);
      expect(run.stdout()).toMatch(/^error CODE_MALFORMED retryable=0 /m);
      expect(run.stdout()).toMatch(/^error (CODE_UNKNOWN|HOST_OFFLINE) /m);
    });
  });
}

for (const client of [C, CPP, CSHARP, PYTHON, GODOT3]) clientTests(client);

describeUnless(CSHARP.missing, 'the lobby for Unity', () => {
  test('compiles as C# 7.2, against a stub of what it uses of Unity', () => compileLobby(bench.folder()));
});

describeUnless(C_UNDER_VALGRIND.missing, 'every typed error', () => {
  for (const client of [C_UNDER_VALGRIND, CPP, CSHARP, PYTHON, GODOT3]) {
    test.skipIf(client.missing !== null)(`${client.name} gives each once, with its hint`, async () => {
      const errors = typedErrors();
      const file = await refusing(errors);
      const [program = '', ...words] = client.build(bench.folder());
      const run = bench.program(program, [...words, 'errors', ...errors.keys(), '--token-file', file], home());
      expect(await run.exit, run.stderr()).toBe(0);
      // The engine speaks of itself and of locales.
      if (client !== GODOT3) expect(run.stderr()).toBe('');
      const lines = [...errors].map(
        ([code, { what, hint, retryable }]) => `error ${code} retryable=${retryable ? 1 : 0} ${what} | ${hint}`,
      );
      const said = run
        .stdout()
        .split('\n')
        .filter((line) => line.startsWith('error '));
      expect(said).toEqual(lines);
    });

    // Godot 3 can not see that a program has ended: it says so only when the time is over.
    if (client === GODOT3) continue;
    test.skipIf(client.missing !== null)(`${client.name} says where there is no sidecar`, async () => {
      const [program = '', ...words] = client.build(bench.folder());
      const nowhere = { SALLYPORT: '/nonexistent/sallyport', ...home() };
      const run = bench.program(program, [...words, 'errors', 'AAAAAAAAAA', '--fake'], nowhere);
      await run.exit;
      expect(run.stdout()).toMatch(/^error NO_SIDECAR retryable=0 .+ \| .+$/m);
    });
  }
});
