/** Mappings, filters, time-outs and limits of one box (RFC 4787), and the trap of unsolicited packets (nat-model 2.2). */
import type { Endpoint } from '../../core/index.ts';
import { type Packet, withFrom, withTo } from '../packet.ts';
import type { SimRandom } from '../random.ts';
import { createAllocator, type PortAllocator } from './allocation.ts';
import type { FullBehaviour } from './behaviour.ts';
import type { NatDrop, NatResult, NatStats } from './box.ts';
import { EndpointNumbers, pairKey } from './numbers.ts';

/** One remote endpoint of a mapping: one 5-tuple, one timer, one hole in the filter. */
interface Session {
  readonly mapping: Mapping;
  readonly remote: number;
  readonly remoteAddress: number;
  readonly madeAt: number;
  replied: boolean;
  expiresAt: number;
}

interface Mapping {
  readonly key: number;
  readonly internal: Endpoint;
  readonly external: Endpoint;
  readonly externalNumber: number;
  readonly subscriber: Subscriber;
  readonly sessions: Map<number, Session>;
  expiresAt: number;
}

/** One internal address and what it holds. */
interface Subscriber {
  readonly mappings: Set<Mapping>;
  /** The public address it is paired with. */
  readonly externalAddress: string;
  tokens: number;
  tokensAt: number;
}

/** Expired state is removed when it is met, and all of it at most this often, so that nothing is swept per packet. */
const SWEEP_INTERVAL_MS = 1000;

