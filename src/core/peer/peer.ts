/**
 * The one machine a participant is: host, client or both. It owns the link to the master, the detector, the hosting, the joins
 * and the paths; here they are wired to each other, and every datagram finds its way by its first byte and its socket.
 */

import { type Endpoint, familyOf, isPrivate, sameEndpoint } from '../address.ts';
import { agenda } from '../agenda.ts';
import { eightBytes } from '../connection/datagram.ts';
import {
  type DataSink,
  type Instant,
  type Machine,
  NEVER,
  type Output,
  type SocketId,
  type SocketOutcome,
  socketIds,
  type Transmit,
} from '../contract.ts';
import { createDetector, type DetectEvent, type Detector } from '../detect/detector.ts';
import { assert } from '../errors.ts';
import type { MastersEvent, MastersMachine } from '../link/interface.ts';
import { Masters } from '../link/masters.ts';
import { Nest, outputs } from '../machine.ts';
import { familyOn, type LocalNetwork } from '../model/network.ts';
import type { Candidate } from '../model/pair.ts';
import type { NatProfile, ProbeResult } from '../nat/profile.ts';
import type { MapEvent } from '../portmap/interface.ts';
import { createPortMapper } from '../portmap/mapper.ts';
import { proversOf } from '../portmap/provers.ts';
import { isLocalAddress } from '../scope.ts';
import { requestNumbers } from '../sources/asker.ts';
import type { MappingSource } from '../sources/source.ts';
import { StunSource } from '../sources/stun-source.ts';
import { device } from '../traverse/pay/budget.ts';
import { WIRE } from '../wire/first-byte.ts';
import type { Push, Response } from '../wire/messages.ts';
import type { PeerConfig, PeerContext } from './base/context.ts';
import type { JoinId, PeerCommand, PeerEvent } from './base/interface.ts';
import { PEER_LIMITS } from './base/limits.ts';
import { Connections } from './carry/connections.ts';
import { Memory } from './host/door.ts';
import { type HostCommand, Hosting } from './host/hosting.ts';
import { Join } from './join/joining.ts';
import { Codes } from './keys/codes.ts';
import { fetchList } from './list.ts';
import type { Whereabouts } from './reach/candidates.ts';
import { Ipv6 } from './reach/ipv6.ts';
import { Pinhole } from './reach/pinhole.ts';
import { Relays } from './reach/relaying.ts';

export function createPeer(config: PeerConfig): Machine<PeerCommand, PeerEvent> {
  return new Peer(config);
}

/** Control datagrams of the master may arrive on any socket of ours: the link sends JOIN and ANSWER from them. */
const CONTROL: readonly number[] = [WIRE.hello, WIRE.retry, WIRE.accept, WIRE.control];

/** Where a probe names its session (traverse/prove/probe.ts). */
const PROBE_SID_AT = 4;

/** Those who join wait for the own profile (`measuring`), and then for the master (`calling`). */
type Phase = 'new' | 'measuring' | 'calling' | 'ready' | 'closing' | 'closed';

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const PEER_PHASES = {
  new: { measuring: 'it is started', closing: 'it is closed before it was started' },
  measuring: {
    calling: 'the own profile is as good as it will be for now',
    ready: '2 s are over',
    closing: 'it is closed: its paths are left, and the master is told',
  },
  calling: {
    ready: 'there is a session with the master, or 2 s are over',
    closing: 'it is closed: its paths are left, and the master is told',
  },
  ready: { closing: 'it is closed: its paths are left, and the master is told' },
  closing: { closed: 'the master has answered the goodbye, or has not for too long' },
  closed: {},
} as const satisfies Record<Phase, Partial<Record<Phase, string>>>;

