/** Five pairs of networks, from what goes by itself to what does not go at all. Their sentences are in the catalogue. */
import type { SimClassId } from '../../sim/index.ts';
import { type PlayRun, run } from './run.ts';

export const CHAPTERS = ['home', 'counts', 'both', 'random', 'shut'] as const;
export type Chapter = (typeof CHAPTERS)[number];

/** Friend and host. `test/unit/playground.test.ts` holds that they meet in the way of which the sentences tell. */
const PAIRS: Readonly<Record<Chapter, readonly [client: SimClassId, host: SimClassId]>> = {
  home: ['P3', 'P3'],
  counts: ['S2', 'P3'],
  both: ['S2', 'S2'],
  random: ['S4', 'P3'],
  shut: ['X', 'P3'],
};

export function tell(chapter: Chapter): PlayRun {
  const [client, host] = PAIRS[chapter];
  return run({ client, host, seed: 2, lossRate: 0, delayMs: 20 });
}
