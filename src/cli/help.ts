/** Help, made from the tables. */
import { COMMANDS, type Command } from './commands.ts';
import { variableOf } from './flags.ts';

export function helpText(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => usageOf(name, COMMANDS[name] as Command).length));
  const lines = Object.entries(COMMANDS).map(
    ([name, command]) => `  ${usageOf(name, command).padEnd(width)}  ${command.summary}`,
  );
  return [
    'sallyport: a direct, encrypted UDP path between two people behind any two NATs',
    '',
    ...lines,
    `  ${'version'.padEnd(width)}  print the version`,
    `  ${'help [COMMAND]'.padEnd(width)}  this text, or that of a command with all its flags`,
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