class Peer implements Machine<PeerCommand, PeerEvent> {
  private readonly config: PeerConfig;
  private readonly out = outputs<PeerEvent>();
  private readonly nest = new Nest(this.out);
  private readonly sockets = socketIds();
  private readonly requestNumbers = requestNumbers();
  private readonly agenda = agenda();
  private readonly link: MastersMachine;
  private readonly detector: Detector;
  /** All that the master was asked at IPv4 in the last detection has stayed without answer. */
  private unheardByIpv4 = false;
  private readonly mapper: ReturnType<typeof createPortMapper>;
  /** The socket that the router is asked to open for everybody; 0 until `start`. */
  private front: SocketId = 0;
  private readonly ipv6: Ipv6;
  private readonly pinhole: Pinhole;
  private readonly context: PeerContext;
  private readonly relays: Relays;
  private readonly connections: Connections;
  private readonly joins = new Map<JoinId, Join>();
  /** What one hosting leaves to the next. */
  private memory: Memory | null = null;
  private hosting: Hosting | null = null;
  /** Where the open sockets are bound. */
  private readonly locals = new Map<SocketId, Endpoint>();
  /** Of connections that are to get another one. */
  private readonly brokenTunnels = new Set<SocketId>();
  /** Sockets asked for by a part that is no machine. */
  private readonly openers = new Map<SocketId, (now: Instant, outcome: SocketOutcome) => void>();
  private readonly requests = new Map<number, (now: Instant, response: Response) => void>();
  private nextRef = 1;
  private readonly codes = new Codes((key) => this.out.event({ ev: 'derive', key }));
  private network: LocalNetwork = { addresses: [], gateway: null };
  private now: Instant = 0;
  private linkUp = false;
  /** Masters, or nodes of the fleet, with whom there is a session. */
  private readonly nodesUp = new Set<string>();
  /** While we host: by then it is known how long an idle mapping lives, where that can be known. */
  private lifeKnownAt: Instant = 0;
  /** Round trip to the master over the network that we are in now; null until that is known. */
  private rttMs: number | null = null;
  private seenAt: string | null = null;
  private stun: readonly Endpoint[];
  private phase: Phase = 'new';

  constructor(config: PeerConfig) {
    this.config = config;
    this.stun = config.stun;
    const { crypto, random, family, identity, master, wallClock } = config;
    const { sockets, requestNumbers: requests } = this;
    this.link = new Masters({ crypto, random, sockets, identity, master, wallClock });
    this.detector = createDetector({ crypto, random, sockets, requests, family });
    this.mapper = createPortMapper({ crypto, sockets, requests });
    this.context = this.makeContext();
    this.ipv6 = new Ipv6(this.context, {
      onAnswer: (now, works) => {
        this.nest.command(now, this.detector, { do: 'ipv6', works });
        this.lookForPinhole(now);
      },
      onSeen: (now) => this.movedIpv6(now),
    });
    this.pinhole = new Pinhole(this.context);
    this.connections = new Connections(this.context);
    this.relays = new Relays(this.context);
    this.nest.add(this.link, (now, event) => this.linked(now, event));
    this.nest.add(this.detector, (now, event) => this.detected(now, event));
    this.nest.add(this.mapper, (now, event) => this.portMapped(now, event));
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (bytes.length === 0 || this.phase === 'new' || this.phase === 'closed') return;
    this.now = now;
    const first = bytes[0] as number;
    if (first === WIRE.path) this.connections.datagram(now, socket, from, bytes);
    else if (first === WIRE.relay) this.relaySays(now, socket, from, bytes);
    else if (CONTROL.includes(first)) this.nest.datagramTo(now, this.link, socket, from, bytes);
    else if (first === WIRE.punch) this.punched(now, socket, from, bytes);
    else this.nest.datagram(now, socket, from, bytes);
    this.nest.pump(now);
  }

  dataTo(sink: DataSink): void {
    this.connections.sink = sink;
  }

