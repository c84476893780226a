/** A computer: sockets, a clock of its own, and the machines that run on it, driven as `contract.ts` says. */
import type { Endpoint, Machine, Output, SocketId, SocketOpen, SocketOutcome } from '../core/index.ts';
import { assert } from '../core/index.ts';
import type { Attachment, NetworkContext } from './network.ts';
import { type IcmpError, type Packet, TTL_DEFAULT } from './packet.ts';
import type { SimRandom } from './random.ts';
import { type SimTunnels, TunnelSockets } from './tunnel.ts';

/** Linux's default range for sockets bound to port 0. */
const EPHEMERAL_LOW = 32_768;
const EPHEMERAL_HIGH = 60_999;
/** More outputs than this without a `wait`, or more time-outs at one instant, is a live-lock. */
const DRAIN_MAX = 200_000;
const TIMEOUTS_AT_ONE_INSTANT_MAX = 1_000;

export interface RunOptions<Event> {
  /** By what it opens tunnels (`through: 'tls'`); left out: there are none. */
  readonly tunnels?: SimTunnels;
  onEvent?(event: Event, now: number): void;
}

/** A machine on a host, from the outside. */
export interface Running<Command, Event> {
  /** Everything it has emitted, oldest first. */
  readonly events: readonly Event[];
  /** Sockets handed to the application, still bound. */
  readonly released: ReadonlyMap<SocketId, Endpoint>;
  /** How many sockets it holds now. */
  readonly socketsOpen: number;
  command(command: Command): void;
  /** The process gets no time for so long (a busy event loop, SIGSTOP); what comes in meanwhile waits in the sockets. */
  pause(ms: number): void;
  /** Kills it as a crash would: nothing is sent any more. */
  stop(): void;
}

export interface HostContext extends NetworkContext {
  nextPacketId(): number;
  sent(packet: Packet, host: Host): void;
  delivered(packet: Packet, host: Host): void;
}

export interface SimHostOptions {
  readonly name: string;
  readonly random: SimRandom;
  readonly context: HostContext;
  /** What its machines see as `now` is world time plus this. */
  readonly clockOffsetMs: number;
  readonly socketsMax: number;
  readonly server: boolean;
}

interface Socket {
  readonly local: Endpoint;
  readonly id: SocketId;
  readonly process: Process<unknown, unknown> | null;
  receive(packet: Packet): void;
}

export class Host {
  readonly name: string;
  readonly clockOffsetMs: number;
  /** A public server (master, STUN): others may send to it unasked. */
  readonly server: boolean;
  /** Addresses of the interfaces, each with the attachment it leads to. */
  readonly #interfaces = new Map<string, Attachment>();
  /** By port; several where they are bound to different addresses. */
  readonly #sockets = new Map<number, Socket[]>();
  #socketCount = 0;
  readonly #random: SimRandom;
  readonly #context: HostContext;
  #socketsMax: number;
  readonly #processes: Process<unknown, unknown>[] = [];
  /** ICMP errors that came back; machines do not see them, tests may. */
  readonly icmp: IcmpError[] = [];

  constructor(options: SimHostOptions) {
    this.name = options.name;
    this.server = options.server;
    this.clockOffsetMs = options.clockOffsetMs;
    this.#random = options.random;
    this.#context = options.context;
    this.#socketsMax = options.socketsMax;
  }

