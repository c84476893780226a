/** Mappings, filters, time-outs and limits of one box (RFC 4787), and the trap of unsolicited packets (docs/reference/nat-model.md §2.2). */
import type { Endpoint } from '../../core/index.ts';
import { type Packet, withFrom, withTo } from '../packet.ts';
import type { SimRandom } from '../random.ts';
import { createAllocator, type PortAllocator } from './allocation.ts';
import type { FullBehaviour } from './behaviour.ts';
import type { NatDrop, NatResult, NatStats } from './box.ts';
import { Forwards } from './forwards.ts';
import { EndpointNumbers } from './numbers.ts';

/** One remote endpoint of a mapping: one 5-tuple, one timer, one hole in the filter. */
interface NatSession {
  readonly mapping: NatMapping;
  readonly remote: number;
  readonly remoteAddress: number;
  readonly madeAt: number;
  replied: boolean;
  expiresAt: number;
}

interface NatMapping {
  readonly source: Source;
  /** Its key in `mappings` of `source`. */
  readonly destination: number;
  readonly internal: Endpoint;
  readonly external: Endpoint;
  readonly externalNumber: number;
  readonly subscriber: Subscriber;
  /** By remote endpoint. */
  readonly sessions: Map<number, NatSession>;
  expiresAt: number;
}

/** One internal endpoint and its mappings. */
interface Source {
  readonly local: number;
  /** The key is the part of the destination that a mapping depends on: nothing (EIM), its address (ADM), address and port (APDM). */
  readonly mappings: Map<number, NatMapping>;
  /** Replaced because a 5-tuple was taken, by the remote endpoints that keep them (nat-scripts/input-accepted-late.json). */
  earlier: Map<number, NatMapping> | null;
}

/** One internal address and what it holds. */
interface Subscriber {
  readonly mappings: Set<NatMapping>;
  /** The public address it is paired with. */
  readonly externalAddress: string;
  tokens: number;
  tokensAt: number;
}

/** Expired state is removed when it is met, and all of it at most this often, so that nothing is swept per packet. */
const SWEEP_INTERVAL_MS = 1000;
const NOBODY: readonly NatMapping[] = [];

export class Translator {
  addresses: readonly string[] = [];
  readonly #behaviour: FullBehaviour;
  readonly #random: SimRandom;
  readonly #allocate: PortAllocator;
  readonly #numbers = new EndpointNumbers();
  readonly #sources = new Map<number, Source>();
  /** By external endpoint; several where ports are overloaded, the oldest first. */
  readonly #byExternal = new Map<number, NatMapping[]>();
  #sessions = 0;
  /** 5-tuples given away to unsolicited packets, with the time they are free again. */
  readonly #poisoned = new Map<string, number>();
  readonly forwards = new Forwards();
  #exposed: string | null = null;
  readonly #subscribers = new Map<string, Subscriber>();
  #made = 0;
  #peak = 0;
  #sweptAt = 0;

  constructor(behaviour: FullBehaviour, random: SimRandom) {
    this.#behaviour = behaviour;
    this.#random = random;
    this.#allocate = createAllocator(behaviour.allocation, behaviour.background, random.fork('ports'));
  }

  owns(address: string): boolean {
    return this.addresses.includes(address);
  }