  handleSocket(now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    this.now = now;
    if (outcome.ok) this.locals.set(socket, outcome.local);
    const opener = this.openers.get(socket);
    this.openers.delete(socket);
    if (opener !== undefined) opener(now, outcome);
    else if (!outcome.ok && outcome.code === 'closed' && this.connections.broken(now, socket)) {
      this.locals.delete(socket);
      this.brokenTunnels.add(socket);
    }
    // It was closed before it was open.
    else if (!this.nest.socket(now, socket, outcome)) this.locals.delete(socket);
    this.nest.pump(now);
  }

  handleTimeout(now: Instant): void {
    this.now = now;
    this.agenda.run(now);
    this.nest.timeout(now);
    this.nest.pump(now);
  }

  handleCommand(now: Instant, command: PeerCommand): void {
    this.now = now;
    const early = command.do === 'start' || command.do === 'network' || command.do === 'close';
    if (this.phase === 'new' ? early : this.isRunning && command.do !== 'start') this.obey(now, command);
    this.nest.pump(now);
  }

  poll(): Output<PeerEvent> {
    let output = this.next();
    while (output.kind === 'transmit' && this.leadsNowhere(output)) output = this.next();
    if (output.kind === 'socket' && output.op !== 'open') {
      this.locals.delete(output.socket);
      this.brokenTunnels.delete(output.socket);
    }
    return output;
  }

  /** A request that the link repeats on a punching socket that has been closed since, or what a broken tunnel was to carry. */
  private leadsNowhere({ socket, bytes }: Transmit): boolean {
    return (bytes[0] === WIRE.control && !this.locals.has(socket)) || this.brokenTunnels.has(socket);
  }

  /** When to be woken is looked for once everything else is handed out. */
  private next(): Output<PeerEvent> {
    return this.out.next(this.out.idle ? Math.min(this.agenda.next(), this.nest.next()) : NEVER);
  }

  private obey(now: Instant, command: PeerCommand): void {
    switch (command.do) {
      case 'start':
        this.start(now);
        break;
      case 'host':
        this.host(now, command);
        break;
      case 'announce':
      case 'admit':
      case 'kick':
      case 'ban':
      case 'unban':
        if (this.hosting !== null) steer(now, this.hosting, command);
        break;
      case 'unhost':
        this.hosting?.close(now);
        this.hosting = null;
        break;
      case 'join':
        this.join(now, command);
        break;
      case 'abort':
        this.joins.get(command.join)?.abort(now);
        break;
      case 'send':
        this.connections.send(now, command.path, command.bytes, command.channel ?? 0);
        break;
      case 'game':
        this.connections.sayGame(now, command.path, command.service, command.state);
        break;
      case 'leave':
      case 'stream':
      case 'release':
      case 'stats':
        this.obeyForPath(now, command);
        break;
      case 'check':
        this.nest.command(now, this.detector, { do: 'detect' });
        break;
      case 'map-port':
        this.nest.command(now, this.mapper, { do: 'again' });
        this.pinhole.tell(now, { do: 'again' });
        break;
      case 'list':
        fetchList(now, this.context, command.id);
        break;
      case 'network':
        this.changeNetwork(now, command.network);
        break;
      case 'names':
        this.named(now, command);
        break;
      case 'upnp':
        if (command.family === 6) this.pinhole.tell(now, command);
        else this.nest.command(now, this.mapper, command);
        break;
      case 'derived':
        this.codes.derived(now, command.key, command.code);
        break;
      case 'close':
        this.close(now);
    }
  }

  private obeyForPath(
    now: Instant,
    command: PeerCommand & { readonly do: 'leave' | 'stream' | 'release' | 'stats' },
  ): void {
    if (command.do === 'leave') this.connections.leave(now, command.path, 'left');
    else if (command.do === 'stream') this.connections.stream(now, command.path, command.command);
    else if (command.do === 'release') this.connections.release(now, command.path);
    else this.connections.stats(command.path);
  }

  private get isStarting(): boolean {
    return this.phase === 'measuring' || this.phase === 'calling';
  }

