/** Runs the real command, built, as processes of its own on loopback, and reads what it says. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../dist/command/cli/main.js', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Line {
  readonly v: number;
  readonly ev: string;
  readonly [field: string]: unknown;
}

export interface Run {
  readonly child: ChildProcess;
  readonly lines: Line[];
  /** Everything for people. */
  stderr(): string;
  stdout(): string;
  /** The first line with this name, already there or still to come. */
  line(ev: string, timeoutMs?: number): Promise<Line>;
  /** Exit code, or 128 + the signal's number as a shell says it. */
  readonly exit: Promise<number>;
  kill(signal?: NodeJS.Signals): void;
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Processes, sockets and folders of one test file, all gone after `close`. */
export class Bench {
  readonly #runs: Run[] = [];
  readonly #sockets: Socket[] = [];
  readonly #folders: string[] = [];

  sallyport(args: readonly string[], env: NodeJS.ProcessEnv = {}): Run {
    return this.run([MAIN, ...args], env);
  }

  /** Any script of the repository, with node. */
  run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Run {
    return this.#spawn(process.execPath, args, env);
  }

  /** The same in a terminal of its own (util-linux's `script`): what stdin gets is typed, stdout is what the screen shows. */
  atTerminal(args: readonly string[]): Run {
    const words = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    return this.#spawn('script', ['--quiet', '--return', '--command', words.join(' '), '/dev/null'], { TERM: 'xterm' });
  }

  /** Any program whose output is the command's. */
  program(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Run {
    return this.#spawn(program, args, env);
  }

  #spawn(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Run {
    const { SALLYPORT_MASTER: _, DISPLAY: __, WAYLAND_DISPLAY: ___, ...clean } = process.env;
    const child = spawn(program, [...args], {
      cwd: ROOT,
      env: { ...clean, XDG_STATE_HOME: this.folder(), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const made = follow(child);
    this.#runs.push(made);
    return made;
  }

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
    this.#folders.push(folder);
    return folder;
  }

  async udp(address = '127.0.0.1', port = 0): Promise<Socket> {
    const socket = createSocket('udp4');
    this.#sockets.push(socket);
    socket.bind(port, address);
    await once(socket, 'listening');
    return socket;
  }

  /** A port on which nobody listens now. */
  async freePort(): Promise<number> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    return port;
  }

  /** A game server: answers each datagram with `ADDRESS said TEXT`. */
  async game(port = 0): Promise<number> {
    const socket = await this.udp('127.0.0.1', port);
    socket.on('message', (bytes, from) => socket.send(`${from.address} said ${bytes}`, from.port, from.address));
    return socket.address().port;
  }

  /** What a game client gets for one datagram; repeats, as games do, because UDP may lose it. */
  async ask(local: string, text: string, timeoutMs = 10_000): Promise<string> {
    const socket = await this.udp();
    const [address, port] = local.split(':') as [string, string];
    const repeat = setInterval(() => socket.send(text, Number(port), address), 100);
    socket.send(text, Number(port), address);
    try {
      const [bytes] = (await once(socket, 'message', { signal: AbortSignal.timeout(timeoutMs) })) as [Buffer];
      return String(bytes);
    } finally {
      clearInterval(repeat);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.splice(0)) socket.close();
    const runs = this.#runs.splice(0);
    for (const run of runs) run.kill('SIGKILL');
    await Promise.all(runs.map((run) => run.exit));
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}

function follow(child: ChildProcess): Run {
  const lines: Line[] = [];
  const watchers = new Set<() => void>();
  let stderr = '';
  let stdout = '';
  let over = false;
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk);
  });
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
    stdout += `${text}\n`;
    if (text.startsWith('{')) lines.push(JSON.parse(text) as Line);
    for (const watcher of [...watchers]) watcher();
  });
  const exit = new Promise<number>((resolve) => {
    child.once('close', (code, signal) => {
      over = true;
      for (const watcher of [...watchers]) watcher();
      resolve(code ?? 128 + (SIGNALS[signal ?? ''] ?? 0));
    });
  });
  const line = (ev: string, timeoutMs = 20_000): Promise<Line> =>
    new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        watchers.delete(look);
        settle();
      };
      const look = (): void => {
        const found = lines.find((one) => one.ev === ev);
        if (found !== undefined) finish(() => resolve(found));
        else if (over) finish(() => reject(new Error(`ended without "${ev}":\n${stdout}${stderr}`)));
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`no "${ev}" within ${timeoutMs} ms:\n${stdout}${stderr}`))),
        timeoutMs,
      );
      watchers.add(look);
      look();
    });
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): void => {
    if (!over) child.kill(signal);
  };
  return { child, lines, stderr: () => stderr, stdout: () => stdout, line, exit, kill };
}

/** Below the ephemeral ports: 10,000 to 32,499. */
const BASES = 750;
const BASE_PORTS = 30;
/** One in so many bases is this worker's: test files run side by side, and a port that is free now may be taken a moment later. */
const WORKERS_MAX = 10;
const worker = Number(process.env.VITEST_POOL_ID ?? 0) % WORKERS_MAX;
const given = new Set<number>();

/** The first of 30 UDP ports that nobody uses now, and that no test of this run was or will be given. */
export function portBase(): number {
  const used = ['/proc/net/udp', '/proc/net/udp6'].flatMap((path) =>
    existsSync(path)
      ? [...readFileSync(path, 'latin1').matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) /gm)].map((line) =>
          Number.parseInt(line[1] as string, 16),
        )
      : [],
  );
  for (;;) {
    const base = 10_000 + BASE_PORTS * (WORKERS_MAX * Math.floor((Math.random() * BASES) / WORKERS_MAX) + worker);
    if (given.has(base) || used.some((port) => port >= base && port < base + BASE_PORTS)) continue;
    given.add(base);
    return base;
  }
}

/** HTTPS with a certificate that nobody has signed but itself, made by openssl in this folder. */
export function certificateFlags(folder: string): readonly string[] {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const made = ['req', '-x509', ...curve, '-subj', '/CN=localhost', '-keyout', key, '-out', cert];
  execFileSync('openssl', made, { stdio: 'ignore' });
  return ['--tls-cert', cert, '--tls-key', key];
}

export interface Master {
  readonly run: Run;
  readonly link: string;
  readonly port: number;
  readonly folder: string;
}

export async function runMaster(
  bench: Bench,
  port = portBase(),
  folder = bench.folder(),
  more: readonly string[] = [],
): Promise<Master> {
  const quiet = ['--http', '127.0.0.1:0', '--metrics-listen', 'off', ...more];
  const args = ['master', '--listen', '127.0.0.1', '--port', String(port), ...quiet];
  const run = bench.sallyport([...args, '--state-dir', folder, '--json']);
  const { master } = await run.line('ready');
  return { run, link: String(master), port, folder };
}

export async function runHost(bench: Bench, master: string, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const port = await bench.game();
  const run = bench.sallyport(['host', String(port), '--master', master, '--json', ...more], env);
  const ready = await run.line('ready');
  return { run, port, code: String(ready.code), link: String(ready.link), ready };
}
