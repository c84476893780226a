/** The processes of the masterserver's benchmark: the master on one core; load, coturn's rival and the reader of pages around it. */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseMasterLink } from '../src/core/index.ts';
import type { Question } from './master-asker.ts';
import type { Target } from './master-guests.ts';
import { ipv4 } from './udp-batch.ts';

export const SERVER_CORE = '0';
export const LOAD_CORE = '1';
export const LOOPBACK = ipv4('127.0.0.1');

export function pin(pid: number, core: string): void {
  execFileSync('taskset', ['-acp', core, String(pid)], { stdio: 'ignore' });
}

export interface MasterProcess {
  readonly target: Target;
  readonly http: string;
  ask<T>(message: 'usage' | 'cpu'): Promise<T>;
  cpuMs(): Promise<number>;
  stop(): Promise<void>;
  /** Without a word, as a power cut. */
  kill(): Promise<void>;
}

async function ask<T>(child: ChildProcess, message: string | Question): Promise<T> {
  const answer = once(child, 'message');
  child.send(message);
  return (await answer)[0] as T;
}

export async function startMasterProcess(
  port: number,
  stateDir: string,
  hook: string,
  udp: 'dgram' | 'native' = 'dgram',
  /** With a relay that gives whatever is asked for, on the port behind its own. */
  relay = false,
): Promise<MasterProcess> {
  const file = fileURLToPath(new URL('./master-server.js', import.meta.url));
  const child = fork(file, [String(port), stateDir, hook, udp, ...(relay ? ['relay'] : [])], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  pin(child.pid ?? 0, SERVER_CORE);
  const [ready] = (await once(child, 'message')) as [{ readonly link: string; readonly http: string }];
  const link = parseMasterLink(ready.link);
  if ('problem' in link) throw new Error(link.problem);
  const ended = once(child, 'exit');
  return {
    target: { address: LOOPBACK, port: link.port, key: link.key },
    http: ready.http,
    ask: (message) => ask(child, message),
    cpuMs: () => ask<number>(child, 'cpu'),
    async stop() {
      child.send('stop');
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface Asker {
  /** Where the master's webhooks go. */
  readonly hook: string;
  ask(question: Question): Promise<readonly number[]>;
  deliveries(): Promise<number>;
  stop(): void;
}

export async function startAsker(): Promise<Asker> {
  const file = fileURLToPath(new URL('./master-asker.js', import.meta.url));
  const child = fork(file, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  pin(child.pid ?? 0, LOAD_CORE);
  const [hook] = (await once(child, 'message')) as [string];
  return {
    hook,
    ask: (question) => ask(child, question),
    deliveries: () => ask<number>(child, 'deliveries'),
    stop: () => child.disconnect(),
  };
}

/** CPU time of another process in milliseconds; `/proc` counts in hundredths of a second. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
