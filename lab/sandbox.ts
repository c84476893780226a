/**
 * A set of Linux namespaces (network, mount, process ids; a user namespace too where we are not root) with one small process
 * that holds them. Everything the lab does happens inside. The holder reads a pipe whose other end is ours: when this
 * process ends, however it ends, the pipe closes, the holder exits, and because it is process 1 of its namespace the
 * kernel kills whatever still runs in there and removes the devices. No name is ever visible outside, so labs run in parallel.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { childrenOf, LabProcess } from './process.ts';

const run = promisify(execFile);

/** Programs a lab cannot do without. */
const TOOLS = ['unshare', 'nsenter', 'ip', 'nft'] as const;
const HOLDER_READY_MS = 10_000;
const SHELL_TIMEOUT_MS = 20_000;
/** `ip netns` keeps its names in /run/netns; a private tmpfs there needs no rights on the real one. */
const HOLD = 'mount -t tmpfs tmpfs /run && mkdir /run/netns /run/lab && ip link set lo up && echo ready && exec cat';

export interface SandboxOptions {
  /** Default: only where namespaces cannot be had without. */
  readonly userNamespace?: boolean;
}

export type Availability =
  | { readonly ok: true; readonly userNamespace: boolean }
  | { readonly ok: false; readonly reason: string };

function namespaceFlags(userNamespace: boolean): string[] {
  const user = userNamespace ? ['--user', '--map-root-user'] : [];
  return [...user, '--net', '--mount', '--pid', '--fork', '--kill-child'];
}

/** Debian keeps `ip`, `nft` and friends in directories that are not on an ordinary user's path. */
function systemPath(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/games` };
}

function hasTool(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`], { env: systemPath() }).status === 0;
}

let known: Availability | null = null;

/** Whether a lab can run here, and if not, why: a missing tool or forbidden namespaces. */
export function labAvailability(options: SandboxOptions = {}): Availability {
  if (options.userNamespace !== undefined) return tryNamespaces([options.userNamespace]);
  // Root in a container may be forbidden what a user namespace allows it.
  known ??= tryNamespaces(process.getuid?.() === 0 ? [false, true] : [true]);
  return known;
}

function tryNamespaces(kinds: readonly boolean[]): Availability {
  if (process.platform !== 'linux') return { ok: false, reason: 'network namespaces exist on Linux only' };
  const missing = TOOLS.filter((tool) => !hasTool(tool));
  if (missing.length > 0) {
    return { ok: false, reason: `missing programs: ${missing.join(', ')} (packages iproute2, nftables)` };
  }
  const trial = 'mount -t tmpfs tmpfs /run && ip link set lo up && nft add table ip trial';
  let complaint = '';
  for (const userNamespace of kinds) {
    const argv = [...namespaceFlags(userNamespace), 'sh', '-c', trial];
    const { status, stderr } = spawnSync('unshare', argv, { env: systemPath(), encoding: 'utf8' });
    if (status === 0) return { ok: true, userNamespace };
    complaint = stderr.trim().split('\n')[0] ?? '';
  }
  return { ok: false, reason: `the kernel forbids network namespaces here (${complaint})` };
}

export class Sandbox {
  /** Seen from outside; `/proc/<pid>/root` shows the files of the sandbox. */
  readonly holderPid: number;
  readonly #holder: ChildProcess;
  readonly #enter: readonly string[];
  readonly #processes: LabProcess[] = [];

  constructor(holder: ChildProcess, holderPid: number, userNamespace: boolean) {
    this.#holder = holder;
    this.holderPid = holderPid;
    const user = userNamespace ? ['--user', '--preserve-credentials'] : [];
    this.#enter = ['--target', String(holderPid), ...user, '--net', '--mount', '--pid', '--'];
  }

  /** Runs a shell script in the sandbox's own network namespace; rejects with what it said on stderr. */
  async shell(script: string): Promise<string> {
    const { stdout } = await run('nsenter', [...this.#enter, 'sh', '-eu', '-c', script], {
      env: systemPath(),
      timeout: SHELL_TIMEOUT_MS,
    });
    return stdout;
  }

  /** Starts a program in the network namespace `netns`. It dies with the sandbox at the latest. */
  spawn(netns: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): LabProcess {
    const child = spawn('nsenter', [...this.#enter, 'ip', 'netns', 'exec', netns, ...argv], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...systemPath(), ...env },
    });
    // A program that ends before it has read its input is not our failure.
    child.stdin.on('error', () => {});
    const program = new LabProcess(`${netns}:${argv[0]?.split('/').pop()}`, child);
    this.#processes.push(program);
    return program;
  }

  /** Kills everything inside and removes the namespaces. */
  async close(): Promise<void> {
    const gone = once(this.#holder, 'close');
    this.#holder.stdin?.end();
    await gone;
    // Where a program was stopped by a signal, nsenter, its parent, has stopped itself too, and would never report the end.
    for (const program of this.#processes) program.signal('SIGCONT');
    await Promise.all(this.#processes.map((program) => program.exited));
  }
}

export async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const availability = labAvailability(options);
  if (!availability.ok) throw new Error(`no sandbox: ${availability.reason}`);
  const { userNamespace } = availability;
  const holder = spawn('unshare', [...namespaceFlags(userNamespace), 'sh', '-c', HOLD], { env: systemPath() });
  let complaint = '';
  holder.stderr.on('data', (bytes) => {
    complaint += String(bytes);
  });
  const ready = once(holder.stdout, 'data', { signal: AbortSignal.timeout(HOLDER_READY_MS) });
  const ended = once(holder, 'close').then(() => Promise.reject(new Error(`no sandbox: ${complaint.trim()}`)));
  await Promise.race([ready, ended]);
  ended.catch(() => {});
  const [pid] = childrenOf(holder.pid);
  if (pid === undefined) throw new Error('no sandbox: its first process cannot be found');
  return new Sandbox(holder, pid, userNamespace);
}
