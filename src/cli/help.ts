/** Help, made from the tables. */
import { COMMANDS, type Command } from './commands.ts';
import { variableOf } from './flags.ts';

export function helpText(): string {
  const lines = [
    ...Object.entries(COMMANDS).map(([name, command]) => [usageOf(name, command), command.summary] as const),
    ['version', 'print the version'] as const,
    ['help [COMMAND]', 'this text, or that of a command with all its flags'] as const,
  ];
  const width = Math.max(...lines.map(([usage]) => usage.length));
  return [
    'sallyport: a direct, encrypted UDP path between two people behind any two NATs',
    '',
    ...lines.map(([usage, summary]) => `  ${usage.padEnd(width)}  ${summary}`),
    '',
    'Every flag can also be given as a variable: --master LINK is SALLYPORT_MASTER=LINK.',
  ].join('\n');
}

export function commandHelp(name: string, command: Command): string {
  const flags = Object.entries(command.flags).map(([flag, { value, about }]) => {
    const shown = value === undefined ? `--${flag}` : `--${flag} ${value}`;
    return [shown, about, variableOf(flag)] as const;
  });
  const width = Math.max(...flags.map(([shown]) => shown.length));
  return [
    `sallyport ${usageOf(name, command)} [flags]`,
    `  ${command.summary}`,
    '',
    ...flags.map(([shown, about, variable]) => `  ${shown.padEnd(width)}  ${about}  [${variable}]`),
    '',
    ...command.examples.map((example) => `  ${example}`),
  ].join('\n');
}

function usageOf(name: string, command: Command): string {
  return [name, ...command.words].join(' ');
}
