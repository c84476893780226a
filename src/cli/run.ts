/** Around every command: flags, signals, failures, exit codes. */
import { LIMITS } from '../core/index.ts';
import { BUILD, buildText, FAILURES, SallyportError, usage } from '../node/index.ts';
import { COMMANDS, type COMMON_FLAGS } from './commands.ts';
import { variableOf } from './flags.ts';
import { commandHelp, helpText } from './help.ts';
import { Terminal } from './terminal.ts';

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
    terminal.failure(error);
    if (error.code === 'INTERNAL' && thrown instanceof Error) terminal.lines(thrown.stack ?? '');
    return FAILURES[error.code].exit;
  } finally {
    for (const off of listeners) off();
  }
}

async function dispatch(name: string, argv: readonly string[], around: Omit<Invocation, 'argv'>): Promise<void> {
  if (['help', '--help', '-h'].includes(name)) return help(argv.find((word) => !word.startsWith('-')));
  if (['version', '--version', '-V'].includes(name)) return version(around.terminal);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw usage(`There is no command "${name}".`);
  if (argv.includes('--help') || argv.includes('-h')) return help(name);
  const run = await command.load();
  await run({ argv, ...around });
}

function help(name: string | undefined): void {
  if (name === undefined) return void process.stdout.write(`${helpText()}\n`);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw usage(`There is no command "${name}".`);
  process.stdout.write(`${commandHelp(name, command)}\n`);
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
  return new Terminal({ json: on('json'), quiet: on('quiet'), color: !plain, ...addresses });
}

function asSallyportError(thrown: unknown): SallyportError {
  if (thrown instanceof SallyportError) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new SallyportError('INTERNAL', { detail, cause: thrown });
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
