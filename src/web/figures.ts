/** What the pings and losses of friends have been over the last minutes, for the curves of the Host screen. */
import { signal } from '@preact/signals';
import { local } from './local.ts';

export interface PastFigures {
  readonly rttMs: readonly (number | null)[];
  readonly loss: readonly (number | null)[];
}

/** As often as the program brings new ones (APP_LIMITS.figuresMs), for four minutes. */
const SAMPLE_MS = 2_000;
const SAMPLES_MAX = 120;

/** By friend and instance; of those that are in the document. */
export const figures = signal<ReadonlyMap<string, PastFigures>>(new Map());

export function figuresKey(friend: { readonly friend: string; readonly instance: string }): string {
  return `${friend.friend}/${friend.instance}`;
}

export function startFigures(): void {
  setInterval(() => {
    const friends = local.peek()?.hosting?.friends ?? [];
    if (friends.length === 0 && figures.peek().size === 0) return;
    const before = figures.peek();
    figures.value = new Map(
      friends.map((friend) => {
        const { rttMs = [], loss = [] } = before.get(figuresKey(friend)) ?? {};
        return [figuresKey(friend), { rttMs: last([...rttMs, friend.rttMs]), loss: last([...loss, friend.loss]) }];
      }),
    );
  }, SAMPLE_MS);
}

function last<Value>(values: readonly Value[]): readonly Value[] {
  return values.slice(-SAMPLES_MAX);
}
