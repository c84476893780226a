/** Programs of ours that run on this computer, asked over their local interface. */
import type { LocalState } from '../app/local-api.ts';
import { type LiveProgram, running } from '../app/token-file.ts';
import { CLI_LIMITS } from './limits.ts';

/** A program that answers, and its document. */
export interface Program {
  readonly file: LiveProgram;
  readonly state: LocalState;
}

/** Those that answer, the oldest first; what is left of the others is removed. */
export async function programs(stateDirectory: string): Promise<readonly Program[]> {
  const asked = running(stateDirectory).map(async (file): Promise<readonly Program[]> => {
    try {
      const answer = await askProgram(file, '/v1/state');
      if (answer.status === 401) throw new Error('another program has its port');
      return [{ file, state: (await answer.json()) as LocalState }];
    } catch (error) {
      // Slow is not dead: whoever does not answer in time keeps its file.
      if ((error as Error).name !== 'TimeoutError') file.forget();
      return [];
    }
  });
  return (await Promise.all(asked)).flat();
}

/** With a body it is a command. Rejects where there is no answer, or none in time. */
export function askProgram({ url, token }: LiveProgram, path: string, body?: object): Promise<Response> {
  return fetch(`${url}${path}`, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(CLI_LIMITS.ctlAnswerMs),
    redirect: 'error',
  });
}