  private get isRunning(): boolean {
    return this.isStarting || this.phase === 'ready';
  }

  private enter(phase: Phase): void {
    assert(phase in PEER_PHASES[this.phase], `a peer goes from ${this.phase} to ${phase}`);
    this.phase = phase;
  }

  private start(now: Instant): void {
    this.enter('measuring');
    this.nest.command(now, this.link, { do: 'start' });
    this.nest.command(now, this.detector, { do: 'rests', rests: this.config.stunRests ?? [] });
    this.offerSources(now);
    this.nest.command(now, this.detector, { do: 'detect' });
    this.openFront();
    this.lookForPinhole(now);
    this.agenda.at(now + PEER_LIMITS.readyMs, (at) => this.beReady(at));
  }

  private named(now: Instant, { master, stun, looked }: PeerCommand & { readonly do: 'names' }): void {
    if (looked) this.nest.command(now, this.detector, { do: 'passes', what: 'dns' });
    if (master.length > 0) this.nest.command(now, this.link, { do: 'addresses', addresses: master });
    if (stun.length === 0) return;
    this.stun = stun;
    this.offerSources(now);
  }

  private offerSources(now: Instant): void {
    const { crypto } = this.config;
    const sources = [...this.link.sources, ...this.stun.map((target) => new StunSource(target, crypto))];
    this.nest.command(now, this.detector, { do: 'sources', sources });
    this.nest.command(now, this.mapper, { do: 'sources', sources: this.provers(4) });
    this.pinhole.sources(now, this.provers(6));
  }

  private lookForPinhole(now: Instant): void {
    this.pinhole.look(now, [this.ipv6.candidate?.endpoint.address ?? null, this.seenAt]);
  }

  /** Who may prove a port mapping, over a family of addresses. */
  private provers(family: 4 | 6): readonly MappingSource[] {
    const stun = this.stun.map((target) => new StunSource(target, this.config.crypto));
    return proversOf(family, this.link.sources, stun);
  }

  /** A port mapping needs a socket that stays: paths that come through it share it, told apart by their session ids. */
  private openFront(): void {
    this.front = this.context.open(4, (now, outcome) => {
      if (!outcome.ok) return;
      this.nest.assign(this.front, this.mapper);
      this.nest.command(now, this.mapper, { do: 'map', socket: this.front, port: outcome.local.port });
    });
  }

  private host(now: Instant, command: HostCommand): void {
    this.hosting?.close(now);
    if (command.guests !== undefined) this.memory = new Memory(this.config.crypto, command.guests);
    this.memory ??= new Memory(this.config.crypto, { bans: [], known: [] });
    this.hosting = new Hosting(this.context, this.connections, command, this.memory);
    // A host has the time: its friends' plans gain from knowing how long its mappings live, and it keeps its own open by that.
    this.nest.command(now, this.detector, { do: 'lifetime' });
    this.lifeKnownAt = now + PEER_LIMITS.lifeKnownMs;
    this.agenda.at(this.lifeKnownAt, (at) => this.hold(at));
    this.hold(now);
    for (const node of this.nodesUp) this.hosting.link(now, node, true);
  }

  private hold(now: Instant): void {
    const unknown = this.hosting !== null && now < this.lifeKnownAt ? PEER_LIMITS.lifeMsUnknown : null;
    this.nest.command(now, this.link, { do: 'hold', lifeMs: this.context.profile().idleLifetimeMs ?? unknown });
  }

  private join(now: Instant, command: PeerCommand & { readonly do: 'join' }): void {
    if (this.joins.has(command.join) || this.joins.size >= PEER_LIMITS.joinsMax) {
      this.out.event({ ev: 'join-failed', join: command.join, failure: 'BUSY', detail: { because: 'too-many-joins' } });
      return;
    }
    const join = new Join(this.context, this.connections, now, command, () => this.joins.delete(command.join));
    this.joins.set(command.join, join);
    join.link(now, null);
  }

