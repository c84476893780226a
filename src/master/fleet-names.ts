/**
 * The names that are held in a fleet: each node's own copy, and how two copies become one. Of two keys that took one name while their
 * nodes could not hear each other the one that took it first keeps it, unless it was not seen for the term before the other took it.
 * News go to all as they come; whoever has missed some finds by the sums of its rows in which parts the copies differ.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { textHash } from '../core/index.ts';
import type { HeldName } from './held-names.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { Store } from './store.ts';

const BUCKETS = SERVER_LIMITS.fleetNameBuckets;
const TEXT = 256;

export const heldNameSchema = z.object({
  skeleton: z.string().min(1).max(TEXT),
  hostKey: z.string().regex(/^[0-9a-f]{64}$/),
  seenAt: z.int().min(0),
  since: z.int().min(0),
  network: z.string().max(TEXT),
});

export class FleetNames {
  private readonly store: Pick<Store, 'heldNames' | 'watchNames' | 'holdName' | 'names' | 'nameHolder' | 'batch'>;
  /** Of each bucket, all its rows: whose they are and since when. When they were seen last is no difference. */
  private readonly sums = new Uint32Array(BUCKETS);
  /** Changed here, and not told yet. */
  private readonly dirty = new Set<string>();
  private merging = false;
  private known: string | null = null;

  constructor(store: FleetNames['store']) {
    this.store = store;
    for (const name of store.heldNames()) this.sum(name);
    store.watchNames((before, after) => {
      if (before !== null) this.sum(before);
      if (after === null) return;
      this.sum(after);
      if (!this.merging && this.dirty.size < SERVER_LIMITS.fleetNamesAnswerMax) this.dirty.add(after.skeleton);
    });
  }

  /** The same for two nodes that hold the same. */
  digest(): string {
    this.known ??= createHash('sha256').update(this.sums).digest('hex').slice(0, 16);
    return this.known;
  }

  told(): string {
    return Buffer.from(this.sums.buffer).toString('base64');
  }

  /** Rows of the parts in which whoever told these sums has others; what there is no room for comes the next time. */
  missing(told: string, random: () => number): readonly HeldName[] {
    const theirs = Buffer.from(told, 'base64');
    if (theirs.length !== 4 * BUCKETS) return [];
    const differs = Array.from(this.sums, (sum, bucket) => sum !== theirs.readUInt32LE(4 * bucket));
    const rows: HeldName[] = [];
    for (const name of this.store.heldNames()) if (differs[bucketOf(name.skeleton)] === true) rows.push(name);
    // Whoever is asked again begins elsewhere.
    const from = Math.floor(random() * rows.length);
    return [...rows.slice(from), ...rows.slice(0, from)].slice(0, SERVER_LIMITS.fleetNamesAnswerMax);
  }

  /** What has changed here since this was asked last. */
  news(): readonly HeldName[] {
    const rows = [...this.dirty].flatMap((skeleton) => this.store.nameHolder(skeleton) ?? []);
    this.dirty.clear();
    return rows;
  }

  /** What another node holds. */
  merge(names: readonly HeldName[], now: number): void {
    const news = names.filter((name) => now - name.seenAt <= SERVER_LIMITS.nameHeldMs && this.isNews(name));
    if (news.length === 0) return;
    this.merging = true;
    this.store.batch(() => {
      for (const name of news) this.store.holdName(name);
    });
    this.merging = false;
  }

  private isNews(name: HeldName): boolean {
    const held = this.store.nameHolder(name.skeleton);
    // A row of another node pushes none of ours out.
    if (held === null) return this.store.names().size < SERVER_LIMITS.namesMax;
    if (held.hostKey !== name.hostKey) return isHolder(name, held);
    return name.seenAt > held.seenAt || name.since < held.since;
  }

  private sum(name: HeldName): void {
    this.known = null;
    const bucket = bucketOf(name.skeleton);
    const row = textHash(1, `${name.skeleton}\n${name.hostKey}\n${name.since}`);
    this.sums[bucket] = ((this.sums[bucket] ?? 0) ^ row) >>> 0;
  }
}

function bucketOf(skeleton: string): number {
  return (textHash(0, skeleton) >>> 0) % BUCKETS;
}

/** Of two keys: does the first hold the name? Each node finds the same, whichever it heard first. */
function isHolder(name: HeldName, other: HeldName): boolean {
  if (other.seenAt + SERVER_LIMITS.nameHeldMs < name.since) return true;
  if (name.seenAt + SERVER_LIMITS.nameHeldMs < other.since) return false;
  return name.since - other.since < 0 || (name.since === other.since && name.hostKey < other.hostKey);
}
