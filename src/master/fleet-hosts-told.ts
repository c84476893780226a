/**
 * What a node tells the others of its hosts: the changes of each second as one word, numbered. Whoever has missed some is told what has
 * changed since, from a journal of the newest changes; whoever has missed more, or has just come, is told everything, a bucket of hosts
 * after the other, with the changes in between. All hear every answer, so it is given once however many ask.
 */
import { textHash } from '../core/index.ts';
import type { HostsWord } from './fleet-words.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { ListedEntry } from './snapshot.ts';

/** The same at every node. */
export function bucketOf(hostId: string): number {
  return (textHash(0, hostId) >>> 0) % SERVER_LIMITS.fleetHostBuckets;
}

export interface HostsToldParts {
  readonly name: string;
  readonly instance: string;
  /** Null: it is not ours to tell of this host, or it is gone. */
  entry(hostId: string): ListedEntry | null;
  /** Dropped while nothing carries it. */
  say(word: HostsWord): void;
}

export class HostsTold {
  private readonly parts: HostsToldParts;
  private readonly told = Array.from({ length: SERVER_LIMITS.fleetHostBuckets }, () => new Set<string>());
  /** Those to look at again. */
  private readonly dirty = new Set<string>();
  /** The number of the word that told the newest change of a host, the oldest first. */
  private readonly journal = new Map<string, number>();
  /** Up to this number the journal does not know what has changed. */
  private floor = 0;
  private asked: number | null = null;
  /** Everything is told: the bucket that comes next, and whether it is to be told once more. */
  private telling: { readonly next: number; readonly again: boolean } | null = null;
  private words = 0;

  constructor(parts: HostsToldParts) {
    this.parts = parts;
  }

  /** How many words there were so far. */
  get seq(): number {
    return this.words;
  }

  look(hostId: string): void {
    this.dirty.add(hostId);
  }

  /** Somebody has heard our words up to this one. */
  ask(after: number): void {
    this.asked = Math.min(this.asked ?? after, after);
  }

  /** The changes since. */
  flush(): void {
    let changed: [string, ListedEntry][] = [];
    let gone: string[] = [];
    const say = (): void => {
      if (changed.length + gone.length === 0) return;
      for (const hostId of [...changed.map(([id]) => id), ...gone]) this.note(hostId, this.words + 1);
      this.say({ base: this.words, seq: this.words + 1, range: null, changed, gone });
      [changed, gone] = [[], []];
    };
    for (const hostId of this.dirty) {
      const entry = this.parts.entry(hostId);
      const bucket = this.told[bucketOf(hostId)];
      if (entry !== null) {
        bucket?.add(hostId);
        changed.push([hostId, entry]);
      } else if (bucket?.delete(hostId) === true) gone.push(hostId);
      if (changed.length + gone.length >= SERVER_LIMITS.fleetHostsAtOnce) say();
    }
    this.dirty.clear();
    say();
  }

  /** What was asked for, a little at a time. */
  work(): void {
    if (this.asked !== null) {
      if (this.asked >= this.floor) this.repeat(this.asked);
      else this.telling = { next: this.telling?.next ?? 0, again: this.telling !== null };
      this.asked = null;
    }
    if (this.telling === null) return;
    const { next: from, again } = this.telling;
    const changed: [string, ListedEntry][] = [];
    let to = from;
    for (; to < this.told.length && changed.length < SERVER_LIMITS.fleetHostsAtOnce; to++) {
      for (const hostId of this.told[to] ?? []) {
        const entry = this.parts.entry(hostId);
        if (entry !== null) changed.push([hostId, entry]);
      }
    }
    this.say({ base: this.words, seq: this.words + 1, range: [from, to], changed, gone: [] });
    if (to < this.told.length) this.telling = { next: to, again };
    else this.telling = again ? { next: 0, again: false } : null;
  }

  /** All that has changed behind this number, in words that each say up to where. */
  private repeat(after: number): void {
    let base = after;
    let ids: string[] = [];
    let last = after;
    const say = (seq: number): void => {
      const entries = ids.map((hostId) => [hostId, this.parts.entry(hostId)] as const);
      const changed = entries.flatMap(([hostId, entry]) => (entry === null ? [] : [[hostId, entry] as const]));
      const gone = entries.flatMap(([hostId, entry]) => (entry === null ? [hostId] : []));
      this.say({ base, seq, range: null, changed: changed.map(([id, entry]) => [id, entry]), gone });
      base = seq;
      ids = [];
    };
    for (const [hostId, at] of this.journal) {
      if (at <= after) continue;
      if (ids.length >= SERVER_LIMITS.fleetHostsAtOnce && at !== last) say(last);
      ids.push(hostId);
      last = at;
    }
    if (base < this.words) say(this.words);
  }

  private note(hostId: string, at: number): void {
    this.journal.delete(hostId);
    this.journal.set(hostId, at);
    for (const [oldest, number] of this.journal) {
      if (this.journal.size <= SERVER_LIMITS.fleetJournalMax) break;
      this.journal.delete(oldest);
      this.floor = number;
    }
  }

  private say(word: Omit<HostsWord, 'say' | 'name' | 'instance'>): void {
    this.words = Math.max(this.words, word.seq);
    const { name, instance } = this.parts;
    this.parts.say({ say: 'hosts', name, instance, ...word });
  }
}