  private changeNetwork(now: Instant, network: LocalNetwork): void {
    this.network = network;
    this.nest.command(now, this.detector, { do: 'network', network });
    this.nest.command(now, this.mapper, { do: 'network', network });
    if (!this.isRunning) return;
    this.rttMs = null;
    this.nest.command(now, this.link, { do: 'nudge' });
    if (this.linkUp) this.ipv6.begin(now);
    this.lookForPinhole(now);
    this.relays.measure(now);
    this.connections.nudge(now);
    for (const join of [...this.joins.values()]) join.network(now);
    if (this.context.family() === 6) this.movedIpv6(now);
  }

  /** Our addresses of IPv6 may be others now. */
  private movedIpv6(now: Instant): void {
    const six = this.ipv6.candidate?.endpoint.address;
    const all = six === undefined ? this.network.addresses : [six];
    this.tellAnew(now, {
      addresses: all.filter((address) => familyOf(address) === 6 && !isPrivate(address)),
      opened: false,
    });
  }

  /** Whoever is on the way to or from us without knowing begins anew. */
  private tellAnew(now: Instant, where: Whereabouts): void {
    for (const join of [...this.joins.values()]) join.moved(now, where);
    this.hosting?.moved(now, where);
  }

  private close(now: Instant): void {
    this.enter('closing');
    for (const join of [...this.joins.values()]) join.end(now);
    this.hosting?.close(now);
    this.hosting = null;
    this.connections.leaveAll(now, 'left');
    this.nest.command(now, this.detector, { do: 'stop' });
    this.nest.command(now, this.mapper, { do: 'stop' });
    this.pinhole.tell(now, { do: 'stop' });
    // The goodbye is on its way; its answer is awaited only so long, because whoever quits wants to be gone.
    if (this.requests.size === 0 || !this.linkUp) this.closed(now);
    else this.agenda.at(now + PEER_LIMITS.closeWaitMs, (at) => this.closed(at));
  }

  private closed(now: Instant): void {
    if (this.phase === 'closed') return;
    this.enter('closed');
    this.ipv6.close();
    this.relays.close();
    this.nest.command(now, this.link, { do: 'close' });
    this.nest.pump(now);
    for (const child of [this.link, this.detector, this.mapper]) this.nest.remove(child);
    this.pinhole.close();
    for (const socket of this.openers.keys()) this.out.close(socket);
    this.openers.clear();
    this.agenda.clear();
    this.out.event({ ev: 'closed' });
  }

  private linked(now: Instant, event: MastersEvent): void {
    switch (event.ev) {
      case 'state':
        this.linkUp = event.state === 'up';
        if (this.linkUp) this.relays.measure(now);
        this.rttMs = event.rttMs ?? this.rttMs;
        this.out.event({ ...event, ev: 'link' });
        if (this.linkUp) {
          this.nest.command(now, this.detector, { do: 'passes', what: event.way === 'tls' ? 'tls' : 'udp' });
          this.offerSources(now);
          this.ipv6.begin(now);
          for (const session of this.context.sessions.values()) session.here(now);
        }
        for (const join of [...this.joins.values()]) join.link(now, event.failure);
        this.maybeReady(now);
        break;
      case 'response': {
        const onResponse = this.requests.get(event.ref);
        this.requests.delete(event.ref);
        onResponse?.(now, event.response);
        if (this.phase === 'closing' && this.requests.size === 0) this.closed(now);
        break;
      }
      case 'push':
        this.pushed(now, event.push, event.node);
        break;
      case 'node':
        this.noded(now, event);
        break;
      case 'observed':
        this.observed(now, event.observed);
        break;
      case 'relays':
        this.relays.measure(now);
        this.connections.relaysNamed(now);
        break;
      case 'log':
        this.context.log(null, event.what, event.data);
    }
  }

