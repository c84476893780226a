/**
 * Names that are held for the key that was listed under them first (`moderation.ts`), as rows of the record layer. The share of
 * one key is two names; where all are too many, the network that holds most loses its oldest.
 */
import type { TableState } from '../core/index.ts';
import { SERVER_LIMITS } from './limits.ts';
import { bodyOf, type Records, rowsOf } from './records.ts';

export interface HeldName {
  readonly skeleton: string;
  /** Hex. */
  readonly hostKey: string;
  readonly seenAt: number;
  /** Whose share of all names it takes. */
  readonly network: string;
}

export interface HeldNames {
  holder(skeleton: string): { readonly hostKey: string; readonly seenAt: number } | null;
  hold(now: number, name: HeldName): void;
  /** Ends the holding of names that were not seen for too long. */
  prune(now: number): void;
  /** How many names are held, of how many that may be. */
  state(): TableState;
}

type Body = readonly [hostKey: string, seenAt: number, network: string];

const KIND = 'name';
/** A provider's IPv6 (/32) is as large as so many IPv4 networks (/24), as in `core/rate/shares.ts`. */
const PROVIDER_WEIGHT = 16;

export function createHeldNames(records: Records): HeldNames {
  const namesOfKey = new Map<string, readonly string[]>();
  /** With when each was seen, so that neither a full table nor the cleaning reads 200,000 rows. */
  const namesOfNetwork = new Map<string, Map<string, number>>();
  let evicted = 0;
  for (const { key, body } of rowsOf<Body>(records, KIND)) enter(key, body);

  function enter(skeleton: string, [hostKey, seenAt, network]: Body): void {
    namesOfKey.set(hostKey, [...(namesOfKey.get(hostKey) ?? []), skeleton]);
    const names = namesOfNetwork.get(network);
    if (names === undefined) namesOfNetwork.set(network, new Map([[skeleton, seenAt]]));
    else names.set(skeleton, seenAt);
  }

  function leave(skeleton: string, [hostKey, , network]: Body): void {
    const others = (namesOfKey.get(hostKey) ?? []).filter((other) => other !== skeleton);
    if (others.length > 0) namesOfKey.set(hostKey, others);
    else namesOfKey.delete(hostKey);
    const names = namesOfNetwork.get(network);
    names?.delete(skeleton);
    if (names?.size === 0) namesOfNetwork.delete(network);
  }

  function drop(now: number, skeletons: readonly string[]): void {
    if (skeletons.length === 0) return;
    records.batch(() => {
      for (const skeleton of skeletons) {
        const body = bodyOf<Body>(records, KIND, skeleton);
        if (body === null) continue;
        leave(skeleton, body);
        records.remove(now, KIND, skeleton, 'later');
      }
    });
  }

  function seenAt(skeleton: string): number {
    return bodyOf<Body>(records, KIND, skeleton)?.[1] ?? 0;
  }

  /** Of the key's names those beyond its share, the oldest; of two seen at once, the one just taken stays. */
  function surplusOf(hostKey: string, taken: string): readonly string[] {
    const names = namesOfKey.get(hostKey) ?? [];
    if (names.length <= SERVER_LIMITS.namesPerKeyMax) return [];
    const newestFirst = names.toSorted(
      (left, right) => seenAt(right) - seenAt(left) || Number(right === taken) - Number(left === taken),
    );
    return newestFirst.slice(SERVER_LIMITS.namesPerKeyMax);
  }

  function oldestOfLargestNetwork(): readonly string[] {
    let [largest, most] = ['', 0];
    for (const [network, names] of namesOfNetwork) {
      const size = names.size / (network.startsWith('6:') ? PROVIDER_WEIGHT : 1);
      if (size > most) [largest, most] = [network, size];
    }
    const oldestFirst = [...(namesOfNetwork.get(largest) ?? [])].sort(([, left], [, right]) => left - right);
    const some = Math.min(SERVER_LIMITS.namesDroppedAtOnce, Math.ceil(oldestFirst.length / 2));
    return oldestFirst.slice(0, some).map(([skeleton]) => skeleton);
  }

  return {
    holder(skeleton) {
      const held = bodyOf<Body>(records, KIND, skeleton);
      return held === null ? null : { hostKey: held[0], seenAt: held[1] };
    },
    hold(now, { skeleton, hostKey, seenAt, network }) {
      const old = bodyOf<Body>(records, KIND, skeleton);
      if (old !== null) leave(skeleton, old);
      const body: Body = [hostKey, seenAt, network];
      // First of all: a process that is killed before the others are gone has some too many, until the next one is taken.
      records.put(now, KIND, skeleton, JSON.stringify(body), old?.[0] === hostKey ? 'later' : 'soon');
      enter(skeleton, body);
      drop(now, surplusOf(hostKey, skeleton));
      if (records.size(KIND) <= SERVER_LIMITS.namesMax) return;
      const oldest = oldestOfLargestNetwork();
      drop(now, oldest);
      evicted += oldest.length;
    },
    prune(now) {
      const networks = [...namesOfNetwork.values()];
      const over = networks.flatMap((names) => [...names].filter(([, at]) => at < now - SERVER_LIMITS.nameHeldMs));
      drop(
        now,
        over.map(([skeleton]) => skeleton),
      );
    },
    state() {
      const { namesMax, newNameRates } = SERVER_LIMITS;
      return {
        name: 'names',
        size: records.size(KIND),
        max: namesMax,
        perAddress: newNameRates.narrow.burst,
        evicted,
      };
    },
  };
}
