/**
 * A tiny network in virtual time for the rendezvous: machines with addresses, a fixed delay, a hook that may drop, change or
 * copy packets, and a ledger that fails the test as soon as the master sends more to an address that has not proven itself
 * than came from it. The simulator (src/sim) is the real thing; this one has no NAT and no randomness, so that each test says
 * exactly which packet goes where.
 */

import {
  createMaster,
  type Endpoint,
  type Instant,
  type KeyPair,
  type Machine,
  type MasterAddress,
  type MasterConfig,
  type MasterEvent,
  NEVER,
  type Output,
  type Random,
  type SocketId,
  seededCrypto,
  socketIds,
  type TicketKey,
  WIRE,
} from '../../src/core/index.ts';
import {
  Link,
  type LinkCommand,
  type LinkEvent,
  type LinkMachine,
  type MasterMachine,
  type Push,
  type Request,
  type Response,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { weakCodeOf, weakCodes } from '../../src/sim/index.ts';
import { plainList } from '../plain-list.ts';

export interface Packet {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  /** Over TLS. */
  readonly tunnel?: boolean;
}

type AnyMachine = Machine<never, unknown>;

export class Node {
  readonly machine: AnyMachine;
  /** May be changed: the computer has moved to another network. */
  address: string;
  readonly events: unknown[] = [];
  readonly sockets = new Map<SocketId, number>();
  /** Those that are tunnels. */
  readonly tunnels = new Set<SocketId>();
  until: Instant = NEVER;
  alive = true;

  constructor(machine: AnyMachine, address: string) {
    this.machine = machine;
    this.address = address;
  }
}

/** bytes out ≤ bytes in, per datagram and in sum, towards every address that has not been validated (SECURITY.md row 1). */
class Ledger {
  readonly proven = new Set<string>();
  worst = 0;
  private readonly received = new Map<string, number>();
  private lastSize = 0;
  private answers = 0;

  arrived(packet: Packet): void {
    this.lastSize = packet.bytes.length;
    this.answers = 0;
    const { address } = packet.from;
    this.received.set(address, (this.received.get(address) ?? 0) + packet.bytes.length);
  }

  leaves(packet: Packet): void {
    const { address } = packet.to;
    if (this.proven.has(address)) return;
    this.answers++;
    const left = (this.received.get(address) ?? 0) - packet.bytes.length;
    this.worst = Math.max(this.worst, packet.bytes.length / this.lastSize);
    if (left < 0 || packet.bytes.length > this.lastSize || this.answers > 1) {
      throw new Error(
        `ledger: ${packet.bytes.length} bytes (type ${packet.bytes[0]}) to unproven ${address} for ${this.lastSize}`,
      );
    }
    this.received.set(address, left);
  }
}

export class Net {
  now: Instant = 1_000_000;
  delayMs = 10;
  readonly nodes: Node[] = [];
  readonly ledger = new Ledger();
  readonly sent: Packet[] = [];
  /** Return the packets to deliver instead. */
  hook: (packet: Packet) => readonly Packet[] = (packet) => [packet];
  master: Node | null = null;
  /** False: no tunnel can be made. */
  tls = true;
  private queue: { readonly at: Instant; readonly packet: Packet }[] = [];
  private head = 0;
  private nextPort = 40_000;

  add(machine: unknown, address: string): Node {
    const node = new Node(machine as AnyMachine, address);
    this.nodes.push(node);
    return node;
  }

  command(node: Node, command: unknown): void {
    (node.machine as Machine<unknown, unknown>).handleCommand(this.now, command);
    this.drain(node);
  }

  inject(packet: Packet, laterMs = 0): void {
    const at = this.now + this.delayMs + laterMs;
    // Mostly the delay is the same for all, so the place is at the end.
    let place = this.queue.length;
    while (place > this.head && (this.queue[place - 1] as { at: Instant }).at > at) place--;
    this.queue.splice(place, 0, { at, packet });
  }

  /** A socket of the node that the machine does not own (a punching socket). */
  bind(node: Node, socket: SocketId): void {
    node.sockets.set(socket, this.nextPort++);
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let steps = 0; steps < 1_000_000; steps++) {
      const packetAt = this.queue[this.head]?.at ?? NEVER;
      const timerAt = Math.min(NEVER, ...this.nodes.filter((node) => node.alive).map((node) => node.until));
      const next = Math.min(packetAt, timerAt);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (packetAt <= timerAt) this.deliver((this.queue[this.head++] as { packet: Packet }).packet);
      else {
        for (const node of this.nodes) {
          if (!node.alive || node.until > this.now) continue;
          node.machine.handleTimeout(this.now);
          this.drain(node);
        }
      }
    }
    this.now = end;
    this.queue = this.queue.slice(this.head);
    this.head = 0;
  }

  private deliver(packet: Packet): void {
    const node = this.receiver(packet);
    const socket = node && this.socketOf(node, packet);
    if (node === undefined || socket === undefined) return;
    if (node !== this.master) {
      node.machine.handleDatagram(this.now, socket, packet.from, packet.bytes);
      this.drain(node);
      return;
    }
    const machine = node.machine as unknown as MasterMachine;
    const before = { ...machine.counters(), dropped: { ...machine.counters().dropped } };
    this.ledger.arrived(packet);
    machine.handleDatagram(this.now, socket, packet.from, packet.bytes);
    const after = machine.counters();
    const unproven = after.dropped['control-unproven'] !== before.dropped['control-unproven'];
    if (packet.bytes[0] === WIRE.control && after.controls > before.controls && !unproven) {
      this.ledger.proven.add(packet.from.address);
    }
    this.drain(node);
  }

  private receiver({ tunnel, to }: Packet): Node | undefined {
    if (tunnel && to === TUNNEL_END) return this.master ?? undefined;
    return this.nodes.find((other) => other.alive && other.address === to.address);
  }

  private socketOf(node: Node, { tunnel = false, to }: Packet): SocketId | undefined {
    const open = [...node.sockets].filter(([socket]) => node.tunnels.has(socket) === tunnel);
    return open.find(([, port]) => to === TUNNEL_END || port === to.port)?.[0];
  }

  /** As a network does that has let it through so far. */
  breakTunnels(node: Node): void {
    for (const socket of [...node.tunnels]) {
      node.sockets.delete(socket);
      node.tunnels.delete(socket);
      node.machine.handleSocket(this.now, socket, { ok: false, code: 'closed' });
      this.drain(node);
    }
  }

  drain(node: Node): void {
    for (let i = 0; i < 100_000; i++) {
      const output = node.machine.poll() as Output<unknown>;
      if (output.kind === 'wait') {
        node.until = output.until;
        return;
      }
      if (output.kind === 'event') node.events.push(output.event);
      else if (output.kind === 'socket') this.socket(node, output);
      else this.transmit(node, output.socket, output.to, output.bytes);
    }
    throw new Error('a machine never waits');
  }

  private socket(node: Node, output: Extract<Output<unknown>, { kind: 'socket' }>): void {
    if (output.op !== 'open') {
      node.sockets.delete(output.socket);
      node.tunnels.delete(output.socket);
      return;
    }
    if (output.through === 'tls' && !this.tls) {
      node.machine.handleSocket(this.now, output.socket, { ok: false, code: 'unsupported' });
      return;
    }
    if (output.through === 'tls') node.tunnels.add(output.socket);
    const port = output.port === 0 ? this.nextPort++ : output.port;
    node.sockets.set(output.socket, port);
    node.machine.handleSocket(this.now, output.socket, { ok: true, local: { address: node.address, port } });
  }

  private transmit(node: Node, socket: SocketId, to: Endpoint, bytes: Uint8Array): void {
    const port = node.sockets.get(socket);
    if (port === undefined) throw new Error(`socket ${socket} is not open`);
    const tunnel = node.tunnels.has(socket);
    const end = tunnel && node !== this.master ? TUNNEL_END : to;
    const packet = { from: { address: node.address, port }, to: end, bytes, ...(tunnel ? { tunnel } : {}) };
    this.sent.push(packet);
    if (node === this.master) this.ledger.leaves(packet);
    for (const passed of this.hook(packet)) this.inject(passed);
  }
}

