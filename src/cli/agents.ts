/** What `host`, `join`, `check` and `list` share: from flags to an agent. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, type AgentOptions, checkAgentOptions, openAgent } from '../agent/index.ts';
import type { NatProfile } from '../core/index.ts';
import { SallyportError, stateDirectory, usage } from '../node/index.ts';
import { CLI_LIMITS } from './limits.ts';

import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';

export interface AgentFlagValues {
  readonly master: string | undefined;
  readonly stun: readonly string[];
  readonly 'state-dir': string | undefined;
  readonly relay?: string | undefined;
}

export interface AgentNeeds {
  readonly flags: AgentFlagValues;
  readonly invocation: Invocation;
  readonly keyFile?: string;
  /** No network and no DNS yet are no reason to end. */
  readonly waitForNetwork?: boolean;
}

/** The table of flags has let only these pass. */
function relayOf({ relay }: AgentFlagValues): NonNullable<AgentOptions['relay']> {
  return (relay ?? 'allow') as NonNullable<AgentOptions['relay']>;
}

/** Before anything else is done: what is mistyped must not hide behind other lines, nor cost anybody two seconds. */
export function checkAgentFlags(flags: AgentFlagValues): void {
  const { master, stun } = flags;
  if (master === undefined) throw usage('No masterserver is given: use --master LINK, or set SALLYPORT_MASTER.');
  checkAgentOptions({ master, stun, relay: relayOf(flags) });
}

/** Opens an agent with flags that `checkAgentFlags` has let pass, does the work with it and closes it whatever happens. */
export async function withAgent(
  { flags, invocation, keyFile, waitForNetwork = false }: AgentNeeds,
  work: (agent: Agent) => Promise<void>,
): Promise<void> {
  const agent = await openAgent({
    master: flags.master as string,
    stun: flags.stun,
    relay: relayOf(flags),
    stateDir: stateDir(flags, invocation.env),
    onStateProblem(problem) {
      invocation.terminal.event('notice', { kind: 'state-problem', problem });
      invocation.terminal.fact('warn', 'State', problem);
    },
    waitForNetwork,
    signal: invocation.signal,
    ...(keyFile === undefined ? {} : { keyFile }),
  });
  // Whatever is being waited for ends with it: Ctrl+C works at any moment.
  const stop = (): void => void agent.close();
  invocation.signal.addEventListener('abort', stop, { once: true });
  try {
    await work(agent);
  } finally {
    invocation.signal.removeEventListener('abort', stop);
    await agent.close();
  }
}

/** The masterserver answers, or somebody stops it: what keeps it from that is said once for each cause. */
export async function readyWithPatience(agent: Agent, { terminal, signal }: Invocation): Promise<NatProfile> {
  let said = '';
  for (;;) {
    try {
      return await agent.ready();
    } catch (error) {
      if (!(error instanceof SallyportError) || !error.retryable || signal.aborted) throw error;
      if (said !== error.code) {
        terminal.fact('warn', 'Master', `${error.message} Trying again until it does.`);
        terminal.event('master', { state: 'lost', failure: error.code });
      }
      said = error.code;
      await sleep(CLI_LIMITS.networkAgainMs, undefined, { signal }).catch(() => {});
    }
  }
}

export function stateDir(flags: Pick<AgentFlagValues, 'state-dir'>, env: NodeJS.ProcessEnv): string {
  return flags['state-dir'] ?? stateDirectory(env);
}

/** The first line of a file. Secrets are never values of flags: those show in the list of processes. */
export function readPassword(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw usage(`The password file can't be read: ${(error as Error).message}.`);
  }
  const password = (text.split(/\r?\n/, 1)[0] ?? '').trim();
  if (password === '') throw usage(`The password file ${path} is empty.`);
  return password;
}

const VERDICTS = { open: 'Open', moderate: 'Moderate', strict: 'Strict' } as const;
const TYPES = {
  public: 'reachable by anybody',
  'port-preserving-cone': 'one port for all destinations, the local one kept',
  cone: 'one port for all destinations',
  'address-sensitive': 'a new port per destination address',
  'port-sensitive': 'a new port per destination address and port',
  blocked: 'UDP does not get out',
  unknown: 'not known yet',
} as const;

/** One line about a network: `Moderate: a new port per destination address, step +1`. */
export function profileLine(profile: NatProfile): string {
  const words: string[] = [TYPES[profile.type]];
  if (profile.type === 'address-sensitive' || profile.type === 'port-sensitive') words.push(allocatorWords(profile));
  return `${VERDICTS[profile.verdict]}: ${words.join(', ')}`;
}

function allocatorWords({ allocator }: NatProfile): string {
  const { kind, step, low, high } = allocator;
  if (kind === 'step') return `step ${step !== null && step < 0 ? '' : '+'}${step ?? '?'}`;
  if (kind === 'preserve') return 'near the local port';
  if (kind === 'time') return 'moving with time';
  if (kind === 'unknown') return 'rule not known';
  return low === null || high === null ? 'random' : `random within ${low} to ${high}`;
}

export function sayProfile(terminal: Terminal, profile: NatProfile): void {
  terminal.fact('done', 'Network', `${profileLine(profile)}      (sallyport check for details)`);
  const { upnp, natPmp, pcp } = profile.portMapping;
  const answered = Object.entries({ UPnP: upnp, 'NAT-PMP': natPmp, PCP: pcp }).filter(([, tested]) => tested === 'yes');
  if (answered.length > 0) terminal.fact('done', 'Router', `${answered.map(([name]) => name).join(', ')} answers`);
  else if ([upnp, natPmp, pcp].includes('no'))
    terminal.fact('info', 'Router', 'no UPnP / NAT-PMP / PCP answer: that is fine');
}

export function masterName(link: string | undefined): string {
  return /^sallyport:\/\/([^/]+)/.exec(link ?? '')?.[1] ?? '';
}

export function milliseconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
