/**
 * The master: introduces hosts and clients, tells sockets their mappings, lists public servers. One machine behind 25 UDP ports
 * per address (separate ports, so that a flood on one leaves the others alone, SECURITY.md row 11):
 *
 *     port        the door: HELLO, RETRY, ACCEPT
 *     port + 1…8  control: everything sealed
 *     port + 9…24 probes: 48 bytes in, 48 bytes out
 *
 * or behind one port that does all of it (`onePort`, and the port named by `furtherPort`), where the first byte says what a
 * datagram is: `wire/first-byte.ts`.
 */

import { type Endpoint, familyOf } from '../address.ts';
import {
  type Instant,
  NEVER,
  type Output,
  type SocketId,
  type SocketIds,
  type SocketOutcome,
  socketIds,
} from '../contract.ts';
import { assert } from '../errors.ts';
import { outputs } from '../machine.ts';
import type { TableState } from '../rate/shares.ts';
import { randomU32 } from '../secure/crypto.ts';
import { answeringPort } from '../sources/source.ts';
import { WIRE } from '../wire/first-byte.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import { Control } from './control.ts';
import { Counters } from './counters.ts';
import { MasterDoor, type Reception } from './door.ts';
import { Grants } from './grants.ts';
import type { MasterCommand, MasterConfig, MasterCounters, MasterEvent, MasterMachine } from './interface.ts';
import { Joins } from './joins.ts';
import { MASTER_LIMITS } from './limits.ts';
import { MASTER_PHASES, type MasterPhase } from './phases.ts';
import { PortWatch } from './port-watch.ts';
import { answerProbe } from './probes.ts';
import { Registry } from './registry.ts';
import { Requests } from './requests.ts';
import type { MasterSession } from './session.ts';
import { Sessions } from './sessions.ts';
import { Tickets } from './tickets.ts';
import { Vantage } from './vantage.ts';

export const CONTROL_PORTS = WIRE_LIMITS.controlPorts;
export const PROBE_PORTS = 16;

/** One address with one set of ports: an address has two of them where there is a further port. */
interface Place {
  /** Empty of the place where tunnels end: it is at no address of ours. */
  readonly address: string;
  /** Of the door. */
  readonly port: number;
  readonly firstProbePort: number;
  readonly probePorts: number;
  readonly control: readonly { readonly socket: SocketId; readonly port: number }[];
  readonly probes: readonly SocketId[];
}

type Role = 'door' | 'control' | 'probe';

interface Port {
  /** `any`: the first byte of each datagram says which. */
  readonly role: Role | 'any';
  readonly place: Place;
  /** Which of the probe ports. */
  readonly offset: number;
  readonly endpoint: Endpoint;
}

export function createMaster(config: MasterConfig): MasterMachine {
  return new Master(config);
}

class Master implements MasterMachine {
  private readonly config: MasterConfig;
  private readonly out = outputs<MasterEvent>();
  private readonly ids: SocketIds = socketIds();
  private readonly places: Place[] = [];
  private readonly ports = new Map<SocketId, Port>();
  private readonly receptions = new Map<Place, Reception>();
  private readonly counts = new Counters();
  private readonly vantage = new Vantage();
  private readonly portWatch: PortWatch;
  private readonly sessions: Sessions;
  private readonly registry: Registry;
  private readonly joins: Joins;
  private readonly tickets: Tickets;
  private readonly door: MasterDoor;
  private readonly control: Control;
  private readonly requests: Requests;
  /** Of the call that runs: sessions end in many places. */
  private now: Instant = 0;
  private phase: MasterPhase = { in: 'binding', left: 0, failed: false };
  readonly keyOfCode = (code: string): Uint8Array | null => this.registry.keyOf(code);

