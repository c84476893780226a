/** What `host`, `join`, `check` and `list` share: from flags to an agent. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Agent, openAgent } from '../agent/index.ts';
import type { NatProfile } from '../core/index.ts';
import { SallyportError } from '../node/index.ts';
import { type AgentFlagValues, relayOf, stateDir } from './agent-flags.ts';
import { CLI_LIMITS } from './limits.ts';
import { profileLine } from './profile-line.ts';
import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';
import { t, tMaybe, told } from './words/index.ts';

export interface AgentNeeds {
  readonly flags: AgentFlagValues;
  readonly invocation: Invocation;
  readonly keyFile?: string;
  /** STUN servers that do not answer are told of elsewhere. */
  readonly reportsSilent?: boolean;
  /** No network and no DNS yet are no reason to end. */
  readonly waitForNetwork?: boolean;
}

/** Opens an agent with flags that `checkAgentFlags` has let pass, does the work with it and closes it whatever happens. */
export async function withAgent(
  { flags, invocation, keyFile, waitForNetwork = false, reportsSilent = false }: AgentNeeds,
  work: (agent: Agent) => Promise<void>,
): Promise<void> {
  const agent = await openAgent({
    master: flags.master as string,
    stun: flags.stun,
    relay: relayOf(flags),
    stateDir: stateDir(flags, invocation.env),
    onStateProblem(problem) {
      invocation.terminal.event('notice', { kind: 'state-problem', problem });
      invocation.terminal.fact('warn', 'State', told(problem));
    },
    onStunProblem({ server, because }) {
      invocation.terminal.event('notice', { kind: 'stun', server, because });
      if (because === 'no-address')
        invocation.terminal.fact('warn', 'STUN', t('{server} has no address: others are asked instead', { server }));
      else if (!reportsSilent)
        invocation.terminal.fact('warn', 'STUN', t('{server} does not answer: others were asked instead', { server }));
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
        const why = `${tMaybe(error.what)} ${told(error.detail)}`.trim();
        terminal.fact('warn', 'Master', t('{why} Trying again until it does.', { why }));
        terminal.event('master', { state: 'lost', failure: error.code });
      }
      said = error.code;
      await sleep(CLI_LIMITS.networkAgainMs, undefined, { signal }).catch(() => {});
    }
  }
}

export function sayProfile(terminal: Terminal, profile: NatProfile): void {
  terminal.fact('done', 'Network', `${profileLine(profile)}      ${t('(sallyport check for details)')}`);
  const { upnp, natPmp, pcp } = profile.portMapping;
  const answered = Object.entries({ UPnP: upnp, 'NAT-PMP': natPmp, PCP: pcp }).filter(([, tested]) => tested === 'yes');
  if (answered.length > 0)
    terminal.fact('done', 'Router', t('{names} answers', { names: answered.map(([name]) => name).join(', ') }));
  else if ([upnp, natPmp, pcp].includes('no'))
    terminal.fact('info', 'Router', t('no UPnP / NAT-PMP / PCP answer: that is fine'));
}
