/** `sallyport list`: the public servers of a masterserver. */
import type { ListEntry } from '../core/index.ts';
import { showCode } from '../core/model/code.ts';
import { PEER_LIMITS } from '../core/peer/base/limits.ts';
import { cleanText } from '../core/wire/text.ts';
import { checkAgentFlags, masterName } from './agent-flags.ts';
import { LIST_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import type { Invocation } from './run.ts';
import { type Sentence, t, tMaybe } from './words/index.ts';

export async function listCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(LIST_FLAGS, [], invocation.argv, invocation.env);
  checkAgentFlags(flags);
  const { terminal } = invocation;
  terminal.fact('info', 'Asking', masterName(flags.master), 'whole');
  const { withAgent } = await import('./agents.ts');
  await withAgent({ flags, invocation }, async (agent) => {
    const servers = await agent.list();
    // The only addresses are those of official servers, which are there to be seen.
    terminal.event('list', { servers }, 'whole');
    terminal.page(servers.length === 0 ? t('No public servers here now.') : table(servers, Date.now()), 'whole');
  });
}

const SECTIONS = [
  ['local', 'Local (at your address)'],
  ['official', 'Official'],
  ['community', 'Community'],
] as const satisfies readonly (readonly [ListEntry['section'], Sentence])[];
const HEAD = ['Ping', 'Join with', 'Server', 'Players', 'Game', 'Network', 'Up', 'Joinable'] as const;

/** One table with a line above each section, in the order in which the master tells them. */
function table(servers: readonly ListEntry[], now: number): string {
  const sections = SECTIONS.map(([section, title]) => {
    const rows = servers.filter((server) => server.section === section).map((server) => rowOf(server, now));
    return { title: `${t(title)} (${rows.length})`, rows };
  }).filter(({ rows }) => rows.length > 0);
  const head = HEAD.map((word) => t(word));
  const all = [head, ...sections.flatMap(({ rows }) => rows)];
  const widths = HEAD.map((_, column) => Math.max(...all.map((row) => [...(row[column] as string)].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => text + ' '.repeat((widths[column] as number) - [...text].length))
      .join('  ')
      .trimEnd();
  return [line(head), ...sections.flatMap(({ title, rows }) => [title, ...rows.map(line)])].join('\n');
}

function rowOf(server: ListEntry, now: number): readonly string[] {
  return [
    server.pingEstimateMs === null ? '?' : `~${Math.round(server.pingEstimateMs)}`,
    server.address ?? showCode(server.code),
    `${cleanText(server.name, PEER_LIMITS.nameShownMax)}${server.passwordNeeded ? ` ${t('(password)')}` : ''}`,
    server.playersMax === 0 ? '-' : `${server.players}/${server.playersMax}`,
    [server.game, server.map, server.mode]
      .map((text) => cleanText(text, PEER_LIMITS.nameShownMax))
      .filter(Boolean)
      .join(' · '),
    tMaybe(server.verdict),
    server.firstSeenAt === 0 ? '-' : age(now - server.firstSeenAt),
    server.verifiedAt === null ? t('not tested') : t('tested {age} ago', { age: age(now - server.verifiedAt) }),
  ];
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.round(seconds / 3_600)}h`;
  return `${Math.round(seconds / 86_400)}d`;
}
