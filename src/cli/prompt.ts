/** A password typed at a terminal: nothing of it is shown, nor kept by the shell. */
import type { Readable, Writable } from 'node:stream';
import { usage } from '../node/failure.ts';
import { t } from './words/index.ts';

interface PromptStreams {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown };
  readonly output: Writable & { readonly isTTY?: boolean };
}

const STREAMS: PromptStreams = { input: process.stdin, output: process.stderr };
/** A terminal that holds a key down types no password. */
const TYPED_MAX = 1_024;

/** Somebody sits there who can be asked. */
export function canPrompt({ input, output }: PromptStreams = STREAMS): boolean {
  return input.isTTY === true && output.isTTY === true;
}

/** Null where the person has ended it (Escape, Ctrl+D), or `signal` has; Ctrl+C goes to the process, as without us. */
export function promptSecret(
  question: string,
  signal: AbortSignal,
  { input, output }: PromptStreams = STREAMS,
): Promise<string | null> {
  return new Promise((resolve) => {
    let typed = '';
    const end = (answer: string | null): void => {
      input.off('data', onKeys);
      signal.removeEventListener('abort', onAbort);
      input.setRawMode?.(false);
      input.pause();
      output.write('\n');
      resolve(answer);
    };
    const onAbort = (): void => end(null);
    const onKeys = (bytes: Buffer | string): void => {
      for (const key of String(bytes)) {
        if (key === '\r' || key === '\n') {
          end(typed);
          return;
        }
        if (key === '\u0003') {
          process.kill(process.pid, 'SIGINT');
          return;
        }
        if (key === '\u001b' || key === '\u0004') {
          end(null);
          return;
        }
        if (key === '\u007f' || key === '\b') typed = [...typed].slice(0, -1).join('');
        else if (typed.length < TYPED_MAX) typed += key;
      }
    };
    if (signal.aborted) {
      resolve(null);
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    output.write(question);
    input.setRawMode?.(true);
    input.on('data', onKeys);
    input.resume();
  });
}

/** What was typed; a failure of usage where there is no terminal, or nothing was. */
export async function askPassword(question: string, signal: AbortSignal): Promise<string> {
  if (!canPrompt()) throw usage(t('--password asks at a terminal, and there is none here: use --password-file.'));
  const password = await promptSecret(question, signal);
  if (password === null || password === '') throw usage(t('No password was typed.'));
  return password;
}