  constructor(config: MasterConfig) {
    this.config = config;
    this.portWatch = new PortWatch([...config.addresses, ...(config.advertised ?? [])]);
    const suite = config.crypto;
    const counters = this.counts;
    const secret = suite.randomBytes(16);
    this.registry = new Registry(suite, secret, (host) => config.policy.proven?.(host) ?? false);
    this.sessions = new Sessions(
      suite,
      MASTER_LIMITS.sessionExpiryMs,
      (session) => this.closed(session),
      (session) => session.pushes !== null || this.registry.of(session)?.session === session,
      secret,
    );
    const { identity, wallClock, relays } = config;
    const grants = new Grants({ suite, own: identity.publicKey, wallClock, relays });
    this.joins = new Joins(grants, secret, () => randomU32(suite));
    const { fleet } = config;
    this.tickets = new Tickets({
      ...{ suite, own: config.identity.publicKey, wallClock: config.wallClock },
      onKeys: (keys) => this.out.event({ ev: 'ticket-keys', keys }),
      ...fleet,
    });
    const { sessions, tickets } = this;
    this.door = new MasterDoor({
      suite,
      own: config.identity,
      sessions,
      tickets,
      counters,
      wallClock,
      secret,
      ...fleet,
    });
    this.requests = new Requests({
      ...{ suite, registry: this.registry, joins: this.joins, grants, counters, policy: config.policy },
      own: config.identity.publicKey,
      page: config.page ?? (() => ''),
      secret,
      push: (now, session, message) => this.control.push(now, session, message),
      event: (event) => this.out.event(event),
    });
    this.control = new Control({
      ...{ suite, sessions: this.sessions, counters },
      transmit: (socket, to, bytes) => this.out.transmit(socket, to, bytes),
      twin: (socket, family) => this.twin(socket, family),
      handle: (now, session, from, request, id) => {
        // Which node it is at is asked by whoever has this one in its link, and so asks here for its mappings.
        if (fleet !== undefined && request.type === 'nodes') this.awaitProbes(now, session);
        return this.requests.handle(now, session, from, request, id);
      },
      confirmed: (now, session) => this.welcome(now, session),
    });
  }

  counters(): MasterCounters {
    this.counts.sessions = this.sessions.size;
    this.counts.hosts = this.registry.size;
    return this.counts;
  }

  tables(): readonly TableState[] {
    return [...this.sessions.tables(), ...this.registry.tables(), ...this.joins.tables()];
  }

  codeWaitMs(now: Instant, address: string): number {
    return this.requests.codeWaitMs(now, address);
  }

  wrongCode(now: Instant, address: string): void {
    this.requests.wrongCode(now, address);
  }

  lastSeen(hostKey: Uint8Array): Instant | null {
    return this.registry.find(hostKey)?.session.heardAt ?? null;
  }

  handleCommand(now: Instant, command: MasterCommand): void {
    this.now = now;
    switch (command.do) {
      case 'start':
        this.openPlaces();
        return;
      case 'remember':
        for (const { code, hostKey } of command.codes) this.registry.remember(code, hostKey);
        this.requests.hostsReturnUntil = now + MASTER_LIMITS.hostReturnMs;
        if (command.ticketKeys !== undefined) this.tickets.remember(command.ticketKeys);
        return;
      case 'derived':
        this.requests.contests.derived(now, command.key, command.code);
        return;
      case 'evict': {
        const entry = this.registry.find(command.hostKey);
        if (entry !== null) this.requests.gone(now, entry, 'evicted');
        return;
      }
      case 'replaced':
        this.requests.replaced(now, command.hostKey, command.generation);
        return;
      case 'contest':
        this.requests.contests.elsewhere(now, command);
        return;
      case 'drain':
        if (this.phase.in !== 'drained') this.enter({ in: 'draining', by: now + command.afterMs });
        for (const session of this.sessions.all()) this.goAway(now, session);
        this.checkDrained(now);
        return;
      case 'nodes':
        this.requests.nodes = command.list;
        this.joins.share(command.list.nodes.length);
        return;
      case 'probe-heard':
        this.probeHeard(command.address, command.from);
        return;
      case 'close':
        for (const socket of this.ports.keys()) this.out.close(socket);
        this.ports.clear();
    }
  }

  handleSocket(_now: Instant, socket: SocketId, outcome: SocketOutcome): void {
    const port = this.ports.get(socket);
    if (port === undefined || port.place.address === '') return;
    const { phase } = this;
    if (phase.in === 'binding') phase.left--;
    if (!outcome.ok) {
      if (phase.in === 'binding') phase.failed = true;
      this.ports.delete(socket);
      this.out.event({ ev: 'bind-failed', endpoint: port.endpoint, code: outcome.code });
    }
    if (phase.in !== 'binding' || phase.left > 0 || phase.failed) return;
    this.enter({ in: 'listening' });
    const doors = this.places.map(({ address, port }) => ({ address, port }));
    this.out.event({ ev: 'listening', endpoints: doors });
  }

  handleDatagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    this.now = now;
    const port = this.ports.get(socket);
    if (port === undefined) {
      this.counts.drop('socket-unknown');
      return;
    }
    const role = port.role === 'any' ? roleOf(bytes) : port.role;
    if (role === 'control') this.control.receive(now, socket, from, bytes);
    else if (role === 'probe' && port.place.address !== '') this.receiveProbe(now, port, from, bytes);
    else this.receiveAtDoor(now, socket, port.place, from, bytes);
  }

  handleTimeout(now: Instant): void {
    this.now = now;
    this.control.advance(now);
    this.sessions.expire(now);
    for (const address of this.portWatch.due(now)) this.out.event({ ev: 'probe-ports', address, shut: true });
    this.joins.expire(now, (_join, pushes) => {
      for (const { to, push } of pushes) this.control.push(now, to, push);
    });
    this.checkDrained(now);
  }

  poll(): Output<MasterEvent> {
    // The deadlines are looked for only when there is nothing else to do: a busy master is asked a hundred thousand times a second.
    if (!this.out.idle) return this.out.next(NEVER);
    return this.out.next(
      Math.min(
        this.control.next(),
        this.sessions.next(),
        this.joins.next(),
        this.phase.in === 'draining' ? this.phase.by : NEVER,
        this.portWatch.next(),
      ),
    );
  }

  private receiveAtDoor(now: Instant, socket: SocketId, place: Place, from: Endpoint, bytes: Uint8Array): void {
    const reception = this.receptions.get(place);
    if (this.goesAway || reception === undefined) {
      this.counts.drop('door-draining');
      return;
    }
    const answer = this.door.answer(now, from, bytes, reception);
    if (answer !== null) this.out.transmit(socket, from, answer);
  }

  private receiveProbe(now: Instant, port: Port, from: Endpoint, bytes: Uint8Array): void {
    const { sessions, counts } = this;
    const reply = answerProbe(now, from, bytes, { sessions, counters: counts });
    if (reply === null) return;
    this.probeHeard(port.place.address, from.address);
    const place = reply.answerFrom === 'other-address' ? this.nextPlace(port.place) : port.place;
    const socket = place?.probes[answeringPort(port.offset, port.place.probePorts, reply.answerFrom)];
    if (socket !== undefined) this.out.transmit(socket, reply.to, reply.bytes);
  }

  private probeHeard(address: string, from: string): void {
    if (this.portWatch.heard(address, from)) this.out.event({ ev: 'probe-ports', address, shut: false });
  }

  /** The next address of the same family, or null where there is no other. */
  private nextPlace(place: Place): Place | null {
    const family = this.familyPlaces(place);
    const next = family[(family.indexOf(place) + 1) % family.length] ?? null;
    return next === place ? null : next;
  }

  /** With the same ports, and of the same family. */
  private familyPlaces(place: Place): Place[] {
    const alike = ({ address, port }: Place) => familyOf(address) === familyOf(place.address) && port === place.port;
    return this.places.filter(alike);
  }

  private openPlaces(): void {
    const { addresses, port, onePort, furtherPort } = this.config;
    for (const address of addresses) {
      if (onePort) this.openOnePort(address, port);
      else this.openPortsApart(address, port);
      if (furtherPort !== undefined) this.openOnePort(address, furtherPort);
    }
    for (const place of this.places) this.receptions.set(place, this.receptionAt(place));
    if (this.config.tunnel) this.openTunnels();
  }

  /** What comes over TLS finds the same master; which port control has makes no difference there. */
  private openTunnels(): void {
    const main = this.places[0];
    const reception = main && this.receptions.get(main);
    if (main === undefined || reception === undefined) return;
    const socket = this.ids.next();
    this.out.openTunnel(socket);
    const place = { ...main, address: '', control: [{ socket, port: main.port }], probes: [] };
    this.receptions.set(place, { ...reception, control: place.control, tunnel: true });
    this.name(place, socket, 'any', 0, 0);
  }

  private open(address: string, port: number): SocketId {
    const socket = this.ids.next();
    this.out.open(socket, familyOf(address), port, address);
    if (this.phase.in === 'binding') this.phase.left++;
    return socket;
  }

  private openPortsApart(address: string, port: number): void {
    const open = (at: number): SocketId => this.open(address, at);
    const firstProbePort = port + 1 + CONTROL_PORTS;
    const door = open(port);
    const place: Place = {
      ...{ address, port, firstProbePort, probePorts: PROBE_PORTS },
      control: range(CONTROL_PORTS).map((i) => ({ socket: open(port + 1 + i), port: port + 1 + i })),
      probes: range(this.config.probesElsewhere ? 0 : PROBE_PORTS).map((i) => open(firstProbePort + i)),
    };
    this.places.push(place);
    this.name(place, door, 'door', 0, port);
    for (const control of place.control) this.name(place, control.socket, 'control', 0, control.port);
    place.probes.forEach((socket, i) => {
      this.name(place, socket, 'probe', i, firstProbePort + i);
    });
  }

  private openOnePort(address: string, port: number): void {
    const socket = this.open(address, port);
    const place: Place = {
      ...{ address, port, firstProbePort: port, probePorts: 1 },
      ...{ control: [{ socket, port }], probes: [socket] },
    };
    this.places.push(place);
    this.name(place, socket, 'any', 0, port);
  }

  private name(place: Place, socket: SocketId, role: Port['role'], offset: number, port: number): void {
    this.ports.set(socket, { role, place, offset, endpoint: { address: place.address, port } });
  }

  private twin(socket: SocketId, family: 4 | 6): SocketId {
    const own = this.ports.get(socket);
    if (own === undefined || own.place.address === '' || familyOf(own.place.address) === family) return socket;
    const { port: door } = own.place;
    const place = this.places.find((other) => familyOf(other.address) === family && other.port === door);
    return place?.control.find(({ port }) => port === own.endpoint.port)?.socket ?? socket;
  }

  private receptionAt(place: Place): Reception {
    const family = this.familyPlaces(place);
    const at = family.indexOf(place);
    // In the order in which `nextPlace` goes round, so that participants know which address is the next one.
    const others = [...family.slice(at + 1), ...family.slice(0, at)];
    // Whoever has one family of us in a link, and is once without it, finds us by the other one.
    const beside = this.places.filter((other) => other.port === place.port && !family.includes(other));
    return {
      ...{ control: place.control, firstProbePort: place.firstProbePort, probePorts: place.probePorts },
      otherAddresses: [...others, ...beside]
        .slice(0, WIRE_LIMITS.masterAddressesMax)
        .map((one) => this.advertised(one)),
    };
  }

  private advertised(place: Place): string {
    return this.config.advertised?.[this.config.addresses.indexOf(place.address)] ?? place.address;
  }

  private closed(session: MasterSession): void {
    if (this.config.probesElsewhere) this.out.event({ ev: 'probe-key-over', session: session.number });
    const entry = this.registry.of(session);
    if (entry?.session === session) this.requests.gone(this.now, entry, 'expired');
  }

  private welcome(now: Instant, session: MasterSession): void {
    const rewritten = session.path === null ? undefined : this.vantage.seen(session.path.address, session.keyText);
    if (rewritten !== undefined) this.out.event({ ev: 'sources-rewritten', addresses: rewritten });
    if (this.config.fleet === undefined) this.awaitProbes(now, session);
    if (this.config.probesElsewhere)
      this.out.event({ ev: 'probe-key', session: session.number, key: session.probeKey.slice() });
    if (this.goesAway) this.goAway(now, session);
  }

  /** A participant asks at all of our addresses of its family; over one port there is nothing to be kept out of. */
  private awaitProbes(now: Instant, { socket, path, newcomer }: MasterSession): void {
    const place = this.ports.get(socket)?.place;
    // Who comes back, as after a restart of ours, need not ask again.
    if (!newcomer || path === null || place === undefined || place.address === '' || place.probePorts === 1) return;
    for (const { address } of this.familyPlaces(place)) this.portWatch.joined(now, address, path.address);
  }

  private goAway(now: Instant, session: MasterSession): void {
    const leftMs = this.phase.in === 'draining' ? this.phase.by - now : 0;
    this.control.push(now, session, { type: 'going-away', afterMs: Math.max(0, leftMs) });
  }

  private get goesAway(): boolean {
    return this.phase.in === 'draining' || this.phase.in === 'drained';
  }

  private checkDrained(now: Instant): void {
    if (this.phase.in !== 'draining' || (this.joins.size > 0 && now < this.phase.by)) return;
    this.enter({ in: 'drained' });
    this.out.event({ ev: 'drained' });
  }

  private enter(phase: MasterPhase): void {
    assert(phase.in in MASTER_PHASES[this.phase.in], `a master goes from ${this.phase.in} to ${phase.in}`);
    this.phase = phase;
  }
}

/** What one port makes of a datagram; what is none of ours is the door's, which drops and counts it. */
function roleOf(bytes: Uint8Array): Role {
  if (bytes[0] === WIRE.control) return 'control';
  return bytes[0] === WIRE.probe ? 'probe' : 'door';
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
