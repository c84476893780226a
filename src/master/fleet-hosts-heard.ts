/**
 * The hosts that are registered at other nodes, as those tell. A host is at two nodes: both may tell of it, and what counts is the newer
 * generation, and of the same what the earlier in the order of its code says, as long as that node is there. A node that starts anew is another one here: what its last run told counts
 * for nothing beside what anybody else tells, and is forgotten when its hosts would have been. No time that a node gives decides anything.
 */
import { type HostRecord, orderOf } from '../core/index.ts';
import { bucketOf } from './fleet-hosts-told.ts';
import type { HostsWord } from './fleet-words.ts';
import { SERVER_LIMITS } from './limits.ts';
import { type ListedHost, readEntry } from './snapshot.ts';

/** Of all that are remembered at most: with fewer there is room for those that were refused. Not one by one, or all would be told each time. */
const ROOM = 0.95;

/** A run of a node, and how far its words have been heard. */
interface View {
  readonly name: string;
  readonly instance: string;
  heardAt: number;
  /** Heard of within seconds, and none of that name has started since. */
  here: boolean;
  replaced: boolean;
  /** All its words up to this one were heard; it has said so many. */
  seq: number;
  said: number;
  /** Of a telling of everything: up to before which bucket it has come, and the number of its newest word. */
  all: { to: number; seq: number } | null;
  /** There was no room for some of its hosts. */
  lacks: boolean;
}

/** What one node tells of one host. Nearly every host has only one. */
export class Told implements ListedHost {
  readonly by: View;
  readonly host: HostRecord;
  readonly firstSeenAt: number;
  readonly verifiedAt: number | null;
  next: Told | null;

  constructor(by: View, { host, firstSeenAt, verifiedAt }: ListedHost, next: Told | null) {
    this.by = by;
    this.host = host;
    this.firstSeenAt = firstSeenAt;
    this.verifiedAt = verifiedAt;
    this.next = next;
  }
}

export interface HostsHeardParts {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Hosts that are remembered at most. */
  readonly hostsMax: number;
  /** What is said of this host is another thing than before. */
  changed(hostId: string): void;
}

export class HostsHeard {
  private readonly parts: HostsHeardParts;
  private readonly buckets = Array.from({ length: SERVER_LIMITS.fleetHostBuckets }, () => new Map<string, Told>());
  /** By instance. */
  private readonly views = new Map<string, View>();
  private count = 0;

  constructor(parts: HostsHeardParts) {
    this.parts = parts;
  }

  get size(): number {
    return this.count;
  }

  /** Of every node that is there we have heard everything, and there was room for it. */
  get whole(): boolean {
    for (const { here, seq, said, lacks } of this.views.values()) if (here && (lacks || seq < said)) return false;
    return true;
  }

  /** The node is there, and has said so many words. Null where we have heard them, else up to which. */
  here(name: string, instance: string, said: number): number | null {
    const view = this.views.get(instance) ?? this.enter(name, instance);
    if (view === null || view.replaced) return null;
    const back = !view.here;
    view.heardAt = this.parts.now();
    view.said = said;
    view.here = true;
    if (back) this.tellAll(view);
    if (view.lacks && this.count <= this.parts.hostsMax * ROOM) {
      // There is room again for what there was none for: all is asked for once more.
      view.lacks = false;
      view.seq = 0;
    }
    if (view.seq >= said || view.all?.seq === said) return null;
    view.all = null;
    return view.seq;
  }

  private enter(name: string, instance: string): View | null {
    if (this.views.size >= 2 * SERVER_LIMITS.membersMax) return null;
    for (const other of this.views.values()) {
      if (other.name !== name) continue;
      other.replaced = true;
      this.leave(other);
    }
    const at = this.parts.now();
    const view = { name, instance, heardAt: at, here: true, replaced: false, seq: 0, said: 0, all: null, lacks: false };
    this.views.set(instance, view);
    return view;
  }

  private leave(view: View): void {
    if (!view.here) return;
    view.here = false;
    this.tellAll(view);
  }

  private tellAll(view: View): void {
    for (const [hostId] of this.toldBy(view)) this.parts.changed(hostId);
  }

  /** Nodes that have fallen silent: others tell of their hosts, and in the end those are gone. */
  sweep(): void {
    for (const view of [...this.views.values()]) {
      const silentMs = this.parts.now() - view.heardAt;
      if (silentMs > SERVER_LIMITS.fleetSeenMs) this.leave(view);
      if (silentMs <= SERVER_LIMITS.hostExpiryMs) continue;
      this.views.delete(view.instance);
      for (const [hostId, bucket] of this.toldBy(view)) this.drop(bucket, hostId, view);
    }
  }

