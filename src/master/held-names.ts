/**
 * Names that are held for the key that was listed under them first (`moderation.ts`), as rows of the record layer. The share of
 * one key is two names; where all are too many, the network that holds most loses its oldest.
 */
import { randomBytes } from 'node:crypto';
import { Table, type TableState, textHash } from '../core/index.ts';
import { SERVER_LIMITS } from './limits.ts';
import { bodyOf, type Records, rowsOf } from './records.ts';

export interface HeldName {
  readonly skeleton: string;
  /** Hex. */
  readonly hostKey: string;
  readonly seenAt: number;
  /** When this key took it. */
  readonly since: number;
  /** Whose share of all names it takes. */
  readonly network: string;
}

/** Without `since` it is from now on, or as long as it was. */
export type TakenName = Omit<HeldName, 'since'> & { readonly since?: number };

export interface HeldNames {
  holder(skeleton: string): HeldName | null;
  all(): IterableIterator<HeldName>;
  /** Called with each name that is taken, changes or is given up. */
  watch(changed: NameWatcher): void;
  hold(now: number, name: TakenName): void;
  /** Ends the holding of names that were not seen for too long. */
  prune(now: number): void;
  /** How many names are held, of how many that may be. */
  state(): TableState;
}

export type NameWatcher = (before: HeldName | null, after: HeldName | null) => void;

type Body = readonly [hostKey: string, seenAt: number, network: string, since: number];

const KIND = 'name';
/** A provider's IPv6 (/32) is as large as so many IPv4 networks (/24), as in `core/rate/shares.ts`. */
const PROVIDER_WEIGHT = 16;

/**
 * Nothing is kept here that the rows have already, for there may be 200,000: of the names of a key only hashes, by which the rows find them,
 * and those of a network are found by a tag of its rows, 32 bits, even for IPv4 and odd for IPv6.
 */
export function createHeldNames(records: Records): HeldNames {
  const secret = randomBytes(4).readInt32LE();
  const namesOfKey = new Table<string, number | readonly number[]>(
    (hostKey) => textHash(secret, hostKey),
    (hashes, hostKey) => namesWith(hashes, hostKey).length > 0,
  );
  let evicted = 0;
  let changed: NameWatcher | null = null;
  for (const { key, body } of rowsOf<Body>(records, KIND)) {
    enter(key, body[0]);
    records.tag(KIND, key, tagOf(body[2]));
  }

  function tagOf(network: string): number {
    return ((textHash(secret, network) & ~1) | (network.startsWith('6:') ? 1 : 0)) >>> 0;
  }

  function keyOf(skeleton: string): string | undefined {
    return bodyOf<Body>(records, KIND, skeleton)?.[0];
  }

  /** Two names may share a hash, one of them another key's. */
  function namesWith(hashes: number | readonly number[], hostKey: string): readonly string[] {
    const names = [hashes].flat().flatMap((hash) => records.keysWith(KIND, hash));
    return names.filter((skeleton) => keyOf(skeleton) === hostKey);
  }

  /** After the row is there, by which the table tells keys apart. */
  function enter(skeleton: string, hostKey: string): void {
    const [hash, known] = [records.hashOf(KIND, skeleton), namesOfKey.get(hostKey)];
    namesOfKey.set(hostKey, known === undefined ? hash : [...[known].flat(), hash]);
  }

  /** Before the row is gone or another's. */
  function leave(skeleton: string, hostKey: string): void {
    const gone = records.hashOf(KIND, skeleton);
    const others = [namesOfKey.get(hostKey) ?? []].flat().filter((other) => other !== gone);
    if (others.length > 0) namesOfKey.set(hostKey, others.length === 1 ? (others[0] as number) : others);
    else namesOfKey.delete(hostKey);
  }

  function drop(now: number, skeletons: readonly string[]): void {
    if (skeletons.length === 0) return;
    records.batch(() => {
      for (const skeleton of skeletons) {
        const body = bodyOf<Body>(records, KIND, skeleton);
        if (body === null) continue;
        leave(skeleton, body[0]);
        records.remove(now, KIND, skeleton, 'later');
        changed?.(nameOf(skeleton, body), null);
      }
    });
  }

  function seenAt(skeleton: string): number {
    return bodyOf<Body>(records, KIND, skeleton)?.[1] ?? 0;
  }

  /** Of the key's names those beyond its share, the oldest; of two seen at once, the one just taken stays. */
  function surplusOf(hostKey: string, taken: string): readonly string[] {
    const names = namesWith(namesOfKey.get(hostKey) ?? [], hostKey);
    if (names.length <= SERVER_LIMITS.namesPerKeyMax) return [];
    const newestFirst = names.toSorted(
      (left, right) => seenAt(right) - seenAt(left) || Number(right === taken) - Number(left === taken),
    );
    return newestFirst.slice(SERVER_LIMITS.namesPerKeyMax);
  }

  function oldestOfLargestNetwork(): readonly string[] {
    const counts = new Map<number, number>();
    records.find(KIND, (_, tag) => counts.set(tag, (counts.get(tag) ?? 0) + 1) === null);
    let [largest, most] = [0, 0];
    for (const [tag, count] of counts) {
      const size = count / ((tag & 1) === 1 ? PROVIDER_WEIGHT : 1);
      if (size > most) [largest, most] = [tag, size];
    }
    const oldestFirst = records.find(KIND, (_, tag) => tag === largest).toSorted((left, right) => left.at - right.at);
    const some = Math.min(SERVER_LIMITS.namesDroppedAtOnce, Math.ceil(oldestFirst.length / 2));
    return oldestFirst.slice(0, some).map(({ key }) => key);
  }

  return {
    holder(skeleton) {
      const held = bodyOf<Body>(records, KIND, skeleton);
      return held === null ? null : nameOf(skeleton, held);
    },
    *all() {
      for (const { key, body } of rowsOf<Body>(records, KIND)) yield nameOf(key, body);
    },
    watch(watcher) {
      changed = watcher;
    },
    hold(now, name) {
      const { skeleton, hostKey, seenAt, network } = name;
      const old = bodyOf<Body>(records, KIND, skeleton);
      if (old !== null) leave(skeleton, old[0]);
      const since = name.since ?? (old?.[0] === hostKey ? old[3] : seenAt);
      const body: Body = [hostKey, seenAt, network, since];
      // First of all: a process that is killed before the others are gone has some too many, until the next one is taken.
      const urgency = old?.[0] === hostKey ? 'later' : 'soon';
      records.put(now, KIND, skeleton, JSON.stringify(body), urgency, { at: seenAt, tag: tagOf(network) });
      enter(skeleton, hostKey);
      changed?.(old === null ? null : nameOf(skeleton, old), nameOf(skeleton, body));
      drop(now, surplusOf(hostKey, skeleton));
      if (records.size(KIND) <= SERVER_LIMITS.namesMax) return;
      const oldest = oldestOfLargestNetwork();
      drop(now, oldest);
      evicted += oldest.length;
    },
    prune(now) {
      const over = records.find(KIND, (at) => at < now - SERVER_LIMITS.nameHeldMs);
      drop(
        now,
        over.map(({ key }) => key),
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

function nameOf(skeleton: string, [hostKey, seenAt, network, since]: Body): HeldName {
  return { skeleton, hostKey, seenAt, network, since };
}
