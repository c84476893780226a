/** Help, made from the tables. */
import { COMMANDS, COMMON_FLAGS, type Command } from './commands.ts';
import { variableOf } from './flags.ts';
import { t, tMaybe } from './words/index.ts';

/** What the command line itself answers. */
export const BUILT_IN: Readonly<Record<string, Omit<Command, 'load'>>> = {
  version: {
    summary: 'print the version',
    words: [],
    flags: { json: COMMON_FLAGS.json },
    examples: ['sallyport version', 'sallyport -v'],
  },
  help: {
    summary: 'this text, or that of a command with all its flags',
    words: ['[COMMAND]'],
    flags: {},
    examples: ['sallyport help host', 'sallyport host --help'],
  },
};

export function helpText(): string {
  const lines = Object.entries({ ...COMMANDS, ...BUILT_IN }).map(
    ([name, command]) => [usageOf(name, command), tMaybe(command.summary)] as const,
  );
  const width = Math.max(...lines.map(([words]) => words.length));
  return [
    t('sallyport: a direct, encrypted UDP path between two people behind any two NATs'),
    '',
    ...lines.map(([words, summary]) => `  ${words.padEnd(width)}  ${summary}`),
    '',
    t('Every flag can also be given as a variable: --master LINK is SALLYPORT_MASTER=LINK.'),
  ].join('\n');
}

export function commandHelp(name: string, command: Omit<Command, 'load'>): string {
  const flags = Object.entries(command.flags).map(([word, flag]) => {
    const shown = flag.value === undefined ? `--${word}` : `--${word} ${flag.value}`;
    return [shown, tMaybe(flag.about), variableOf(word, flag)] as const;
  });
  const width = Math.max(0, ...flags.map(([shown]) => shown.length));
  return [
    `sallyport ${usageOf(name, command)}${flags.length === 0 ? '' : ` ${t('[flags]')}`}`,
    `  ${tMaybe(command.summary)}`,
    '',
    ...flags.map(([shown, about, variable]) => `  ${shown.padEnd(width)}  ${about}  [${variable}]`),
    '',
    ...command.examples.map((example) => `  ${exampleText(example)}`),
  ].join('\n');
}

/** The command, and behind three spaces what it does. */
function exampleText(example: string): string {
  const [command = '', gap = '', about = ''] = example.split(/( {3,})/);
  return about === '' ? command : `${command}${gap}${tMaybe(about)}`;
}

function usageOf(name: string, command: Pick<Command, 'words'>): string {
  return [name, ...command.words].join(' ');
}