  hear(word: HostsWord): void {
    const view = this.views.get(word.instance);
    if (view === undefined || view.replaced || !this.follows(view, word)) return;
    this.take(view, word);
    if (view.all?.to !== this.buckets.length) return;
    view.seq = view.all.seq;
    view.all = null;
  }

  /** Does it go on where we are? What does not is asked for when the node says next how many words there were. */
  private follows(view: View, { base, seq, range }: HostsWord): boolean {
    const { all } = view;
    if (seq <= Math.max(view.seq, all?.seq ?? 0)) return false;
    if (base <= view.seq) {
      view.seq = seq;
      view.all = null;
      return true;
    }
    if (range?.[0] === 0) {
      view.all = { to: range[1], seq };
      return true;
    }
    const goesOn = all !== null && base === all.seq && (range === null || range[0] === all.to);
    view.all = goesOn ? { to: range?.[1] ?? all.to, seq } : null;
    return goesOn;
  }

  private take(view: View, { range, changed, gone }: HostsWord): void {
    const named = new Set<string>();
    for (const [hostId, entry] of changed) {
      named.add(hostId);
      const known = readEntry(hostId, entry);
      if (known !== null) this.put(hostId, known, view);
    }
    for (const hostId of gone) this.drop(this.bucket(hostId), hostId, view);
    if (range === null) return;
    for (const bucket of this.buckets.slice(...range))
      for (const hostId of [...bucket.keys()]) if (!named.has(hostId)) this.drop(bucket, hostId, view);
  }

  private *toldBy(view: View): Generator<[hostId: string, bucket: Map<string, Told>]> {
    for (const bucket of this.buckets)
      for (const [hostId, first] of [...bucket]) if (isIn(first, view)) yield [hostId, bucket];
  }

  /** What counts of this host. */
  of(hostId: string): Told | null {
    const first = this.bucket(hostId).get(hostId) ?? null;
    let best = first;
    for (let told = first?.next ?? null; told !== null; told = told.next)
      if (best === null || isBefore(told, best)) best = told;
    return best;
  }

  /**
   * Does a node that is there tell of the host under a newer generation than ours, or under the same and earlier in the order of its code?
   * Left out: it is not here.
   */
  isToldBefore(self: string, hostId: string, generation = -1): boolean {
    const told = this.of(hostId);
    if (told?.by.here !== true) return false;
    if (told.host.generation !== generation) return told.host.generation > generation;
    return orderOf(told.host.code, [told.by.name, self])[0] === told.by.name;
  }

  private bucket(hostId: string): Map<string, Told> {
    return this.buckets[bucketOf(hostId)] as Map<string, Told>;
  }

  private put(hostId: string, known: ListedHost, view: View): void {
    const bucket = this.bucket(hostId);
    if (!bucket.has(hostId)) {
      if (this.count >= this.parts.hostsMax) {
        view.lacks = true;
        return;
      }
      this.count += 1;
    }
    bucket.set(hostId, new Told(view, known, without(bucket.get(hostId) ?? null, view)));
    this.parts.changed(hostId);
  }

  private drop(bucket: Map<string, Told>, hostId: string, view: View): void {
    const known = bucket.get(hostId) ?? null;
    if (!isIn(known, view)) return;
    const left = without(known, view);
    if (left !== null) bucket.set(hostId, left);
    else {
      bucket.delete(hostId);
      this.count -= 1;
    }
    this.parts.changed(hostId);
  }
}

function isBefore(left: Told, right: Told): boolean {
  if (left.by.here !== right.by.here) return left.by.here;
  if (left.host.generation !== right.host.generation) return left.host.generation > right.host.generation;
  return orderOf(left.host.code, [left.by.name, right.by.name])[0] === left.by.name;
}

function isIn(first: Told | null, view: View): boolean {
  for (let told = first; told !== null; told = told.next) if (told.by === view) return true;
  return false;
}

/** The same without what this node tells: a handful long at most. */
function without(first: Told | null, view: View): Told | null {
  if (first === null || first.by === view) return first?.next ?? null;
  for (let told = first; told.next !== null; told = told.next) {
    if (told.next.by !== view) continue;
    told.next = told.next.next;
    break;
  }
  return first;
}
