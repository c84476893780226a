/**
 * Realms (the internet, a carrier's network, a LAN) and what is attached to them. A packet crosses one realm at a time: out of
 * one attachment's line, over the routers between, in through the other's. TTL counts at every router and every gateway.
 */
import type { OneWayLink } from './link.ts';
import { type IcmpKind, IP_UDP_HEADER_BYTES, type Packet, withTtl } from './packet.ts';
import type { SimRandom } from './random.ts';

/** What the network needs of the world around it. */
export interface NetworkContext {
  readonly now: number;
  schedule(at: number, run: () => void): void;
  /** `where` names the attachment or router. */
  dropped(packet: Packet, where: string, why: string): void;
  forwarded(before: Packet, after: Packet, where: string): void;
  /** An ICMP error about `packet`, to be sent back to its source. */
  icmpFor(packet: Packet, kind: IcmpKind, sender: string): Packet;
}

export interface Attachment {
  readonly name: string;
  readonly realm: Realm;
  /** Routers between here and the core of the realm. */
  readonly hops: number;
  readonly up: OneWayLink;
  readonly down: OneWayLink;
  /** A gateway passes packets on at once; a host takes them in a turn of its own, so that no machine is entered twice. */
  readonly immediate: boolean;
  receive(packet: Packet): void;
}

export class Realm {
  readonly name: string;
  /** Where packets go whose destination is not attached here; null in the internet. */
  gateway: Attachment | null = null;
  readonly #context: NetworkContext;
  readonly #random: SimRandom;
  readonly #routes = new Map<string, Attachment>();
  readonly #obstacles = new Set<(packet: Packet) => boolean>();
  readonly #detours = new Set<(packet: Packet) => number>();
  /** Do routers answer when a TTL ends? Per realm, because carriers filter it more often than not. */
  timeExceeded = true;

  constructor(name: string, context: NetworkContext, random: SimRandom) {
    this.name = name;
    this.#context = context;
    this.#random = random;
  }

  attach(address: string, attachment: Attachment): void {
    this.#routes.set(address, attachment);
  }

  detach(address: string): void {
    this.#routes.delete(address);
  }

  has(address: string): boolean {
    return this.#routes.has(address);
  }

  /**
   * Packets for which `stops` is true vanish between the lines, until the answer is called: a route that is broken in one direction, or
   * a box that has forgotten one flow. An attacker's pass all the same.
   */
  obstruct(stops: (packet: Packet) => boolean): () => void {
    this.#obstacles.add(stops);
    return () => this.#obstacles.delete(stops);
  }

  /** Packets need so many ms more between the lines, until the answer is called: their route has become a longer one. */
  detour(moreMs: (packet: Packet) => number): () => void {
    this.#detours.add(moreMs);
    return () => this.#detours.delete(moreMs);
  }

  /** Delivers a packet of no attachment of this realm: an attacker's, from somewhere, with any source address. */
  inject(packet: Packet): void {
    const target = this.#routes.get(packet.to.address);
    if (target === undefined) this.#context.dropped(packet, `${this.name}/router`, 'no-route');
    else this.#deliver(target, packet, target.down.behaviour.delayMs);
  }

  /** Sends from `source`; the packet arrives at the attachment that has its destination, or at the gateway. */
  send(source: Attachment, packet: Packet): void {
    const target = this.#routes.get(packet.to.address) ?? this.gateway;
    if (target === null || target === source) {
      this.#context.dropped(packet, `${this.name}/router`, 'no-route');
      return;
    }
    const size = packet.bytes.length + IP_UDP_HEADER_BYTES;
    const out = source.up.pass(this.#context.now, size);
    if (out.lost !== null) {
      this.#context.dropped(packet, `${source.name}/up`, out.lost);
      if (out.lost === 'mtu' && packet.icmp === null) this.#answer(source, packet, 'too-big', source, 0);
      return;
    }
    const passed = out.flipBit ? this.#flipped(packet) : packet;
    for (const delay of out.delays) this.#later(delay, () => this.#cross(source, target, passed, delay, size));
  }

  /** The packet is in the core of the realm now, and enters the target's line at this instant: so lines queue in the order of arrival, whoever sent. */
  #cross(source: Attachment, target: Attachment, packet: Packet, upDelay: number, size: number): void {
    for (const stops of this.#obstacles) {
      if (!stops(packet)) continue;
      this.#context.dropped(packet, `${this.name}/router`, 'obstructed');
      return;
    }
    const ttl = packet.ttl - source.hops - target.hops;
    if (ttl < 1) {
      this.#context.dropped(packet, `${this.name}/router`, 'ttl');
      if (this.timeExceeded && packet.icmp === null) this.#answer(source, packet, 'time-exceeded', target, upDelay);
      return;
    }
    const into = target.down.pass(this.#context.now, size);
    if (into.lost !== null) {
      this.#context.dropped(packet, `${target.name}/down`, into.lost);
      return;
    }
    const arriving = withTtl(into.flipBit ? this.#flipped(packet) : packet, ttl);
    let moreMs = 0;
    for (const detour of this.#detours) moreMs += detour(packet);
    for (const delay of into.delays) this.#deliver(target, arriving, moreMs + delay);
  }

  #answer(source: Attachment, packet: Packet, kind: IcmpKind, towards: Attachment, backDelay: number): void {
    const icmp = this.#context.icmpFor(packet, kind, `router.${towards.name}`);
    this.#deliver(source, icmp, backDelay);
  }

  #deliver(target: Attachment, packet: Packet, delay: number): void {
    if (delay <= 0 && target.immediate) target.receive(packet);
    else this.#context.schedule(this.#context.now + delay, () => target.receive(packet));
  }

  #later(delay: number, run: () => void): void {
    if (delay <= 0) run();
    else this.#context.schedule(this.#context.now + delay, run);
  }

  #flipped(packet: Packet): Packet {
    if (packet.bytes.length === 0) return packet;
    const bytes = packet.bytes.slice();
    const index = this.#random.int(0, bytes.length - 1);
    bytes[index] = (bytes[index] as number) ^ (1 << this.#random.int(0, 7));
    return { ...packet, bytes };
  }
}
