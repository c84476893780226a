/** `sallyport check`: the own network, for a person or as JSON. */
import type { SallyportError } from '../core/index.ts';
import { copyToClipboard } from '../node/index.ts';
import { withAgent } from './agents.ts';
import { CHECK_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import { reportLines } from './report.ts';
import type { Invocation } from './run.ts';

export async function checkCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(CHECK_FLAGS, [], invocation.argv, invocation.env);
  const { terminal, env } = invocation;
  terminal.fact('info', 'Measuring', 'this network');
  await withAgent({ flags, invocation }, async (agent) => {
    // Without a master the STUN servers may still tell something, and the failure itself is part of the report.
    const failure = await agent.ready().then(
      () => null,
      (error: SallyportError) => error,
    );
    const profile = failure === null ? await agent.check() : agent.profile;
    if (profile !== null && (failure === null || profile.samples > 0 || profile.type === 'blocked')) {
      const masterRttMs = agent.link?.rttMs ?? null;
      terminal.event('profile', { profile, masterRttMs });
      terminal.page(reportLines(profile, { showIps: flags['show-ips'], masterRttMs }).join('\n'));
      if (flags.copy) {
        const copied = await copyToClipboard(reportLines(profile, { showIps: false, masterRttMs }).join('\n'), env);
        terminal.say(copied ? 'Report copied, addresses masked.' : 'This system has no clipboard tool.');
      }
    }
    if (failure !== null) throw failure;
  });
}
