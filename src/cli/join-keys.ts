/** The keys of `join` in a terminal: show or copy the log of this attempt or of all (addresses masked), the words
 * of the path, stop. S28. */
import type { JoinView } from '../agent/index.ts';
import { maskText } from '../core/index.ts';
import { copyToClipboard } from '../node/index.ts';
import type { Terminal } from './terminal.ts';

/** Lines of the log of all attempts, or of the present one; times count from the beginning, over all attempts. */
export function logText({ log, attempts }: JoinView, all: boolean): string {
  const present = attempts.at(-1)?.n ?? null;
  return log
    .filter(({ attempt }) => all || attempt === present)
    .map(({ atMs, what, data }) => `${(atMs / 1_000).toFixed(3).padStart(8)}  ${what}  ${JSON.stringify(data)}`)
    .join('\n');
}

export interface KeysOptions {
  readonly terminal: Terminal;
  readonly log: (all: boolean) => string;
  readonly stop: () => void;
  /** Of the path; empty before there is one. */
  readonly words: () => string;
  readonly env: NodeJS.ProcessEnv;
}

/** What two people compare by voice. */
function wordsLine(words: string): string {
  return words === ''
    ? 'There are no words before the host has let you in.'
    : `  Words  ${words}   (the same on both screens, or somebody sits in between: compare them by voice)`;
}

export function watchKeys({ terminal, log, stop, words, env }: KeysOptions): { close(): void } {
  const { stdin } = process;
  if (!stdin.isTTY) return { close() {} };
  const onKey = async (bytes: Buffer): Promise<void> => {
    const key = bytes.toString('latin1').toLowerCase();
    // Raw mode keeps Ctrl+C from the system, so it is ours to obey; the second one ends at once.
    if (key === '\u0003') process.kill(process.pid, 'SIGINT');
    else if (key === 'q' || key === '\u001b') stop();
    else if (key === 's') terminal.say(wordsLine(words()));
    else if (key === 'l' || key === 'a') terminal.lines(log(key === 'a'));
    else if (key === 'c' || key === 't') {
      const copied = await copyToClipboard(maskText(log(key === 'c')), env);
      terminal.say(copied ? 'Log copied, addresses masked.' : 'This system has no clipboard tool; A shows the log.');
    }
  };
  stdin.setRawMode(true);
  stdin.on('data', onKey);
  return {
    close() {
      stdin.off('data', onKey);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