  /** A new external address is a new line: what was known of the NAT may not hold any more. */
  private observed(now: Instant, { address, port }: Endpoint): void {
    this.context.log(null, 'observed', { address, port });
    this.seenAt = address;
    // A router that has started again gives other ports, and has forgotten those that it opened.
    this.nest.command(now, this.mapper, { do: 'look' });
    const { external } = this.context.profile();
    // Seen from inside it says nothing of the line.
    const moved =
      !isLocalAddress(address) &&
      external.length > 0 &&
      familyOf(address) === this.context.family() &&
      !external.includes(address);
    if (moved) this.nest.command(now, this.detector, { do: 'detect' });
  }

  private noded(now: Instant, { node, state }: MastersEvent & { readonly ev: 'node' }): void {
    if (state === 'up') {
      this.nodesUp.add(node);
      for (const session of this.context.sessions.values()) session.here(now);
    } else this.nodesUp.delete(node);
    if (state === 'left') this.hosting?.leave(now, node);
    else this.hosting?.link(now, node, state === 'up');
  }

  private pushed(now: Instant, push: Push, node: string): void {
    if (push.type === 'going-away') {
      this.context.log(null, 'master-going-away', { afterMs: push.afterMs });
      return;
    }
    if (this.hosting?.push(now, push, node)) return;
    for (const join of [...this.joins.values()]) if (join.push(now, push)) return;
  }

  private detected(now: Instant, event: DetectEvent): void {
    switch (event.ev) {
      case 'profile':
        this.out.event(event);
        if (event.final) this.unheardByIpv4 = !event.probes.some((probe) => isOfMaster(probe, this.link.addresses));
        if (event.final && this.phase === 'measuring') this.enter('calling');
        this.hosting?.profile(now, event.profile);
        this.hold(now);
        this.maybeReady(now);
        break;
      case 'cooling':
        this.out.event({ ev: 'stun-rests', rests: event.cooling });
        break;
      case 'waiting':
        this.context.log(null, 'detect-waiting', { why: event.why, untilMs: event.until - now });
        break;
      case 'log':
        this.context.log(null, event.what, event.data);
    }
  }

  private portMapped(now: Instant, event: MapEvent): void {
    if (event.ev === 'port-mapping') {
      const { external } = event.report;
      const before = this.context.profile().portMapping.external;
      this.nest.command(now, this.detector, { do: 'port-mapping', report: event.report, router: event.router });
      const opened = external !== null && (before === null || !sameEndpoint(external, before));
      if (opened) this.tellAnew(now, { addresses: [], opened });
    } else if (event.ev === 'upnp') this.out.event(event);
    else this.context.log(null, event.what, event.data);
  }

  private shared(): readonly Candidate[] {
    const endpoint = this.context.profile().portMapping.external;
    const mapped: Candidate[] = endpoint === null ? [] : [{ kind: 'mapped', endpoint, socket: this.front }];
    const [six, open] = [this.ipv6.candidate, this.pinhole.candidate];
    // Beside IPv4 only an address that the master has seen may be told: nobody is permitted to probe another one.
    const through = this.context.family() === 6 || open?.endpoint.address === six?.endpoint.address ? open : null;
    const best = through ?? six;
    return best === null ? mapped : [...mapped, best];
  }

  private maybeReady(now: Instant): void {
    if (this.linkUp && this.phase === 'calling') this.beReady(now);
  }

  private beReady(now: Instant): void {
    if (!this.isStarting) return;
    this.enter('ready');
    this.out.event({ ev: 'ready', profile: this.context.profile() });
    for (const join of [...this.joins.values()]) join.ready(now);
  }

  private relaySays(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    if (!this.relays.datagram(now, socket, from, bytes)) this.connections.relaySays(now, socket, from, bytes);
  }

