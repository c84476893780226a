/** The keys of `join` in a terminal: show or copy the log of this attempt or of all (addresses masked), the words
 * of the path, stop. docs/seed.md S28. */
import { maskText, PEER_LIMITS } from '../core/index.ts';
import { copyToClipboard } from '../node/index.ts';
import type { Terminal } from './terminal.ts';
import { t } from './words/index.ts';

export interface KeysOptions {
  readonly terminal: Terminal;
  readonly log: (all: boolean) => string;
  readonly stop: () => void;
  /** Of the path; empty before there is one. */
  readonly words: () => string;
  /** The person has typed a name, and Enter. */
  readonly named: (name: string) => void;
  readonly env: NodeJS.ProcessEnv;
}

/** What two people compare by voice. */
function wordsLine(words: string): string {
  return words === ''
    ? t('There are no words before the host has let you in.')
    : `  ${t('Words')}  ${words}   ${t('(the same on both screens, or somebody sits in between: compare them by voice)')}`;
}

/** What has been typed by now; null where Enter or Escape has ended it. */
function typed(before: string, more: string, named: (name: string) => void): string | null {
  let text = before;
  for (const character of more) {
    if (character === '\u001b') return null;
    if (character === '\r' || character === '\n') {
      named(text);
      return null;
    }
    if (character === '\u007f' || character === '\b') text = [...text].slice(0, -1).join('');
    else if (text.length < PEER_LIMITS.nameShownMax) text += character;
  }
  return text;
}

export function watchKeys({ terminal, log, stop, words, named, env }: KeysOptions): { close(): void } {
  const { stdin } = process;
  if (!stdin.isTTY) return { close() {} };
  let typing: string | null = null;
  const onKey = async (bytes: Buffer): Promise<void> => {
    const key = bytes.toString('latin1').toLowerCase();
    if (typing !== null && key !== '\u0003') {
      typing = typed(typing, bytes.toString('utf8'), named);
      if (typing !== null) terminal.status(t('Your name: {typing}', { typing }));
      else terminal.clearStatus();
      return;
    }
    // Raw mode keeps Ctrl+C from the system, so it is ours to obey; the second one ends at once.
    if (key === '\u0003') process.kill(process.pid, 'SIGINT');
    else if (key === 'q' || key === '\u001b') stop();
    else if (key === 'n') {
      typing = '';
      terminal.status(t('Your name: {typing}', { typing }));
    } else if (key === 's') terminal.say(wordsLine(words()));
    else if (key === 'l' || key === 'a') terminal.lines(log(key === 'a'));
    else if (key === 'c' || key === 't') {
      const copied = await copyToClipboard(maskText(log(key === 'c')), env);
      terminal.say(
        copied ? t('Log copied, addresses masked.') : t('This system has no clipboard tool; A shows the log.'),
      );
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