  get addresses(): readonly string[] {
    return [...this.#interfaces.keys()];
  }

  /** Of its addresses. */
  get families(): readonly (4 | 6)[] {
    return ([4, 6] as const).filter((family) =>
      this.addresses.some((address) => address.includes(':') === (family === 6)),
    );
  }

  /** First IPv4 address. */
  get address(): string {
    return this.addresses.find((address) => !address.includes(':')) ?? (this.addresses[0] as string);
  }

  /** Whether a machine that runs here has a path: it has reported one, and has not reported its loss. */
  get connected(): boolean {
    return this.#processes.some((process) => process.paths.size > 0 && !process.stopped);
  }

  /** Leaves room for so many sockets more than are open now (EMFILE beyond it); answers what takes that back. */
  limitSockets(more: number): () => void {
    const before = this.#socketsMax;
    this.#socketsMax = this.#socketCount + more;
    return () => {
      this.#socketsMax = before;
    };
  }

  /** Sockets that are bound now, of machines and of others. */
  get socketsOpen(): number {
    return this.#socketCount;
  }

  get runsMachine(): boolean {
    return this.#processes.length > 0;
  }

  /** When the last of its machines has reported `closed`; null while one has not. */
  get closedAt(): number | null {
    const times = this.#processes.map((process) => process.closedAt);
    return times.length === 0 || times.includes(null) ? null : Math.max(...(times as number[]));
  }

  /** What its interfaces lead to. */
  get lines(): readonly Attachment[] {
    return [...this.#interfaces.values()];
  }

  addInterface(address: string, attachment: Attachment): void {
    this.#interfaces.set(address, attachment);
  }

  /** What is sent from a socket bound to all addresses leaves by this interface from now on. */
  preferInterface(address: string): void {
    const others = [...this.#interfaces].filter(([other]) => other !== address);
    const attachment = this.#interfaces.get(address);
    assert(attachment !== undefined, `${this.name} has the address ${address}`);
    this.#interfaces.clear();
    for (const [other, line] of [[address, attachment] as const, ...others]) this.#interfaces.set(other, line);
  }

  /** Answers what it led to. Sockets stay; those bound to the address send nothing any more. */
  removeInterface(address: string): Attachment {
    const attachment = this.#interfaces.get(address);
    assert(attachment !== undefined, `${this.name} has the address ${address}`);
    this.#interfaces.delete(address);
    return attachment;
  }

  run<Command, Event>(machine: Machine<Command, Event>, options: RunOptions<Event> = {}): Running<Command, Event> {
    const process = new Process<Command, Event>(this, machine, options, this.#context);
    this.#processes.push(process as Process<unknown, unknown>);
    process.start();
    return process;
  }

  /** A bare socket for scripts and reference programs. */
  bind(local: Endpoint, receive: (packet: Packet) => void): Endpoint | null {
    const bound = this.#choose(local);
    if (bound !== null) this.#add({ local: bound, id: 0, process: null, receive });
    return bound;
  }

  unbind({ address, port }: Endpoint): void {
    const left = (this.#sockets.get(port) ?? []).filter(({ local }) => local.address !== address);
    this.#socketCount -= (this.#sockets.get(port)?.length ?? 0) - left.length;
    if (left.length > 0) this.#sockets.set(port, left);
    else this.#sockets.delete(port);
  }

  #add(socket: Socket): void {
    const { port } = socket.local;
    const beside = this.#sockets.get(port);
    if (beside === undefined) this.#sockets.set(port, [socket]);
    else beside.push(socket);
    this.#socketCount++;
  }

  /** The socket that hears what is sent to this endpoint: the one bound to the address, else the one bound to all. */
  #socketAt({ address, port }: Endpoint): Socket | undefined {
    const bound = this.#sockets.get(port);
    if (bound === undefined) return undefined;
    const wildcard = wildcardOf(address);
    return (
      bound.find(({ local }) => local.address === address) ?? bound.find(({ local }) => local.address === wildcard)
    );
  }

  open(process: Process<unknown, unknown>, request: SocketOpen): SocketOutcome {
    if (this.#socketCount >= this.#socketsMax) return { ok: false, code: 'limit' };
    const wildcard = request.family === 4 ? '0.0.0.0' : '::';
    if (this.#sourceFor(wildcard) === null) return { ok: false, code: 'unsupported' };
    const address = request.address ?? wildcard;
    if (address !== wildcard && !this.#interfaces.has(address)) return { ok: false, code: 'denied' };
    const local = this.#choose({ address, port: request.port });
    if (local === null) return { ok: false, code: 'in-use' };
    const receive = (packet: Packet): void => process.datagram(request.socket, packet);
    this.#add({ local, id: request.socket, process, receive });
    return { ok: true, local };
  }

  #choose(wish: Endpoint): Endpoint | null {
    if (wish.port !== 0) return this.#socketAt(wish) === undefined ? wish : null;
    for (let tried = 0; tried < 4 * (EPHEMERAL_HIGH - EPHEMERAL_LOW); tried++) {
      const local = { address: wish.address, port: this.#random.int(EPHEMERAL_LOW, EPHEMERAL_HIGH) };
      if (this.#socketAt(local) === undefined) return local;
    }
    return null;
  }

  /** `ttl` 64 where none is given, as Linux sends. Returns false where there is no way out. */
  send(local: Endpoint, to: Endpoint, bytes: Uint8Array, ttl: number = TTL_DEFAULT): boolean {
    const address = local.address === '0.0.0.0' || local.address === '::' ? this.#sourceFor(to.address) : local.address;
    const attachment = address === null ? undefined : this.#interfaces.get(address);
    if (address === null || attachment === undefined) return false;
    const from = { address, port: local.port };
    const packet = { id: this.#context.nextPacketId(), from, to, ttl, bytes, icmp: null, origin: this.name };
    this.#context.sent(packet, this);
    if (this.#interfaces.has(to.address)) {
      this.#context.schedule(this.#context.now, () => this.receive(packet));
    } else {
      attachment.realm.send(attachment, packet);
    }
    return true;
  }

  /** The interface to the network that the destination is in, else the first. */
  #sourceFor(destination: string): string | null {
    const six = destination.includes(':');
    let first: string | null = null;
    for (const [address, { realm }] of this.#interfaces) {
      if (address.includes(':') !== six) continue;
      if (realm.gateway !== null && realm.has(destination)) return address;
      first ??= address;
    }
    return first;
  }

  receive(packet: Packet): void {
    if (packet.icmp !== null) {
      this.icmp.push(packet.icmp);
      this.#context.delivered(packet, this);
      return;
    }
    const socket = this.#socketAt(packet.to);
    if (socket === undefined) {
      this.#context.dropped(packet, this.name, 'port-closed');
      const attachment = this.#interfaces.get(packet.to.address);
      attachment?.realm.send(attachment, this.#context.icmpFor(packet, 'port-unreachable', packet.to.address));
      return;
    }
    this.#context.delivered(packet, this);
    socket.receive(packet);
  }
}

function wildcardOf(address: string): string {
  return address.includes(':') ? '::' : '0.0.0.0';
}

class Process<Command, Event> implements Running<Command, Event> {
  readonly events: Event[] = [];
  readonly released = new Map<SocketId, Endpoint>();
  /** Those reported and not lost. */
  readonly paths = new Set<unknown>();
  closedAt: number | null = null;
  readonly #host: Host;
  readonly #machine: Machine<Command, Event>;
  readonly #options: RunOptions<Event>;
  readonly #context: HostContext;
  readonly #open = new Map<SocketId, Endpoint>();
  readonly #tunnels: TunnelSockets;
  #clock = Number.NEGATIVE_INFINITY;
  #draining = false;
  stopped = false;
  #pausedUntil = 0;
  #wakeAt = Number.POSITIVE_INFINITY;
  #scheduledAt = Number.POSITIVE_INFINITY;
  #timeoutsNow = 0;
  #lastTimeoutAt = -1;

  constructor(host: Host, machine: Machine<Command, Event>, options: RunOptions<Event>, context: HostContext) {
    this.#host = host;
    this.#machine = machine;
    this.#options = options;
    this.#context = context;
    this.#tunnels = new TunnelSockets(host, options.tunnels ?? null, {
      outcome: (socket, outcome) => {
        this.#act(() => this.#machine.handleSocket(this.#tick(), socket, outcome));
      },
      datagram: (socket, from, bytes) =>
        this.#act(() => {
          if (this.#tunnels.has(socket)) this.#machine.handleDatagram(this.#tick(), socket, from, bytes);
        }),
      later: (run) => context.schedule(context.now, run),
    });
  }

  get socketsOpen(): number {
    return this.#open.size;
  }

  /** The host's own clock. Adding the offset rounds, and without the maximum time could so run backwards by the last digit. */
  #tick(): number {
    this.#clock = Math.max(this.#clock, this.#context.now + this.#host.clockOffsetMs);
    return this.#clock;
  }

  start(): void {
    this.#context.schedule(this.#context.now, () => this.#act(() => {}));
  }

  /** Takes effect at this instant, after whatever runs just now. */
  command(command: Command): void {
    this.#context.schedule(this.#context.now, () =>
      this.#act(() => this.#machine.handleCommand(this.#tick(), command)),
    );
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#context.now + ms);
  }

  stop(): void {
    this.stopped = true;
    for (const local of this.#open.values()) this.#host.unbind(local);
    this.#open.clear();
    this.#tunnels.closeAll();
  }

  datagram(socket: SocketId, packet: Packet): void {
    this.#act(() => {
      if (!this.#open.has(socket)) return;
      this.#machine.handleDatagram(this.#tick(), socket, packet.from, packet.bytes);
    });
  }

  #act(input: () => void): void {
    if (this.stopped) return;
    if (this.#context.now < this.#pausedUntil) {
      this.#context.schedule(this.#pausedUntil, () => this.#act(input));
      return;
    }
    assert(!this.#draining, 'a machine is never entered while it is drained');
    this.#draining = true;
    input();
    let outputs = 0;
    for (;;) {
      const output = this.#machine.poll();
      if (output.kind === 'wait') {
        this.#wakeAt = output.until;
        break;
      }
      assert(++outputs < DRAIN_MAX, `live-lock: ${this.#host.name} never waits`);
      this.#perform(output);
      if (this.stopped) break;
    }
    this.#draining = false;
    this.#arm();
  }

  #perform(output: Exclude<Output<Event>, { kind: 'wait' }>): void {
    switch (output.kind) {
      case 'transmit': {
        if (this.#tunnels.send(output)) return;
        const local = this.#open.get(output.socket);
        assert(local !== undefined, `${this.#host.name}: send on socket ${output.socket}, which is not open`);
        this.#host.send(local, output.to, output.bytes, output.ttl);
        return;
      }
      case 'socket':
        if (output.op === 'open' && output.through === 'tls') this.#tunnels.open(output.socket);
        else if (output.op === 'open') this.#openSocket(output);
        else this.#closeSocket(output.socket, output.op === 'release');
        return;
      case 'event':
        this.events.push(output.event);
        this.#note((output.event ?? {}) as { readonly ev?: unknown; readonly path?: unknown });
        this.#options.onEvent?.(output.event, this.#context.now);
    }
  }

  /** The events that machines of every kind have in common. */
  #note({ ev, path }: { readonly ev?: unknown; readonly path?: unknown }): void {
    if (ev === 'path') this.paths.add(path);
    if (ev === 'path-lost') this.paths.delete(path);
    if (ev === 'closed') this.closedAt = this.#context.now;
  }

  /** Bound at once, told in a turn of its own, as with the system's sockets. */
  #openSocket(request: SocketOpen): void {
    const outcome = this.#host.open(this as Process<unknown, unknown>, request);
    if (outcome.ok) this.#open.set(request.socket, outcome.local);
    this.#context.schedule(this.#context.now, () =>
      this.#act(() => this.#machine.handleSocket(this.#tick(), request.socket, outcome)),
    );
  }