  private punched(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    const session = this.context.sessions.get(eightBytes(bytes, PROBE_SID_AT));
    if (session !== undefined) this.nest.datagramTo(now, session.traversal, socket, from, bytes);
  }

  /** By which family we go. A master that is there by IPv6 and silent by IPv4 would never see us there: then it is IPv6. */
  private family(): 4 | 6 {
    const wished = familyOn(this.network, this.config.family);
    const [master] = this.link.sources;
    const beside = master !== undefined && familyOf(master.target.address) === 6;
    return this.unheardByIpv4 && beside && this.network.families?.includes(6) ? 6 : wished;
  }

  private makeContext(): PeerContext {
    const { config, out, nest, sockets, requestNumbers: numbers, link } = this;
    const relays = () => this.relays;
    return {
      ...{ config, out, nest, sockets, requests: numbers, agenda: this.agenda, link },
      ...{ device: device(), sessions: new Map() },
      get relays() {
        return relays();
      },
      stun: () => this.stun,
      linkUp: () => this.linkUp,
      atDoor: () => link.atDoor,
      ready: () => this.phase === 'ready',
      masterAddress: () => link.sources[0]?.target.address ?? null,
      seenAt: () => this.seenAt,
      payIpv6: (now, credit) => this.ipv6.pay(now, credit),
      profile: (): NatProfile => this.detector.profile(this.now),
      network: () => this.network,
      family: () => this.family(),
      otherFamily: () => {
        const [ours, master] = [this.family(), link.sources[0]?.target.address];
        return master === undefined || link.way === 'tls' || familyOf(master) === ours ? {} : { family: ours };
      },
      shared: () => this.shared(),
      isShared: (socket) => [this.front, this.ipv6.socket, this.pinhole.socket].includes(socket),
      masterRttMs: () => this.rttMs,
      local: (socket) => this.locals.get(socket) ?? { address: '', port: 0 },
      request: (now, request, socket, onResponse, to = {}) => {
        const ref = this.nextRef++;
        this.requests.set(ref, onResponse);
        nest.command(now, link, { do: 'request', ref, request, socket, ...to });
        return {
          cancel: () => {
            if (this.requests.delete(ref)) nest.command(this.now, link, { do: 'cancel', ref });
          },
        };
      },
      stand: (now, code) => nest.command(now, link, { do: 'stand', code }),
      stay: (now) => {
        nest.command(now, link, { do: 'stay' });
        nest.command(now, link, { do: 'request', ref: this.nextRef++, request: { type: 'echo' }, socket: null });
      },
      deriveCode: (key, onCode) => this.codes.derive(key, onCode),
      open: (family, onOutcome) => {
        const socket = sockets.next();
        this.openers.set(socket, onOutcome);
        out.open(socket, family);
        return socket;
      },
      openTunnel: (onOutcome) => {
        const socket = sockets.next();
        this.openers.set(socket, onOutcome);
        out.openTunnel(socket);
        return socket;
      },
      close: (socket) => {
        this.openers.delete(socket);
        out.close(socket);
      },
      log: (join, what, data) => out.event({ ev: 'log', join, attempt: null, what, data }),
    };
  }
}

type Steering = PeerCommand & { readonly do: 'announce' | 'admit' | 'kick' | 'ban' | 'unban' };

/** What whoever hosts says while hosting. */
function steer(now: Instant, hosting: Hosting, command: Steering): void {
  switch (command.do) {
    case 'announce':
      hosting.announce(now, command);
      break;
    case 'admit':
      hosting.admit(now, command.friend, command.admit);
      break;
    case 'kick':
      hosting.kick(now, command.friend);
      break;
    case 'ban':
      hosting.ban(now, command.friend, command.network);
      break;
    case 'unban':
      hosting.unban(command.ban);
  }
}

function isOfMaster({ destination: { address }, seenAs }: ProbeResult, addresses: readonly string[]): boolean {
  return seenAs !== null && familyOf(address) === 4 && addresses.includes(address);
}
