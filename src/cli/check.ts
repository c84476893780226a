/** `sallyport check`: the own network, for a person or as JSON. */
import { profileLine, withAgent } from './agents.ts';
import { CHECK_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import type { Invocation } from './run.ts';

export async function checkCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(CHECK_FLAGS, [], invocation.argv, invocation.env);
  const { terminal } = invocation;
  await withAgent({ flags, invocation }, async (agent) => {
    terminal.status('Measuring this network…');
    await agent.ready();
    const profile = await agent.check();
    terminal.clearStatus();
    terminal.event('profile', { profile });
    terminal.page(profileLine(profile));
  });
}
