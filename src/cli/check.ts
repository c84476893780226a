/** `sallyport check`: the own network, for a person or as JSON. */
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
    await agent.ready();
    const profile = await agent.check();
    terminal.event('profile', { profile, masterRttMs: agent.link?.rttMs ?? null });
    const masterRttMs = agent.link?.rttMs ?? null;
    terminal.page(reportLines(profile, { showIps: flags['show-ips'], masterRttMs }).join('\n'));
    if (!flags.copy) return;
    const masked = reportLines(profile, { showIps: false, masterRttMs }).join('\n');
    const copied = await copyToClipboard(masked, env);
    terminal.say(copied ? 'Report copied, addresses masked.' : 'This system has no clipboard tool.');
  });
}