  forwardPort(externalPort: number, internal: Endpoint): void {
    this.forwards.open(externalPort, internal, this.#numbers.of(internal));
  }

  exposeHost(internalAddress: string): void {
    this.#exposed = internalAddress;
  }

  clear(): void {
    this.#sources.clear();
    this.#byExternal.clear();
    this.#sessions = 0;
    this.#poisoned.clear();
    for (const subscriber of this.#subscribers.values()) subscriber.mappings.clear();
  }

  stats(now: number): NatStats {
    this.#sweep(now);
    const mappings = this.#liveMappings();
    return { mappings, mappingsPeak: this.#peak, mappingsMade: this.#made, sessions: this.#sessions };
  }

  outbound(packet: Packet, now: number): NatResult {
    if (this.#behaviour.udpBlocked) return drop('udp-blocked');
    if (packet.icmp !== null) return this.#outboundIcmp(packet, now);
    const forwarded = this.forwards.external(this.#numbers.of(packet.from));
    if (forwarded !== undefined) {
      return forward(withFrom(packet, { address: this.addresses[0] as string, port: forwarded }));
    }
    const session = this.#sessionFor(packet.from, packet.to, now);
    if (typeof session === 'string') return drop(session);
    this.#renew(session, now);
    return forward(withFrom(packet, session.mapping.external));
  }

  inbound(packet: Packet, now: number): NatResult {
    if (this.#behaviour.udpBlocked) return drop('udp-blocked');
    if (packet.icmp !== null) return this.#inboundIcmp(packet, now);
    const opened = this.forwards.internal(packet.to.port);
    if (opened !== undefined && this.owns(packet.to.address)) return forward(withTo(packet, opened));
    const external = this.#numbers.of(packet.to);
    const remote = this.#numbers.of(packet.from);
    const known = this.#liveSession(external, remote, now);
    if (known !== undefined) {
      known.replied = true;
      if (this.#behaviour.timeouts.refreshedBy === 'both') this.#renew(known, now);
      return forward(withTo(packet, known.mapping.internal));
    }
    if (this.#exposed !== null) {
      return forward(withTo(packet, { address: this.#exposed, port: packet.to.port }));
    }
    const mapping = this.#admitting(external, this.#numbers.addressOf(packet.from.address), now);
    if (mapping === null) return this.#unsolicited(external, remote, now);
    const session = this.#openSession(mapping, packet.from, now);
    session.replied = true;
    if (this.#behaviour.timeouts.refreshedBy === 'both') this.#renew(session, now);
    return forward(withTo(packet, mapping.internal));
  }

  /** The live session of an outgoing packet, made where there is none. */
  #sessionFor(from: Endpoint, to: Endpoint, now: number): NatSession | NatDrop {
    const local = this.#numbers.of(from);
    const remote = this.#numbers.of(to);
    const source = this.#sources.get(local) ?? { local, mappings: new Map(), earlier: null };
    const earlier = source.earlier?.get(remote);
    const kept = earlier && this.#liveSession(earlier.externalNumber, remote, now);
    if (kept !== undefined && kept.mapping === earlier) return kept;
    source.earlier?.delete(remote);
    const destination = this.#destination(remote, to);
    const mapping = this.#live(source.mappings.get(destination), now);
    if (mapping !== undefined) {
      const session = this.#liveSession(mapping.externalNumber, remote, now);
      if (session !== undefined && session.mapping === mapping) return session;
      if (session === undefined && !this.#isPoisoned(mapping.externalNumber, remote, now)) {
        if (this.#sessionTableFull(now)) return 'table-full';
        return this.#openSession(mapping, to, now);
      }
    }
    const made = this.#makeMapping(source, destination, from, to, now);
    if (typeof made === 'string') return made;
    this.#sources.set(local, source);
    if (mapping !== undefined) {
      source.earlier ??= new Map();
      for (const open of mapping.sessions.keys()) source.earlier.set(open, mapping);
    }
    source.mappings.set(destination, made);
    return this.#openSession(made, to, now);
  }

  /** What of a destination a mapping depends on, as a number. */
  #destination(remote: number, to: Endpoint): number {
    switch (this.#behaviour.mapping) {
      case 'address':
        return this.#numbers.addressOf(to.address);
      case 'address-and-port':
        return remote;
      default:
        return 0;
    }
  }

  #makeMapping(
    source: Source,
    destination: number,
    internal: Endpoint,
    to: Endpoint,
    now: number,
  ): NatMapping | NatDrop {
    this.#sweep(now);
    // Before a new peak is recorded, mappings that have expired since the last sweep are removed: they are not live.
    if (this.#liveMappings() >= this.#peak) this.#sweepAll(now);
    const subscriber = this.#subscriber(internal.address, now);
    if (this.#sessionTableFull(now)) return 'table-full';
    if (!this.#spendToken(subscriber, now)) return 'mapping-rate';
    if (!this.#underQuota(subscriber, now)) return 'quota-full';
    const external = this.#allocateEndpoint(subscriber, internal, to, now);
    if (external === null) return 'ports-exhausted';
    const mapping: NatMapping = {
      source,
      destination,
      internal,
      external,
      externalNumber: this.#numbers.of(external),
      subscriber,
      sessions: new Map(),
      expiresAt: now,
    };
    subscriber.mappings.add(mapping);
    const sharing = this.#byExternal.get(mapping.externalNumber);
    if (sharing === undefined) this.#byExternal.set(mapping.externalNumber, [mapping]);
    else sharing.push(mapping);
    this.#made++;
    this.#peak = Math.max(this.#peak, this.#liveMappings());
    return mapping;
  }

  #allocateEndpoint(subscriber: Subscriber, internal: Endpoint, to: Endpoint, now: number): Endpoint | null {
    if (this.#behaviour.mapping === 'none') return internal;
    const address =
      this.#behaviour.pooling === 'paired' ? subscriber.externalAddress : this.#random.pick(this.addresses);
    const remote = this.#numbers.of(to);
    const request = {
      now,
      subscriber: internal.address,
      local: internal,
      remote: to,
      usable: (port: number) => this.#usable({ address, port }, internal, remote, now),
    };
    let port = this.#allocate(request);
    if (port === null && this.#behaviour.whenFull === 'evict' && this.#evictOldest(subscriber)) {
      port = this.#allocate(request);
    }
    return port === null ? null : { address, port };
  }

  #usable(external: Endpoint, internal: Endpoint, remote: number, now: number): boolean {
    if (this.#behaviour.parity && external.port % 2 !== internal.port % 2) return false;
    if (this.forwards.internal(external.port) !== undefined) return false;
    const number = this.#numbers.of(external);
    if (this.#isPoisoned(number, remote, now)) return false;
    if (this.#behaviour.overloading) return this.#liveSession(number, remote, now) === undefined;
    return !this.#sharing(number).some((user) => this.#live(user, now) !== undefined);
  }

  #openSession(mapping: NatMapping, to: Endpoint, now: number): NatSession {
    const remote = this.#numbers.of(to);
    const session: NatSession = {
      mapping,
      remote,
      remoteAddress: this.#numbers.addressOf(to.address),
      madeAt: now,
      replied: false,
      expiresAt: now,
    };
    mapping.sessions.set(remote, session);
    this.#sessions++;
    return session;
  }

  #renew(session: NatSession, now: number): void {
    const t = this.#behaviour.timeouts;
    const established = session.replied && now - session.madeAt >= t.establishedAfterMs;
    session.expiresAt = Math.max(session.expiresAt, now + (established ? t.establishedMs : t.unrepliedMs));
    session.mapping.expiresAt = Math.max(session.mapping.expiresAt, session.expiresAt);
  }

  /** The mapping whose filter lets a stranger in, the newest where several share the port. */
  #admitting(external: number, remoteAddress: number, now: number): NatMapping | null {
    const { filtering } = this.#behaviour;
    if (filtering === 'address-and-port') return null;
    let found: NatMapping | null = null;
    for (const mapping of this.#sharing(external)) {
      if (this.#live(mapping, now) === undefined) continue;
      if (filtering === 'endpoint-independent' || knowsAddress(mapping, remoteAddress, now)) found = mapping;
    }
    return found;
  }

  #unsolicited(external: number, remote: number, now: number): NatResult {
    const policy = this.#behaviour.unsolicited;
    if (policy === 'drop') return drop('unsolicited');
    if (policy === 'accept') {
      this.#poisoned.set(`${external} ${remote}`, now + this.#behaviour.timeouts.unrepliedMs);
    }
    return { kind: 'drop', why: 'unsolicited', answer: 'port-unreachable' };
  }

  #isPoisoned(external: number, remote: number, now: number): boolean {
    if (this.#poisoned.size === 0) return false;
    const until = this.#poisoned.get(`${external} ${remote}`);
    return until !== undefined && until > now;
  }

  /** An error about a packet that came from inside: goes to whoever sent that, and renews nothing. */
  #inboundIcmp(packet: Packet, now: number): NatResult {
    const icmp = packet.icmp;
    if (icmp === null) return drop('icmp-unrelated');
    const session = this.#liveSession(this.#numbers.of(icmp.from), this.#numbers.of(icmp.to), now);
    if (session === undefined) return drop('icmp-unrelated');
    const internal = session.mapping.internal;
    if (this.#behaviour.icmpEndsMapping) this.#remove(session.mapping);
    return forward({ ...packet, to: internal, icmp: { ...icmp, from: internal } });
  }

  /** An error sent from inside about a packet that came in: its quotation is translated back. */
  #outboundIcmp(packet: Packet, now: number): NatResult {
    const icmp = packet.icmp;
    if (icmp === null) return drop('icmp-unrelated');
    const source = this.#sources.get(this.#numbers.of(icmp.to));
    const remote = this.#numbers.of(icmp.from);
    const found =
      this.#live(source?.earlier?.get(remote), now) ??
      this.#live(source?.mappings.get(this.#destination(remote, icmp.from)), now);
    if (found === undefined) return drop('icmp-unrelated');
    return forward({ ...packet, from: found.external, icmp: { ...icmp, to: found.external } });
  }

  #subscriber(internalAddress: string, now: number): Subscriber {
    let subscriber = this.#subscribers.get(internalAddress);
    if (subscriber === undefined || !(this.owns(subscriber.externalAddress) || this.#behaviour.mapping === 'none')) {
      const externalAddress = this.#behaviour.mapping === 'none' ? internalAddress : this.#random.pick(this.addresses);
      subscriber = {
        mappings: new Set(),
        externalAddress,
        tokens: this.#behaviour.newMappingsPerSecondMax,
        tokensAt: now,
      };
      this.#subscribers.set(internalAddress, subscriber);
    }
    return subscriber;
  }

  #spendToken(subscriber: Subscriber, now: number): boolean {
    const rate = this.#behaviour.newMappingsPerSecondMax;
    if (rate === Number.POSITIVE_INFINITY) return true;
    subscriber.tokens = Math.min(rate, subscriber.tokens + ((now - subscriber.tokensAt) * rate) / 1000);
    subscriber.tokensAt = now;
    if (subscriber.tokens < 1) return false;
    subscriber.tokens--;
    return true;
  }

  #underQuota(subscriber: Subscriber, now: number): boolean {
    const quota = this.#behaviour.subscriberMappingsMax;
    if (subscriber.mappings.size < quota) return true;
    for (const mapping of subscriber.mappings) this.#live(mapping, now);
    if (subscriber.mappings.size < quota) return true;
    return this.#behaviour.whenFull === 'evict' && this.#evictOldest(subscriber);
  }

  #evictOldest(subscriber: Subscriber): boolean {
    const [oldest] = subscriber.mappings;
    if (oldest === undefined) return false;
    this.#remove(oldest);
    return true;
  }

  #sessionTableFull(now: number): boolean {
    if (this.#sessions < this.#behaviour.sessionsMax) return false;
    this.#sweepAll(now);
    return this.#sessions >= this.#behaviour.sessionsMax;
  }

  #live(mapping: NatMapping | undefined, now: number): NatMapping | undefined {
    if (mapping === undefined || mapping.expiresAt > now) return mapping;
    this.#remove(mapping);
    return undefined;
  }

  /** Mappings with this external endpoint, dead ones included; a copy, so that they may be removed meanwhile. */
  #sharing(external: number): readonly NatMapping[] {
    return this.#byExternal.get(external)?.slice() ?? NOBODY;
  }

  /** The session of a 5-tuple, which at most one mapping has. */
  #liveSession(external: number, remote: number, now: number): NatSession | undefined {
    const sharing = this.#byExternal.get(external);
    if (sharing === undefined) return undefined;
    for (const mapping of sharing) {
      const session = mapping.sessions.get(remote);
      if (session === undefined) continue;
      if (session.expiresAt > now) return session;
      mapping.sessions.delete(remote);
      this.#sessions--;
    }
    return undefined;
  }

  #remove(mapping: NatMapping): void {
    this.#sessions -= mapping.sessions.size;
    mapping.sessions.clear();
    mapping.subscriber.mappings.delete(mapping);
    const { source, destination } = mapping;
    if (source.mappings.get(destination) === mapping) source.mappings.delete(destination);
    else for (const [remote, other] of source.earlier ?? []) if (other === mapping) source.earlier?.delete(remote);
    if (source.mappings.size + (source.earlier?.size ?? 0) === 0) this.#sources.delete(source.local);
    const sharing = this.#byExternal.get(mapping.externalNumber);
    if (sharing === undefined) return;
    if (sharing.length > 1) sharing.splice(sharing.indexOf(mapping), 1);
    else this.#byExternal.delete(mapping.externalNumber);
  }

  #liveMappings(): number {
    let count = 0;
    for (const subscriber of this.#subscribers.values()) count += subscriber.mappings.size;
    return count;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt >= SWEEP_INTERVAL_MS) this.#sweepAll(now);
  }

  #sweepAll(now: number): void {
    this.#sweptAt = now;
    for (const subscriber of this.#subscribers.values()) {
      for (const mapping of subscriber.mappings) {
        // A mapping lives as long as its last session: where there is but one, there is nothing more to look at.
        if (this.#live(mapping, now) === undefined || mapping.sessions.size === 1) continue;
        for (const session of mapping.sessions.values()) {
          if (session.expiresAt > now) continue;
          mapping.sessions.delete(session.remote);
          this.#sessions--;
        }
      }
    }
    for (const [tuple, until] of this.#poisoned) if (until <= now) this.#poisoned.delete(tuple);
  }
}

function knowsAddress(mapping: NatMapping, remoteAddress: number, now: number): boolean {
  for (const session of mapping.sessions.values()) {
    if (session.remoteAddress === remoteAddress && session.expiresAt > now) return true;
  }
  return false;
}

function forward(packet: Packet): NatResult {
  return { kind: 'forward', packet };
}

function drop(why: NatDrop): NatResult {
  return { kind: 'drop', why, answer: null };
}