/** Where the tunnels of all participants end: at the master. */
const TUNNEL_END: Endpoint = { address: 'tunnel', port: 0 };

export const testCrypto = (seed: string) => seededCrypto(seed, nodeCrypto);

export function testRandom(seed: number): Random {
  let state = seed;
  const float = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return { float, int: (low, high) => low + Math.floor(float() * (high - low + 1)) };
}

export const MASTER_ADDRESS = '198.51.100.7';
export const SECOND_ADDRESS = '198.51.100.8';
export const DOOR: Endpoint = { address: MASTER_ADDRESS, port: 8430 };

export interface World {
  readonly net: Net;
  readonly identity: KeyPair;
  readonly master: Node;
  /** With the keys of its tickets, unless others are given. */
  restartMaster(
    seed: string,
    codes?: readonly { code: string; hostKey: Uint8Array }[],
    ticketKeys?: readonly TicketKey[],
  ): void;
  counters(): ReturnType<MasterMachine['counters']>;
  participant(name: string, address: string, options?: Partial<ParticipantOptions>): Participant;
}

/** A master at work and the means to add participants. `codeOf`: what derives codes for the master; null: nothing ever does. */
export function world(
  overrides: Partial<MasterConfig> = {},
  codeOf: ((key: Uint8Array) => string | null) | null = (key) => weakCodeOf(nodeCrypto, key),
): World {
  const net = new Net();
  const identity = testCrypto('master').keyPair();
  type Codes = readonly { code: string; hostKey: Uint8Array }[];
  const start = (seed: string, codes: Codes, ticketKeys: readonly TicketKey[]): Node => {
    const machine = createMaster({
      crypto: testCrypto(`${seed}-randomness`),
      random: testRandom(1),
      wallClock: () => 1_700_000_000_000 + net.now,
      identity,
      addresses: [MASTER_ADDRESS],
      advertised: null,
      port: DOOR.port,
      policy: {
        announce: (_key, _from, announcement) => announcement,
        admit: () => null,
        list: (query) => plainList(masterEvents(node), query),
      },
      ...overrides,
    });
    if (codeOf !== null) weakCodes(machine, nodeCrypto, codeOf);
    const node = net.add(machine, MASTER_ADDRESS);
    net.master = node;
    net.command(node, { do: 'remember', codes, ticketKeys });
    net.command(node, { do: 'start' });
    return node;
  };
  let kept: readonly TicketKey[] = [];
  let master = start('first', [], kept);
  return {
    net,
    identity,
    get master() {
      return master;
    },
    restartMaster(seed, codes = [], ticketKeys) {
      for (const event of masterEvents(master)) if (event.ev === 'ticket-keys') kept = event.keys;
      master.alive = false;
      net.nodes.splice(net.nodes.indexOf(master), 1);
      master = start(seed, codes, ticketKeys ?? kept);
    },
    counters: () => (master.machine as unknown as MasterMachine).counters(),
    participant: (name, address, options = {}) =>
      new Participant(net, name, address, { masterKey: identity.publicKey, ...options }),
  };
}

