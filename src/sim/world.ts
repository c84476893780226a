/** A whole internet in memory: one seed, one virtual clock, one trace. */
import type { Endpoint } from '../core/index.ts';
import { createGateway, type Gateway } from './gateway.ts';
import { Host, type HostContext } from './host.ts';
import { type LinkBehaviour, OneWayLink } from './link.ts';
import type { NatBehaviour } from './nat/behaviour.ts';
import { addressesNeeded, createNat } from './nat/box.ts';
import { FIREWALL } from './nat/presets.ts';
import { type Attachment, Realm } from './network.ts';
import { type IcmpError, type IcmpKind, type Packet, TTL_DEFAULT } from './packet.ts';
import { EventQueue } from './queue.ts';
import { type SimRandom, simRandom } from './random.ts';
import type { TraceKind, TraceRecord } from './trace.ts';

export type DelayRange = number | { readonly min: number; readonly max: number };

export interface WorldOptions {
  readonly seed: number | string;
  /** One-way delay between two sites; each pair of attachments draws its own inside the range. Default 20. */
  readonly delayMs?: DelayRange;
  /** Mean of an exponential extra delay between two sites. Default 0. */
  readonly jitterMs?: number;
  /** Loss between two sites. Default 0. */
  readonly lossRate?: number;
  /** Everything else a line can do, for each direction of every access line. */
  readonly link?: Partial<LinkBehaviour>;
  /** Routers between an attachment and the core of the internet. Default 3. */
  readonly hops?: number;
  /** Keep a record of every packet event (needed by `check`); switch off for long benchmarks. Default true. */
  readonly trace?: boolean;
  /** The command that replays this run, for messages of failures. */
  readonly replay?: string;
  /** More events than this are a live-lock; default 5 * 10^7. A world that goes on for days in real time has no such number. */
  readonly eventsMax?: number;
}

export type Behind = NatBehaviour | Gateway | readonly (NatBehaviour | Gateway)[];

export interface HostPlace {
  readonly name?: string;
  /** A NAT, or a chain of them, the innermost first; a `Gateway` where several hosts share one. Public where absent. */
  readonly behind?: Behind;
  readonly clockOffsetMs?: number;
  readonly socketsMax?: number;
  /** Of the host's own line (to the LAN, or to the internet where public). */
  readonly link?: Partial<LinkBehaviour>;
  /** Routers between the host and its gateway or the core. */
  readonly hops?: number;
  /** Also a global IPv6 address, behind the stateful firewalls of the same boxes. */
  readonly ipv6?: boolean;
  /** False: no IPv4 at all. */
  readonly ipv4?: boolean;
  /** Of a public host: so many addresses; default 1. */
  readonly addresses?: number;
}

export interface GatewayPlace {
  readonly name?: string;
  readonly behind?: Gateway;
  readonly hops?: number;
  readonly link?: Partial<LinkBehaviour>;
}

export interface ServerPlace {
  readonly name?: string;
  /** Public addresses; drawn where absent. */
  readonly addresses?: readonly string[];
  readonly link?: Partial<LinkBehaviour>;
}

/** Answers null when all is well, else what is wrong. */
export type WorldCheck = (world: World) => string | null;

/** A run that needs more events than this within its limit is a live-lock of machines feeding each other. */
const EVENTS_MAX = 50_000_000;

export function createWorld(options: WorldOptions): World {
  return new World(options);
}