export class Translator {
  addresses: readonly string[] = [];
  readonly #behaviour: FullBehaviour;
  readonly #random: SimRandom;
  readonly #allocate: PortAllocator;
  readonly #numbers = new EndpointNumbers();
  /** By internal endpoint and, as the mapping behaviour says, destination. */
  readonly #mappings = new Map<number, Mapping>();
  /** Mappings that had to differ from the one of `#mappings` because their 5-tuple was taken, by 5-tuple inside. */
  readonly #clashed = new Map<number, Mapping>();
  readonly #byExternal = new Map<number, Set<Mapping>>();
  /** By external endpoint and remote endpoint. */
  readonly #sessions = new Map<number, Session>();
  /** 5-tuples given away to unsolicited packets, with the time they are free again. */
  readonly #poisoned = new Map<number, number>();
  readonly #forwards = new Map<number, Endpoint>();
  readonly #forwardsBack = new Map<number, number>();
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
    this.#forwards.set(externalPort, internal);
    this.#forwardsBack.set(this.#numbers.of(internal), externalPort);
  }

  exposeHost(internalAddress: string): void {
    this.#exposed = internalAddress;
  }

  clear(): void {
    this.#mappings.clear();
    this.#clashed.clear();
    this.#byExternal.clear();
    this.#sessions.clear();
    this.#poisoned.clear();
    for (const subscriber of this.#subscribers.values()) subscriber.mappings.clear();
  }

  stats(now: number): NatStats {
    this.#sweep(now);
    const mappings = this.#liveMappings();
    return { mappings, mappingsPeak: this.#peak, mappingsMade: this.#made, sessions: this.#sessions.size };
  }

  outbound(packet: Packet, now: number): NatResult {
    if (this.#behaviour.udpBlocked) return drop('udp-blocked');
    if (packet.icmp !== null) return this.#outboundIcmp(packet, now);
    const forwarded = this.#forwardsBack.get(this.#numbers.of(packet.from));
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
    const opened = this.#forwards.get(packet.to.port);
    if (opened !== undefined && this.owns(packet.to.address)) return forward(withTo(packet, opened));
    const external = this.#numbers.of(packet.to);
    const remote = this.#numbers.of(packet.from);
    const known = this.#liveSession(pairKey(external, remote), now);
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
  #sessionFor(from: Endpoint, to: Endpoint, now: number): Session | NatDrop {
    const local = this.#numbers.of(from);
    const remote = this.#numbers.of(to);
    const clashed = this.#live(this.#clashed.get(pairKey(local, remote)), now);
    if (clashed !== undefined) return clashed.sessions.get(remote) ?? this.#openSession(clashed, to, now);
    const key = this.#mappingKey(local, remote, to);
    const mapping = this.#live(this.#mappings.get(key), now);
    if (mapping !== undefined) {
      const tuple = pairKey(mapping.externalNumber, remote);
      const session = this.#liveSession(tuple, now);
      if (session !== undefined && session.mapping === mapping) return session;
      if (session === undefined && !this.#isPoisoned(tuple, now)) {
        if (this.#sessionTableFull(now)) return 'table-full';
        return this.#openSession(mapping, to, now);
      }
    }
    const made = this.#makeMapping(key, from, to, now);
    if (typeof made === 'string') return made;
    if (mapping !== undefined) this.#clashed.set(pairKey(local, remote), made);
    else this.#mappings.set(key, made);
    return this.#openSession(made, to, now);
  }

  #mappingKey(local: number, remote: number, to: Endpoint): number {
    switch (this.#behaviour.mapping) {
      case 'address':
        return pairKey(local, this.#numbers.of({ address: to.address, port: 0 }));
      case 'address-and-port':
        return pairKey(local, remote);
      default:
        return pairKey(local, 0);
    }
  }

  #makeMapping(key: number, internal: Endpoint, to: Endpoint, now: number): Mapping | NatDrop {
    this.#sweep(now);
    const subscriber = this.#subscriber(internal.address, now);
    if (this.#sessionTableFull(now)) return 'table-full';
    if (!this.#spendToken(subscriber, now)) return 'mapping-rate';
    if (!this.#underQuota(subscriber, now)) return 'quota-full';
    const external = this.#allocateEndpoint(subscriber, internal, to, now);
    if (external === null) return 'ports-exhausted';
    const mapping: Mapping = {
      key,
      internal,
      external,
      externalNumber: this.#numbers.of(external),
      subscriber,
      sessions: new Map(),
      expiresAt: now,
    };
    subscriber.mappings.add(mapping);
    const sharing = this.#byExternal.get(mapping.externalNumber);
    if (sharing === undefined) this.#byExternal.set(mapping.externalNumber, new Set([mapping]));
    else sharing.add(mapping);
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
    if (this.#forwards.has(external.port)) return false;
    const number = this.#numbers.of(external);
    const tuple = pairKey(number, remote);
    if (this.#isPoisoned(tuple, now)) return false;
    if (this.#behaviour.overloading) return this.#liveSession(tuple, now) === undefined;
    const users = this.#byExternal.get(number);
    if (users === undefined) return true;
    for (const user of users) if (this.#live(user, now) !== undefined) return false;
    return true;
  }

  #openSession(mapping: Mapping, to: Endpoint, now: number): Session {
    const remote = this.#numbers.of(to);
    const session: Session = {
      mapping,
      remote,
      remoteAddress: this.#numbers.addressOf(to.address),
      madeAt: now,
      replied: false,
      expiresAt: now,
    };
    mapping.sessions.set(remote, session);
    this.#sessions.set(pairKey(mapping.externalNumber, remote), session);
    return session;
  }

  #renew(session: Session, now: number): void {
    const t = this.#behaviour.timeouts;
    const established = session.replied && now - session.madeAt >= t.establishedAfterMs;
    session.expiresAt = Math.max(session.expiresAt, now + (established ? t.establishedMs : t.unrepliedMs));
    session.mapping.expiresAt = Math.max(session.mapping.expiresAt, session.expiresAt);
  }

  /** The mapping whose filter lets a stranger in, the newest where several share the port. */
  #admitting(external: number, remoteAddress: number, now: number): Mapping | null {
    const { filtering } = this.#behaviour;
    if (filtering === 'address-and-port') return null;
    let found: Mapping | null = null;
    for (const mapping of this.#byExternal.get(external) ?? []) {
      if (this.#live(mapping, now) === undefined) continue;
      if (filtering === 'endpoint-independent' || knowsAddress(mapping, remoteAddress, now)) found = mapping;
    }
    return found;
  }

  #unsolicited(external: number, remote: number, now: number): NatResult {
    const policy = this.#behaviour.unsolicited;
    if (policy === 'drop') return drop('unsolicited');
    if (policy === 'accept') {
      this.#poisoned.set(pairKey(external, remote), now + this.#behaviour.timeouts.unrepliedMs);
    }
    return { kind: 'drop', why: 'unsolicited', answer: 'port-unreachable' };
  }

  #isPoisoned(tuple: number, now: number): boolean {
    const until = this.#poisoned.get(tuple);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#poisoned.delete(tuple);
    return false;
  }

  /** An error about a packet that came from inside: goes to whoever sent that, and renews nothing. */
  #inboundIcmp(packet: Packet, now: number): NatResult {
    const icmp = packet.icmp;
    if (icmp === null) return drop('icmp-unrelated');
    const session = this.#liveSession(pairKey(this.#numbers.of(icmp.from), this.#numbers.of(icmp.to)), now);
    if (session === undefined) return drop('icmp-unrelated');
    const internal = session.mapping.internal;
    if (this.#behaviour.icmpEndsMapping) this.#remove(session.mapping);
    return forward({ ...packet, to: internal, icmp: { ...icmp, from: internal } });
  }

  /** An error sent from inside about a packet that came in: its quotation is translated back. */
  #outboundIcmp(packet: Packet, now: number): NatResult {
    const icmp = packet.icmp;
    if (icmp === null) return drop('icmp-unrelated');
    const local = this.#numbers.of(icmp.to);
    const remote = this.#numbers.of(icmp.from);
    const found =
      this.#live(this.#clashed.get(pairKey(local, remote)), now) ??
      this.#live(this.#mappings.get(this.#mappingKey(local, remote, icmp.from)), now);
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
    for (const mapping of [...subscriber.mappings]) this.#live(mapping, now);
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
    if (this.#sessions.size < this.#behaviour.sessionsMax) return false;
    this.#sweepAll(now);
    return this.#sessions.size >= this.#behaviour.sessionsMax;
  }

  #live(mapping: Mapping | undefined, now: number): Mapping | undefined {
    if (mapping === undefined || mapping.expiresAt > now) return mapping;
    this.#remove(mapping);
    return undefined;
  }

  #liveSession(tuple: number, now: number): Session | undefined {
    const session = this.#sessions.get(tuple);
    if (session === undefined || session.expiresAt > now) return session;
    this.#sessions.delete(tuple);
    session.mapping.sessions.delete(session.remote);
    return undefined;
  }

  #remove(mapping: Mapping): void {
    for (const remote of mapping.sessions.keys()) this.#sessions.delete(pairKey(mapping.externalNumber, remote));
    mapping.subscriber.mappings.delete(mapping);
    if (this.#mappings.get(mapping.key) === mapping) this.#mappings.delete(mapping.key);
    else for (const [tuple, other] of this.#clashed) if (other === mapping) this.#clashed.delete(tuple);
    const sharing = this.#byExternal.get(mapping.externalNumber);
    sharing?.delete(mapping);
    if (sharing?.size === 0) this.#byExternal.delete(mapping.externalNumber);
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
      for (const mapping of [...subscriber.mappings]) this.#live(mapping, now);
    }
    for (const tuple of [...this.#sessions.keys()]) this.#liveSession(tuple, now);
    for (const tuple of [...this.#poisoned.keys()]) this.#isPoisoned(tuple, now);
  }
}

function knowsAddress(mapping: Mapping, remoteAddress: number, now: number): boolean {
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
