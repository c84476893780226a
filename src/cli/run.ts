/** Around every command: flags, signals, failures, exit codes. */
import { LIMITS } from '../core/limits.ts';
import { FAILURES, SallyportError, usage } from '../node/failure.ts';
import { BUILD, buildText } from '../node/packaged.ts';
import { COMMANDS, type COMMON_FLAGS } from './commands.ts';
import { fileFault, isFileFault } from './file-fault.ts';
import { variableOf } from './flags.ts';
import { BUILT_IN, commandHelp, helpText } from './help.ts';
import { didYouMean } from './nearest.ts';
import { Terminal } from './terminal.ts';
import { isAsciiOnly, languageOf, speak, t } from './words/index.ts';

export interface Invocation {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl+C, SIGTERM or closed output: the command says its goodbyes and returns. */
  readonly signal: AbortSignal;
  /** Aborts it from inside, as the keys of a terminal in raw mode must. */
  readonly stop: () => void;
  /** What SIGHUP does instead of ending the command. */
  readonly onHangup: (listener: () => void) => void;
}

/** Exit codes of a process ended by a signal: 128 + its number. */
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const PIPE_EXIT = 141;

/** Resolves with the exit code when everything is closed. */
export async function runCommandLine(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // A double click on the executable gives no words: whoever does that wants the page.
  const [name = BUILD.executable ? 'ui' : 'help', ...rest] = argv;
  speak(languageOf(wishedLanguage(argv, env), env));
  const terminal = terminalFor(rest, env);
  const abort = new AbortController();
  let signalExit: number | null = null;
  let hangup: (() => void) | null = null;
  const signals = Object.hasOwn(COMMANDS, name) && COMMANDS[name]?.endsAtOnce ? [] : Object.entries(SIGNAL_EXIT);
  const listeners = signals.map(([signal, exit]) => {
    const listener = (): void => {
      if (signal === 'SIGHUP' && hangup !== null) {
        hangup();
        return;
      }
      // The second time the person means it.
      if (abort.signal.aborted) process.exit(exit);
      signalExit = exit;
      abort.abort();
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  // The reader of our output is gone (`sallyport host … --json | head -1`), which shows with the next line: nobody will see
  // more, so end as if asked to.
  const onBroken = (): void => {
    signalExit ??= PIPE_EXIT;
    abort.abort();
  };
  process.stdout.on('error', onBroken);
  process.stderr.on('error', onBroken);
  try {
    const onHangup = (listener: () => void): void => {
      hangup = listener;
    };
    await dispatch(name, rest, { env, terminal, signal: abort.signal, stop: () => abort.abort(), onHangup });
    return signalExit ?? 0;
  } catch (thrown) {
    if (signalExit !== null) return signalExit;
    const error = asSallyportError(thrown);
    terminal.failure(error, commandNamed(name) === undefined ? undefined : name);
    if (error.code === 'INTERNAL' && thrown instanceof Error) terminal.lines(thrown.stack ?? '');
    return FAILURES[error.code].exit;
  } finally {
    for (const off of listeners) off();
  }
}

async function dispatch(name: string, argv: readonly string[], around: Omit<Invocation, 'argv'>): Promise<void> {
  const about = argv.find((word) => !word.startsWith('-'));
  if (['help', '--help', '-h'].includes(name)) return help(about);
  if (['version', '--version', '-V', '-v'].includes(name)) {
    if (argv.includes('--help') || argv.includes('-h')) return help('version');
    return version(around.terminal);
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw noCommand(name);
  if (argv.includes('--help') || argv.includes('-h')) return help(name);
  const run = await command.load();
  await run({ argv, ...around });
}

function commandNamed(name: string) {
  const all = { ...COMMANDS, ...BUILT_IN };
  return Object.hasOwn(all, name) ? all[name] : undefined;
}

function noCommand(name: string): SallyportError {
  const meant = didYouMean(name, Object.keys({ ...COMMANDS, ...BUILT_IN }), (word) => `"${word}"`);
  return usage(`${t('There is no command "{name}".', { name })}${meant}`);
}

function help(name: string | undefined): void {
  if (name === undefined) return void process.stdout.write(`${helpText()}\n`);
  const command = commandNamed(name);
  if (command === undefined) throw noCommand(name);
  process.stdout.write(`${commandHelp(name, command)}\n`);
}

/** `--lang de`, or its variable; found before anything is parsed, as failures about that want to be said in it too. */
function wishedLanguage(argv: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const at = argv.findIndex((word) => word === '--lang' || word.startsWith('--lang='));
  if (at < 0) return env[variableOf('lang')] || undefined;
  return argv[at]?.split('=')[1] ?? argv[at + 1];
}

function version(terminal: Terminal): void {
  terminal.event('version', { version: BUILD.version, commit: BUILD.commit, node: process.versions.node });
  terminal.page(`sallyport ${buildText()}, Node ${process.versions.node}`);
}

/** Made before the flags are known to be right, because failures about them want to be shown the right way too. */
function terminalFor(argv: readonly string[], env: NodeJS.ProcessEnv): Terminal {
  const on = (flag: keyof typeof COMMON_FLAGS): boolean =>
    argv.includes(`--${flag}`) || ['1', 'true', 'yes', 'on'].includes((env[variableOf(flag)] ?? '').toLowerCase());
  const plain = on('no-color') || Boolean(env.NO_COLOR) || env.TERM === 'dumb' || process.stderr.isTTY !== true;
  const addresses = { showIps: on('show-ips'), maskIps: on('mask-ips') };
  return new Terminal({ json: on('json'), quiet: on('quiet'), color: !plain, ascii: isAsciiOnly(env), ...addresses });
}

function asSallyportError(thrown: unknown): SallyportError {
  if (thrown instanceof SallyportError) return thrown;
  const { code, path, message } = (
    thrown instanceof Error ? thrown : { message: String(thrown) }
  ) as NodeJS.ErrnoException;
  // A package that a library install leaves out, or a file that is not there: the system's words mean nothing to a person.
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const name = /package '([^']+)'/.exec(message)?.[1];
    if (name !== undefined)
      return usage(t('This needs a package that is not installed: npm install {name}', { name }), thrown);
  }
  if (code !== undefined && path !== undefined && isFileFault(code)) return usage(fileFault(thrown, path), thrown);
  return new SallyportError('INTERNAL', { detail: message, cause: thrown });
}

/** Waits for the person to end it. */
export function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else {
      // A pending promise keeps no process alive; this does.
      const keep = setInterval(() => {}, LIMITS.driveTimerMsMax);
      signal.addEventListener(
        'abort',
        () => {
          clearInterval(keep);
          resolve();
        },
        { once: true },
      );
    }
  });
}
