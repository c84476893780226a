/**
 * Words and flags of a command, as one table: parsing, `SALLYPORT_*` variables and help text all come from it. Built on
 * node:util's strict parser, so a mistyped flag is an error with exit code 2 and never silently ignored.
 */
import { parseArgs } from 'node:util';
import { usage } from '../node/failure.ts';
import { didYouMean } from './nearest.ts';
import { t } from './words/index.ts';

export interface Flag {
  /** `on`: present or not. `list`: may be given several times. */
  readonly kind: 'text' | 'number' | 'on' | 'list';
  /** What stands for the value in help: `--master LINK`. */
  readonly value?: string;
  readonly about: string;
  /** Its variable, where the one of its name is that of another flag: a person may have set it for all commands. */
  readonly variable?: string;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

export type Flags = Readonly<Record<string, Flag>>;

type FlagValue<F extends Flag> = F['kind'] extends 'on'
  ? boolean
  : F['kind'] extends 'list'
    ? readonly string[]
    : F['kind'] extends 'number'
      ? number | undefined
      : string | undefined;

export type FlagValues<Table extends Flags> = { readonly [Name in keyof Table]: FlagValue<Table[Name]> };

export interface CommandLine<Table extends Flags> {
  readonly flags: FlagValues<Table>;
  readonly words: readonly string[];
  /** Flags that stand in the command line, and not only in a variable. */
  readonly given: ReadonlySet<string>;
}

/** `--no-clipboard` is mirrored by `SALLYPORT_NO_CLIPBOARD`; a list is separated by commas. */
export function variableOf(flag: string, { variable }: Pick<Flag, 'variable'> = {}): string {
  return variable ?? `SALLYPORT_${flag.replaceAll('-', '_').toUpperCase()}`;
}

/**
 * `words`: names of the positional words, all of which must be there; `PORT...` stands for one or more, `[PORT...]` for none as well. A
 * flag beats its variable.
 */
export function readCommandLine<Table extends Flags>(
  table: Table,
  words: readonly string[],
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): CommandLine<Table> {
  const parsed = parse(table, argv);
  const { positionals } = parsed;
  const needed = words.filter((word) => !word.startsWith('['));
  if (positionals.length < needed.length)
    throw usage(t('{word} is missing.', { word: needed[positionals.length]?.replace('...', '') ?? '' }));
  if (positionals.length > words.length && !/\.\.\.\]?$/.test(words.at(-1) ?? '')) {
    const secret = parsed.values.password === true ? ` ${passwordAdvice()}` : '';
    throw usage(`${t('"{word}" is one word too many.', { word: positionals[words.length] ?? '' })}${secret}`);
  }
  const flags = Object.entries(table).map(([name, flag]) => [name, valueFor(name, flag, parsed.values[name], env)]);
  const given = new Set(Object.keys(parsed.values));
  return { flags: Object.fromEntries(flags) as FlagValues<Table>, words: positionals, given };
}

/** Said to whoever types a password where everybody on the computer can read it. */
export function passwordAdvice(): string {
  return t(
    'A password is no word of the command line, which others can see: --password asks for it, --password-file reads it.',
  );
}

function parse(table: Flags, argv: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { kind }]) => [
      name,
      { type: kind === 'on' ? ('boolean' as const) : ('string' as const), multiple: kind === 'list' },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(parseFault(table, argv, error as Error & { readonly code?: string }));
  }
}

/** The first sentence of the parser names the flag; what follows it is about escaping. */
function parseFault(
  table: Flags,
  argv: readonly string[],
  { code, message }: Error & { readonly code?: string },
): string {
  const option = /'(-[^' =]+)/.exec(message)?.[1] ?? '';
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const meant = didYouMean(option.replace(/^-+/, ''), Object.keys(table), (word) => `--${word}`);
    return `${t("Unknown option '{option}'.", { option })}${meant}`;
  }
  if (option === '--password' && argv.some((word) => word.startsWith('--password='))) return passwordAdvice();
  if (message.includes('does not take an argument')) return t("Option '{option}' takes no value.", { option });
  return t("Option '{option}' lacks its value, or that begins with a dash.", { option });
}

function valueFor(name: string, flag: Flag, given: unknown, env: NodeJS.ProcessEnv): unknown {
  const called = variableOf(name, flag);
  const variable = env[called];
  const shown = given === undefined ? called : `--${name}`;
  if (flag.kind === 'on')
    return given === true || (given === undefined && variable !== undefined && isOn(shown, variable));
  if (flag.kind === 'list') {
    if (Array.isArray(given)) return given.map(String);
    return (variable ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }
  const text = typeof given === 'string' ? given : variable;
  if (text === undefined || (given === undefined && text === '')) return undefined;
  if (flag.choices !== undefined && !flag.choices.includes(text)) {
    throw usage(
      t('{flag} is one of {choices}, not "{text}".', { flag: shown, choices: flag.choices.join(', '), text }),
    );
  }
  return flag.kind === 'number' ? readNumber(shown, flag, text) : text;
}

function isOn(shown: string, text: string): boolean {
  if (['1', 'true', 'yes', 'on'].includes(text.toLowerCase())) return true;
  if (['', '0', 'false', 'no', 'off'].includes(text.toLowerCase())) return false;
  throw usage(t('{flag} is 1 or 0, not "{text}".', { flag: shown, text }));
}

/** A whole number within bounds, or a usage error that names it; `shown` is how the person wrote it. */
function readNumber(shown: string, { min = 0, max = Number.MAX_SAFE_INTEGER }: Partial<Flag>, text: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  if (max === Number.MAX_SAFE_INTEGER)
    throw usage(t('{flag} is a number from {min} on, not "{text}".', { flag: shown, min, text }));
  throw usage(t('{flag} is a number from {min} to {max}, not "{text}".', { flag: shown, min, max, text }));
}

/** The value of --pair: two classes with a comma between them, the client's first. */
export function readPair<Class>(text: string, readClass: (text: string) => Class): readonly [Class, Class] {
  const [client, host, ...more] = text.split(',').map((one) => readClass(one));
  if (client === undefined || host === undefined || more.length > 0) {
    throw usage(t('--pair takes two classes, the client\'s first, like P3,S6; "{text}" is something else.', { text }));
  }
  return [client, host];
}