export class World {
  readonly options: WorldOptions;
  readonly internet: Realm;
  readonly hosts: Host[] = [];
  readonly gateways: Gateway[] = [];
  readonly #random: SimRandom;
  readonly #queue = new EventQueue();
  readonly #records: TraceRecord[] = [];
  readonly #watchers: Record<TraceKind, ((record: TraceRecord) => void)[]> = {
    sent: [],
    translated: [],
    delivered: [],
    dropped: [],
  };
  readonly #context: HostContext;
  #now = 0;
  #packetId = 0;
  #events = 0;
  #publicAddresses = 0;
  #realms = 0;
  #addresses6 = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.#random = simRandom(options.seed);
    this.#context = this.#createContext();
    this.internet = new Realm('internet', this.#context, this.#random.fork('internet'));
  }

  get now(): number {
    return this.#now;
  }

  /** When something happens next; for whoever lets it run as real time passes. */
  get nextAt(): number {
    return this.#queue.nextAt;
  }

  /** Events executed so far: packets, timers and turns of machines. */
  get events(): number {
    return this.#events;
  }

  get trace(): readonly TraceRecord[] {
    return this.#records;
  }

  /** A stream of randomness for whoever builds on this world. */
  random(name: string): SimRandom {
    return this.#random.fork(`user/${name}`);
  }

  /** Tells of every packet event from now on, or of those of one kind. */
  watch(watcher: (record: TraceRecord) => void, kind?: TraceKind): void {
    const kinds = kind === undefined ? (Object.keys(this.#watchers) as TraceKind[]) : [kind];
    for (const one of kinds) this.#watchers[one].push(watcher);
  }

  after(delayMs: number, run: () => void): void {
    this.#queue.push(this.#now + Math.max(0, delayMs), run);
  }

  /** Two hosts, each behind a NAT of its own. */
  pairBehind(left: Behind, right: Behind): [Host, Host] {
    return [this.host({ name: 'left', behind: left }), this.host({ name: 'right', behind: right })];
  }

  /** A public host with one or several addresses that anybody may send to. */
  server(place: ServerPlace = {}): Host {
    const name = place.name ?? `server${this.hosts.length}`;
    const host = this.#newHost(name, 0, 65_536, true);
    for (const address of place.addresses ?? [this.publicAddress()]) this.#connect(host, this.internet, address, place);
    return host;
  }

  host(place: HostPlace = {}): Host {
    const name = place.name ?? `host${this.hosts.length}`;
    const host = this.#newHost(name, place.clockOffsetMs ?? 0, place.socketsMax ?? 4096, false);
    const gateway = place.behind === undefined ? null : this.#chain(name, place.behind);
    const realm = gateway?.inside ?? this.internet;
    if (place.ipv4 !== false) this.#join(host, realm, place);
    for (let n = 1; n < (place.addresses ?? 1) && gateway === null; n++)
      this.#connect(host, realm, this.publicAddress(), place);
    if (place.ipv6) this.#connect6(host, gateway, place);
    return host;
  }

  /** A NAT box; hosts and further boxes may be put behind it. */
  nat(behaviour: NatBehaviour, place: GatewayPlace = {}): Gateway {
    const name = place.name ?? `nat${this.gateways.length}`;
    const outside = place.behind?.inside ?? this.internet;
    const inside = new Realm(`${name}.lan`, this.#context, this.#random.fork(`realm/${name}`));
    this.#lans.set(inside, { prefix: this.#lanPrefix(place.behind !== undefined), used: 1 });
    const addresses = Array.from({ length: addressesNeeded(behaviour) }, () =>
      outside === this.internet ? this.publicAddress() : this.#lanAddress(outside),
    );
    const nat = createNat({ behaviour, addresses, random: this.#random.fork(`nat/${name}`) });
    const gateway = createGateway({
      name,
      nat,
      firewall6: createNat({
        behaviour: firewallBeside(behaviour),
        addresses: [],
        random: this.#random.fork(`nat6/${name}`),
      }),
      behind: place.behind ?? null,
      inside,
      outside,
      context: this.#context,
      attachment: (realm, side, receive) =>
        side === 'outer'
          ? this.#attachment(name, realm, place, true, receive)
          : this.#attachment(name, realm, { hops: 0, link: {} }, true, receive, true),
    });
    for (const address of addresses) outside.attach(address, gateway.outer);
    inside.gateway = gateway.inner;
    const ownAddress = `${this.#lans.get(inside)?.prefix}.1`;
    inside.attach(ownAddress, { ...gateway.inner, receive: (packet) => this.#refuse(gateway, packet) });
    this.gateways.push(gateway);
    return gateway;
  }

  /** Gives a gateway fresh public addresses, as a provider does at night. */
  readdress(gateway: Gateway): void {
    const { nat, outer } = gateway;
    for (const address of nat.addresses) outer.realm.detach(address);
    const addresses = nat.addresses.map(() =>
      outer.realm === this.internet ? this.publicAddress() : this.#lanAddress(outer.realm),
    );
    for (const address of addresses) outer.realm.attach(address, outer);
    nat.readdress(addresses);
  }

  /**
   * Gives a host another address in the network it is in, or in the one behind `gateway`, as when it changes from cable to radio.
   * Its sockets stay.
   */
  move(host: Host, gateway?: Gateway): void {
    const before = host.address;
    const line = host.removeInterface(before);
    line.realm.detach(before);
    const place = { hops: line.hops, link: line.up.behaviour };
    host.preferInterface(this.#join(host, gateway?.inside ?? line.realm, place));
  }

  /** Gives the network behind a box, or a public host, another prefix of IPv6, as a provider does at night. Its sockets stay. */
  renumber6(host: Host, gateway: Gateway | null): void {
    const before = host.addresses.find((address) => address.includes(':'));
    if (before === undefined) return;
    const line = host.removeInterface(before);
    line.realm.detach(before);
    for (let box = gateway; box !== null; box = box.behind) box.outer.realm.detach(before);
    this.#connect6(host, gateway, { hops: line.hops, link: line.up.behaviour });
  }

  /**
   * A VPN: a second interface behind the provider's box, by which everything leaves from now on. What is sent to the old address still
   * arrives. Answers what switches it off.
   */
  vpn(host: Host, provider: Gateway, link: Partial<LinkBehaviour> = {}): () => void {
    const address = this.#join(host, provider.inside, { link });
    host.preferInterface(address);
    return () => host.removeInterface(address).realm.detach(address);
  }

  /** An attacker's packet, with whatever source address it likes, from somewhere in the internet. */
  inject(forged: {
    readonly from: Endpoint;
    readonly to: Endpoint;
    readonly bytes: Uint8Array;
    readonly ttl?: number;
    readonly icmp?: IcmpError;
  }): void {
    const { ttl = TTL_DEFAULT, icmp = null } = forged;
    this.internet.inject({ ...forged, ttl, icmp, id: ++this.#packetId, origin: 'attacker' });
  }

  /** Runs until `done` or the limit, whichever is first; false at the limit. */
  runUntil(done: () => boolean, limit: { readonly limitMs: number }): boolean {
    const end = this.#now + limit.limitMs;
    while (!done()) {
      if (this.#queue.nextAt > end) {
        this.#now = end;
        return done();
      }
      this.#step();
    }
    return true;
  }

  run(limitMs: number): void {
    this.runUntil(() => false, { limitMs });
  }

  /** Throws what the checks found, with the command that replays the run. */
  check(...checks: readonly WorldCheck[]): void {
    const found = checks.map((check) => check(this)).filter((message) => message !== null);
    if (found.length > 0) throw new Error(`${found.join('\n')}\n${this.replayText()}`);
  }

  replayText(): string {
    return `replay: ${this.options.replay ?? `createWorld(${JSON.stringify(this.options)})`}`;
  }

  /** Address of the box a host is behind, as the host sees it; null where it is public. */
  gatewayAddress(host: Host): string | null {
    const lan = [...this.#lans.values()].find(({ prefix }) => host.address.startsWith(`${prefix}.`));
    return lan === undefined ? null : `${lan.prefix}.1`;
  }

  publicAddress(): string {
    const n = ++this.#publicAddresses;
    // 198.18.0.0/15 and 203.0.113.0/24 are for tests (RFC 2544, 5737); the first holds 131,072 addresses.
    return `198.${18 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
  }

  publicAddress6(): string {
    return `2001:db8::${(++this.#addresses6).toString(16)}`;
  }

  readonly #lans = new Map<Realm, { readonly prefix: string; used: number }>();

  #lanPrefix(behindCarrier: boolean): string {
    const n = this.#realms++;
    return behindCarrier ? `192.168.${n % 256}` : `10.${(n >> 8) & 255}.${n & 255}`;
  }

  #lanAddress(realm: Realm): string {
    const lan = this.#lans.get(realm);
    if (lan === undefined) throw new Error(`${realm.name} has no addresses of its own`);
    lan.used++;
    return `${lan.prefix}.${lan.used}`;
  }

  /** What is sent to the box itself finds no service: most boxes answer neither PCP nor anything else. */
  #refuse(gateway: Gateway, packet: Packet): void {
    this.#context.dropped(packet, gateway.name, 'port-closed');
    if (packet.icmp !== null) return;
    gateway.inner.realm.send(gateway.inner, this.#context.icmpFor(packet, 'port-unreachable', packet.to.address));
  }

  #chain(name: string, behind: Behind): Gateway {
    if (!isList(behind)) return 'inside' in behind ? behind : this.nat(behind, { name: `${name}.nat` });
    let outer: Gateway | undefined;
    for (const [index, link] of [...behind].reverse().entries()) {
      outer =
        'inside' in link
          ? link
          : this.nat(link, {
              name: `${name}.nat${behind.length - 1 - index}`,
              ...(outer === undefined ? {} : { behind: outer }),
            });
    }
    if (outer === undefined) throw new Error('a chain of NATs needs one at least');
    return outer;
  }

  #newHost(name: string, clockOffsetMs: number, socketsMax: number, server: boolean): Host {
    const random = this.#random.fork(`host/${name}`);
    const host = new Host({ name, random, context: this.#context, clockOffsetMs, socketsMax, server });
    this.hosts.push(host);
    return host;
  }

  /** With the next free address. */
  #join(host: Host, realm: Realm, place: { hops?: number; link?: Partial<LinkBehaviour> }): string {
    const address = realm === this.internet ? this.publicAddress() : this.#lanAddress(realm);
    this.#connect(host, realm, address, place);
    return address;
  }

  #connect(host: Host, realm: Realm, address: string, place: { hops?: number; link?: Partial<LinkBehaviour> }): void {
    const attachment = this.#attachment(host.name, realm, place, false, (packet) => host.receive(packet));
    realm.attach(address, attachment);
    host.addInterface(address, attachment);
  }

  /** IPv6 is routed, not translated: every realm on the way knows which box leads to the address. */
  #connect6(host: Host, gateway: Gateway | null, place: HostPlace): void {
    const address = this.publicAddress6();
    this.#connect(host, gateway?.inside ?? this.internet, address, place);
    for (let box = gateway; box !== null; box = box.behind) box.outer.realm.attach(address, box.outer);
  }

  #attachment(
    name: string,
    realm: Realm,
    place: { readonly hops?: number; readonly link?: Partial<LinkBehaviour> },
    immediate: boolean,
    receive: (packet: Packet) => void,
    inner = false,
  ): Attachment {
    const wide = realm === this.internet;
    const random = this.#random.fork(`line/${name}${inner ? '/inner' : ''}`);
    const behaviour = { ...(wide ? this.#accessLine(random) : {}), ...place.link };
    return {
      name: inner ? `${name}.inner` : name,
      realm,
      hops: place.hops ?? (wide ? (this.options.hops ?? 3) : 0),
      up: new OneWayLink(behaviour, random.fork('up')),
      down: new OneWayLink(behaviour, random.fork('down')),
      immediate,
      receive,
    };
  }

  /** Half of what lies between two sites: two access lines in a row give the delay and loss that the options name. */
  #accessLine(random: SimRandom): Partial<LinkBehaviour> {
    const { delayMs = 20, jitterMs = 0, lossRate = 0, link = {} } = this.options;
    const delay = typeof delayMs === 'number' ? delayMs : random.between(delayMs.min, delayMs.max);
    return { delayMs: delay / 2, jitterMs: jitterMs / 2, lossRate: 1 - Math.sqrt(1 - lossRate), ...link };
  }

  #step(): void {
    const event = this.#queue.pop();
    if (event === undefined) return;
    this.#now = event.at;
    const { eventsMax = EVENTS_MAX } = this.options;
    if (++this.#events > eventsMax) throw new Error(`live-lock: ${eventsMax} events\n${this.replayText()}`);
    event.run();
  }

  #record(what: TraceKind, where: string, packet: Packet, why: string | null): void {
    const keep = this.options.trace !== false;
    const watchers = this.#watchers[what];
    if (!keep && watchers.length === 0) return;
    const record = { at: this.#now, what, where, packet, why };
    if (keep) this.#records.push(record);
    for (const watcher of watchers) watcher(record);
  }

  #createContext(): HostContext {
    const world = this;
    return {
      get now() {
        return world.#now;
      },
      schedule: (at, run) => world.#queue.push(at, run),
      nextPacketId: () => ++world.#packetId,
      sent: (packet, host) => world.#record('sent', host.name, packet, null),
      delivered: (packet, host) => world.#record('delivered', host.name, packet, null),
      dropped: (packet, where, why) => world.#record('dropped', where, packet, why),
      forwarded: (_before, after, where) => world.#record('translated', where, after, null),
      icmpFor: (packet, kind, sender) => icmpFor(packet, kind, sender, ++world.#packetId),
    };
  }
}

/** A network that blocks UDP does so over either family. */
function firewallBeside({ udpBlocked = false }: NatBehaviour): NatBehaviour {
  return udpBlocked ? { ...FIREWALL, udpBlocked } : FIREWALL;
}

const NO_BYTES = new Uint8Array(0);

function icmpFor(packet: Packet, kind: IcmpKind, sender: string, id: number): Packet {
  return {
    id,
    from: { address: sender, port: 0 },
    to: packet.from,
    ttl: TTL_DEFAULT,
    bytes: NO_BYTES,
    icmp: { kind, from: packet.from, to: packet.to },
    origin: sender,
  };
}

function isList(behind: Behind): behind is readonly (NatBehaviour | Gateway)[] {
  return Array.isArray(behind);
}
