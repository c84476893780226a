/** `sallyport check`: the own network, for a person or as JSON; once, or again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../agent/index.ts';
import type { NatProfile, ProbeResult, SallyportError } from '../core/index.ts';
import { copyToClipboard } from '../node/index.ts';
import { checkAgentFlags, withAgent } from './agents.ts';
import { CHECK_FLAGS } from './commands.ts';
import { readCommandLine, usage } from './flags.ts';
import { probeLines, reportLines } from './report.ts';
import type { Invocation } from './run.ts';

type CheckFlags = ReturnType<typeof readCommandLine<typeof CHECK_FLAGS>>['flags'];

export async function checkCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(CHECK_FLAGS, [], invocation.argv, invocation.env);
  const everyMs = flags.every === undefined ? null : durationMs(flags.every);
  checkAgentFlags(flags);
  invocation.terminal.fact('info', 'Measuring', 'this network');
  await withAgent({ flags, invocation }, async (agent) => {
    let probes: readonly ProbeResult[] = [];
    agent.on('event', (event) => {
      if (event.ev === 'profile') probes = event.probes;
    });
    // Without a master the STUN servers may still tell something, and the failure itself is part of the report.
    const failure = await agent.ready().then(
      () => null,
      (error: SallyportError) => error,
    );
    const profile = failure === null ? await agent.check() : agent.profile;
    if (profile !== null && (failure === null || profile.samples > 0 || profile.type === 'blocked')) {
      invocation.terminal.event('profile', { profile, probes, masterRttMs: agent.link?.rttMs ?? null });
      await report(invocation, flags, agent, await refined(agent, profile, invocation.signal), probes);
    }
    if (failure !== null) throw failure;
    while (everyMs !== null && !invocation.signal.aborted) {
      await sleep(everyMs, undefined, { signal: invocation.signal }).catch(() => {});
      if (invocation.signal.aborted) break;
      const again = await agent.check();
      invocation.terminal.event('profile', { profile: again, probes, masterRttMs: agent.link?.rttMs ?? null });
      await report(invocation, flags, agent, again, probes);
    }
  });
}

/** Distance of the NAT, hairpin and the like come so soon after the profile; a report waits for them, a join does not. */
const REFINEMENT_MS = 700;
/** A router that is silent about port mapping is believed to be so after this. */
const PORT_MAPPING_MS = 3_000;

async function refined(agent: Agent, profile: NatProfile, signal: AbortSignal): Promise<NatProfile> {
  const known = ({ portMapping: { upnp, natPmp, pcp } }: NatProfile) => ![upnp, natPmp, pcp].includes('untested');
  let newest = profile;
  const patience = new AbortController();
  agent.on('event', (event) => {
    if (event.ev !== 'profile') return;
    newest = event.profile;
    if (known(newest)) patience.abort();
  });
  const wait = (ms: number, until: AbortSignal) => sleep(ms, undefined, { signal: until }).catch(() => {});
  await wait(REFINEMENT_MS, signal);
  if (!known(newest)) await wait(PORT_MAPPING_MS - REFINEMENT_MS, AbortSignal.any([patience.signal, signal]));
  return newest;
}

async function report(
  { terminal, env }: Invocation,
  flags: CheckFlags,
  agent: Agent,
  profile: NatProfile,
  probes: readonly ProbeResult[],
): Promise<void> {
  const masterRttMs = agent.link?.rttMs ?? null;
  const showIps = flags['show-ips'];
  const lines = [
    ...reportLines(profile, { showIps, masterRttMs }),
    ...(flags.probes ? probeLines(probes, { showIps }) : []),
  ];
  terminal.page(lines.join('\n'));
  if (!flags.copy) return;
  const copied = await copyToClipboard(reportLines(profile, { showIps: false, masterRttMs }).join('\n'), env);
  terminal.say(copied ? 'Report copied, addresses masked.' : 'This system has no clipboard tool.');
}

/** `30`, `30s`, `5m`. At least what STUN servers and routers find polite. */
function durationMs(text: string): number {
  const parts = /^(\d{1,5})(s|m)?$/.exec(text);
  const seconds = parts === null ? 0 : Number(parts[1]) * (parts[2] === 'm' ? 60 : 1);
  if (seconds < 5) throw usage(`--every ${text} is no time like 30s or 5m (5 s at least).`);
  return seconds * 1000;
}
