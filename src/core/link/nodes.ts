/**
 * What a participant knows of the nodes of its fleet: the newest list, and the one before it while that has not expired. Hosts are at the
 * nodes of both, and are asked for at both, so it makes no difference who has heard of a change first.
 */
import type { Instant } from '../contract.ts';
import { FLEET_LIMITS } from '../fleet/limits.ts';
import { orderOf } from '../fleet/order.ts';
import { sameRealm } from '../scope.ts';
import type { NodeList, NodePlace } from '../wire/nodes.ts';

interface Held {
  readonly serial: number;
  readonly expiresInMs: number;
  readonly places: ReadonlyMap<string, NodePlace>;
  until: Instant;
}

export class Nodes {
  private newest: Held | null = null;
  private before: Held | null = null;

  get known(): boolean {
    return this.newest !== null;
  }

  get serial(): number {
    return this.newest?.serial ?? 0;
  }

  /** False where it says nothing new. `master`: an address of the node that has told it, for whom none is inside our network. */
  learn(now: Instant, list: NodeList, master: string): boolean {
    if (list.serial <= this.serial) return false;
    const places = new Map<string, NodePlace>();
    for (const place of list.nodes) {
      const addresses = [...new Set(place.addresses)].filter((address) => sameRealm(master, address));
      if (place.name !== '' && place.port > 0 && addresses.length > 0) places.set(place.name, { ...place, addresses });
    }
    if (places.size === 0) return false;
    if (this.newest !== null) this.newest.until = now + this.newest.expiresInMs;
    this.before = this.newest;
    const { serial, expiresInMs } = list;
    this.newest = { serial, expiresInMs, places, until: Number.POSITIVE_INFINITY };
    return true;
  }

  place(name: string): NodePlace | null {
    return this.newest?.places.get(name) ?? this.before?.places.get(name) ?? null;
  }

  /** For each list that counts, the nodes of this code in their order, as far as anybody goes. */
  orders(now: Instant, code: string): readonly (readonly string[])[] {
    const lists = [this.newest, this.before !== null && now < this.before.until ? this.before : null];
    return lists.flatMap((list) =>
      list === null
        ? []
        : [orderOf(code, [...list.places.keys()]).slice(0, code === '' ? undefined : FLEET_LIMITS.walkMax)],
    );
  }

  /** Who is asked for the host with this code; every node, where no code is known. */
  candidates(now: Instant, code: string): readonly string[] {
    return [...new Set(this.orders(now, code).flat())];
  }
}