  #closeSocket(socket: SocketId, release: boolean): void {
    if (this.#tunnels.close(socket)) return;
    const local = this.#open.get(socket);
    if (local === undefined) return;
    this.#open.delete(socket);
    if (release) this.released.set(socket, local);
    else this.#host.unbind(local);
  }

  /** Keeps one entry in the agenda: a later wish replaces an earlier one when that comes up. */
  #arm(): void {
    if (this.stopped || this.#wakeAt === Number.POSITIVE_INFINITY) return;
    const at = Math.max(this.#context.now, this.#wakeAt - this.#host.clockOffsetMs);
    if (this.#scheduledAt <= at) return;
    this.#scheduledAt = at;
    this.#context.schedule(at, () => this.#wake(at));
  }

  #wake(at: number): void {
    if (this.#scheduledAt !== at) return;
    this.#scheduledAt = Number.POSITIVE_INFINITY;
    if (this.stopped) return;
    if (this.#wakeAt - this.#host.clockOffsetMs > this.#context.now) {
      this.#arm();
      return;
    }
    this.#clock = Math.max(this.#clock, this.#wakeAt);
    this.#timeoutsNow = this.#lastTimeoutAt === this.#context.now ? this.#timeoutsNow + 1 : 0;
    this.#lastTimeoutAt = this.#context.now;
    assert(this.#timeoutsNow < TIMEOUTS_AT_ONE_INSTANT_MAX, `live-lock: ${this.#host.name} wakes without end`);
    this.#act(() => this.#machine.handleTimeout(this.#tick()));
  }
}
