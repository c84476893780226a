/** Questions to the system's resolver, which may take longer than anybody waits for. */
import { lookup } from 'node:dns/promises';
import { LIMITS } from '../core/index.ts';
import { NODE_LIMITS } from './limits.ts';

type Ask<Key extends readonly (string | number)[]> = (...key: Key) => Promise<readonly string[]>;

/**
 * A question that is under way is not asked once more, and an answer that comes late is kept for whoever asks next. A first name server that
 * is dead takes five seconds of each question (resolv.conf(5), `timeout`): who waits for two and then asks anew would never have an answer.
 */
export function askingOnce<Key extends readonly (string | number)[]>(ask: Ask<Key>): Ask<Key> {
  const asked = new Map<string, Promise<readonly string[]>>();
  return (...key) => {
    const name = key.join(' ');
    const before = asked.get(name);
    if (before !== undefined) return before;
    const since = performance.now();
    const forget = (): boolean => asked.delete(name);
    const question = ask(...key);
    asked.set(name, question);
    question.then(() => {
      if (performance.now() - since < LIMITS.nameLookupMs) forget();
      else setTimeout(forget, NODE_LIMITS.lateAnswerKeptMs).unref();
    }, forget);
    return question;
  };
}

/** All addresses of one family; rejects where there are none. */
export const askSystem = askingOnce(async (host: string, family: 4 | 6) =>
  (await lookup(host, { all: true, family })).map(({ address }) => address),
);
