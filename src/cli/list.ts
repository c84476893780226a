/** `sallyport list`: the public servers of a masterserver. */
import { cleanText, LIMITS, type ListEntry, showCode } from '../core/index.ts';
import { checkAgentFlags, withAgent } from './agents.ts';
import { LIST_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import type { Invocation } from './run.ts';

export async function listCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(LIST_FLAGS, [], invocation.argv, invocation.env);
  checkAgentFlags(flags);
  const { terminal } = invocation;
  await withAgent({ flags, invocation }, async (agent) => {
    const servers = await agent.list();
    terminal.event('list', { servers });
    terminal.page(servers.length === 0 ? 'No public servers here now.' : table(servers));
  });
}

function table(servers: readonly ListEntry[]): string {
  const rows = servers.map((server) => [
    server.pingEstimateMs === null ? '?' : `~${Math.round(server.pingEstimateMs)}`,
    showCode(server.code),
    `${cleanText(server.name, LIMITS.nameShownMax)}${server.passwordNeeded ? ' (password)' : ''}`,
    `${server.players}/${server.playersMax}`,
    [server.game, server.map, server.mode]
      .map((text) => cleanText(text, LIMITS.nameShownMax))
      .filter(Boolean)
      .join(' · '),
    server.verdict,
  ]);
  const all = [['Ping', 'Code', 'Server', 'Players', 'Game', 'Network'], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => [...row[column]!].length)));
  const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - [...text].length));
  return all
    .map((row) =>
      row
        .map((text, column) => pad(text, widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
