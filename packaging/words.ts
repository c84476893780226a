/** What shells and `man` are told of the command, made from its own table: a flag that exists is completed and described. */
import { COMMANDS, type Command, type Flag, variableOf } from '../src/cli/index.ts';

const commands: readonly (readonly [string, Command])[] = Object.entries(COMMANDS).filter(([name]) => name !== 'lab');
const names = [...commands.map(([name]) => name), 'help', 'version'];
const takesValue = ({ kind }: Flag): boolean => kind !== 'on';
const takesFile = ({ value }: Flag): boolean => value === 'FILE' || value === 'DIR';

export function bashCompletion(): string {
  const flagsOf = ([name, { flags }]: readonly [string, Command]): string =>
    `    ${name}) words='${Object.keys(flags)
      .map((flag) => `--${flag}`)
      .join(' ')} --help' ;;`;
  const choices = new Map<string, string>();
  const files = new Set<string>();
  for (const [command, { flags }] of commands)
    for (const [name, flag] of Object.entries(flags)) {
      // The same flag has other choices elsewhere: --relay of a master.
      if (flag.choices !== undefined) choices.set(`"${command} --${name}"`, flag.choices.join(' '));
      if (takesFile(flag)) files.add(`--${name}`);
    }
  return `# bash completion of sallyport
_sallyport() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} words=''
  COMPREPLY=()
  case $before in
    ${[...files].join(' | ')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "\${COMP_WORDS[1]} $before" in
${[...choices].map(([flag, list]) => `    ${flag}) words='${list}' ;;`).join('\n')}
  esac
  if [ -n "$words" ]; then :
  elif [ "$COMP_CWORD" -eq 1 ]; then words='${names.join(' ')}'
  else case \${COMP_WORDS[1]} in
${commands.map(flagsOf).join('\n')}
    help) words='${commands.map(([name]) => name).join(' ')}' ;;
  esac fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _sallyport sallyport
`;
}

export function zshCompletion(): string {
  const quoted = (text: string): string =>
    text.replaceAll("'", "'\\''").replaceAll('[', '\\[').replaceAll(']', '\\]').replaceAll(':', '\\:');
  const spec = ([name, flag]: readonly [string, Flag]): string => {
    const many = flag.kind === 'list' ? '*' : '';
    const value = flag.choices !== undefined ? `(${flag.choices.join(' ')})` : takesFile(flag) ? '_files' : '';
    return `'${many}--${name}[${quoted(flag.about)}]${takesValue(flag) ? `:${quoted(flag.value ?? name)}:${value}` : ''}'`;
  };
  return `#compdef sallyport
local -a commands
commands=(
${commands.map(([name, { summary }]) => `  '${name}:${quoted(summary)}'`).join('\n')}
  'help:about a command'
  'version:which one this is'
)
if (( CURRENT == 2 )); then
  _describe command commands
  return
fi
case $words[2] in
${commands.map(([name, { flags }]) => `  ${name}) shift words; (( CURRENT-- )); _arguments ${Object.entries(flags).map(spec).join(' ')} '*: :_files' ;;`).join('\n')}
esac
`;
}

export function fishCompletion(): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = ['# fish completion of sallyport', 'complete -c sallyport -f'];
  for (const [name, { summary }] of commands)
    lines.push(`complete -c sallyport -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`);
  lines.push(
    "complete -c sallyport -n __fish_use_subcommand -a help -d 'about a command'",
    "complete -c sallyport -n __fish_use_subcommand -a version -d 'which one this is'",
  );
  for (const [name, { flags }] of commands)
    for (const [long, flag] of Object.entries(flags)) {
      const value = takesFile(flag)
        ? ' -r -F'
        : flag.choices !== undefined
          ? ` -x -a ${quoted(flag.choices.join(' '))}`
          : '';
      const asked = value === '' && takesValue(flag) ? ' -x' : value;
      lines.push(
        `complete -c sallyport -n '__fish_seen_subcommand_from ${name}' -l ${long}${asked} -d ${quoted(flag.about)}`,
      );
    }
  return `${lines.join('\n')}\n`;
}

/** Section 1, in the macros of man(7). */
export function manPage(version: string, date: string): string {
  const plain = (text: string): string =>
    text
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      .replace(/^(['.])/gm, '\\&$1');
  const flag = ([name, { value, about }]: readonly [string, Flag]): string =>
    `.TP\n\\fB\\-\\-${plain(name)}\\fR${value === undefined ? '' : ` \\fI${plain(value)}\\fR`}\n${plain(about)} (${variableOf(name)})`;
  const section = ([name, { summary, words, flags, examples }]: readonly [string, Command]): string =>
    [
      `.SS sallyport ${[name, ...words].join(' ')}`,
      plain(summary),
      ...Object.entries(flags).map(flag),
      ...examples.map((example) => `.PP\n.EX\n${plain(example)}\n.EE`),
    ].join('\n');
  return `.TH SALLYPORT 1 "${date}" "sallyport ${version}" "User commands"
.SH NAME
sallyport \\- a direct, encrypted path between two people behind any two NATs
.SH SYNOPSIS
.B sallyport
.I command
[\\fIwords\\fR] [\\fB\\-\\-flags\\fR]
.SH DESCRIPTION
Somebody hosts a game server at home, a friend types a short code, and both have a direct, encrypted path for whatever
ports of UDP and TCP the game speaks. Without a command the app opens as a page of the browser.
.PP
Every flag can also be given as a variable, whose name stands behind it.
.SH COMMANDS
${commands.map(section).join('\n')}
.SH FILES
.TP
.I /etc/default/sallyport\\-master, sallyport\\-relay, sallyport\\-host
variables for the systemd units of the same names
`;
}