interface ParticipantOptions {
  readonly masterKey: Uint8Array;
  readonly key?: KeyPair;
  readonly masters?: readonly string[];
  /** Of the master's door. */
  readonly port?: number;
  /** Further ways to the master. */
  readonly ways?: Pick<MasterAddress, 'furtherPort' | 'tunnel'>;
  readonly wallClock?: () => number;
}

/** A link with what tests ask of it. */
export class Participant {
  readonly net: Net;
  readonly node: Node;
  readonly link: Link;
  readonly key: KeyPair;
  readonly ids = socketIds();
  private nextRef = 1;

  constructor(net: Net, name: string, address: string, options: ParticipantOptions) {
    const crypto = testCrypto(name);
    this.net = net;
    this.key = options.key ?? crypto.keyPair();
    this.link = new Link({
      crypto,
      random: testRandom(name.length),
      sockets: this.ids,
      identity: this.key,
      master: {
        key: options.masterKey,
        addresses: options.masters ?? [MASTER_ADDRESS],
        port: options.port ?? DOOR.port,
        ...options.ways,
      },
      wallClock: options.wallClock ?? (() => 1_700_000_000_000 + net.now),
    });
    this.node = net.add(this.link, address);
  }

  get events(): readonly LinkEvent[] {
    return this.node.events as LinkEvent[];
  }

  get states(): readonly string[] {
    return this.events.flatMap((event) => (event.ev === 'state' ? [event.failure ?? event.state] : []));
  }

  get pushes(): readonly Push[] {
    return this.events.flatMap((event) => (event.ev === 'push' ? [event.push] : []));
  }

  do(command: LinkCommand): void {
    this.net.command(this.node, command);
  }

  start(): this {
    this.do({ do: 'start' });
    this.net.run(200);
    return this;
  }

  /** A punching socket. */
  socket(): SocketId {
    const socket = this.ids.next();
    this.net.bind(this.node, socket);
    return socket;
  }

  portOf(socket: SocketId): number {
    return this.node.sockets.get(socket) as number;
  }

  ask(request: Request, socket: SocketId | null = null): number {
    const ref = this.nextRef++;
    const own = request.type === 'register' && request.code === '';
    const told = own ? { ...request, code: weakCodeOf(nodeCrypto, this.key.publicKey) } : request;
    this.do({ do: 'request', ref, request: told, socket });
    return ref;
  }

  answerTo(ref: number): Response | null {
    for (const event of this.events) if (event.ev === 'response' && event.ref === ref) return event.response;
    return null;
  }

  /** Asks, lets time pass and gives the answer. */
  get(request: Request, socket: SocketId | null = null, ms = 200): Response {
    const ref = this.ask(request, socket);
    this.net.run(ms);
    const response = this.answerTo(ref);
    if (response === null) throw new Error(`no answer to ${request.type}`);
    return response;
  }
}

/** What only the thief of a participant's keys has: its session with the master. */
export function stolenSession({ link }: { readonly link: LinkMachine }): StolenSession {
  const { phase } = link as unknown as { readonly phase: { readonly linked: { readonly session: StolenSession } } };
  return phase.linked.session;
}

interface StolenSession {
  readonly control: Endpoint;
  request(id: number, message: Request, socket: SocketId, own: SocketId): Uint8Array;
  seal(plaintext: Uint8Array): Uint8Array;
}

export function masterEvents(node: Node): readonly MasterEvent[] {
  return node.events as MasterEvent[];
}

export const ANNOUNCEMENT = {
  ...{ name: 'Arena', game: 'teeworlds', map: 'dm1', mode: 'dm', version: '0.7', public: true },
  ...{ playersMax: 8, passwordNeeded: false },
} as const;

/** `Participant.ask` puts the participant's own code in. */
export const REGISTER: Request = {
  ...{ type: 'register', code: '', announcement: ANNOUNCEMENT, players: 0, profile: null, generation: 0 },
};
