/**
 * What every machine needs to keep the contract of `contract.ts`: a queue of outputs, and a nest that lets one machine live
 * inside another (routes what comes in to the child that owns the socket, merges what goes out). Its deadlines are an `agenda`.
 *
 * A machine made of these reads: `handle*` pushes into `outputs()`, `poll` answers `outputs.next(agenda.next())`.
 */
import type { Endpoint } from './address.ts';
import { type Instant, type Machine, NEVER, type Output, type SocketId, type SocketOutcome } from './contract.ts';
import { assert } from './errors.ts';
import { LIMITS } from './limits.ts';

/** What a machine wants done, in order, until the driver has drained it. */
export interface Outputs<Event> {
  transmit(socket: SocketId, to: Endpoint, bytes: Uint8Array, ttl?: number): void;
  open(socket: SocketId, family: 4 | 6, port?: number, address?: string): void;
  /** To the master, where no UDP gets through; at a master, from its participants. */
  openTunnel(socket: SocketId): void;
  close(socket: SocketId): void;
  /** The driver forgets the socket without closing it: it is the application's from here. */
  release(socket: SocketId): void;
  event(event: Event): void;
  /** Append an output as it is, for machines that pass on those of a child. */
  push(output: Output<Event>): void;
  /** Is there nothing to hand out? */
  readonly idle: boolean;
  /** The oldest output, or `wait` until the given deadline when there is none. */
  next(until: Instant): Output<Event>;
}

const QUEUE_KEPT = 8;

export function outputs<Event>(): Outputs<Event> {
  let queue: Output<Event>[] = [];
  let head = 0;
  let end = 0;
  const push = (output: Output<Event>): void => {
    assert(end - head < LIMITS.machineOutputsMax, 'outputs are not drained');
    queue[end++] = output;
  };
  return {
    push,
    transmit: (socket, to, bytes, ttl) =>
      push(ttl === undefined ? { kind: 'transmit', socket, to, bytes } : { kind: 'transmit', socket, to, bytes, ttl }),
    open: (socket, family, port = 0, address) =>
      push(
        address === undefined
          ? { kind: 'socket', op: 'open', socket, family, port }
          : { kind: 'socket', op: 'open', socket, family, port, address },
      ),
    openTunnel: (socket) => push({ kind: 'socket', op: 'open', socket, family: 4, port: 0, through: 'tls' }),
    close: (socket) => push({ kind: 'socket', op: 'close', socket }),
    release: (socket) => push({ kind: 'socket', op: 'release', socket }),
    event: (event) => push({ kind: 'event', event }),
    get idle() {
      return head === end;
    },
    next(until) {
      if (head < end) return queue[head++] as Output<Event>;
      // A short queue is written over by the next turn; what a long one has held would stay in memory.
      if (end > QUEUE_KEPT) queue = [];
      head = 0;
      end = 0;
      return { kind: 'wait', until };
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a nest holds machines of every kind; each handler keeps its own event type
export type AnyMachine = Machine<any, any>;

interface Child {
  readonly machine: AnyMachine;
  readonly onEvent: (now: Instant, event: unknown) => void;
  readonly sockets: Set<SocketId>;
  until: Instant;
}

/**
 * The children of a machine. A child owns the sockets that it opened, or that were assigned to it. After every call into the
 * nest the parent calls `pump`, which drains the children that were touched: what they send and open goes to the parent's
 * outputs, their events go to the handler given with `add`, which may in turn touch other children.
 */
export class Nest {
  private readonly out: Outputs<unknown>;
  private readonly children = new Map<AnyMachine, Child>();
  private readonly owners = new Map<SocketId, Child>();
  private readonly touched = new Set<Child>();
  /** The earliest deadline of all children; null: it has to be looked for. */
  private soonest: Instant | null = null;

  constructor(out: Outputs<never> | Outputs<unknown>) {
    this.out = out as Outputs<unknown>;
  }

  add<Command, Event>(machine: Machine<Command, Event>, onEvent: (now: Instant, event: Event) => void): void {
    const handler = onEvent as (now: Instant, event: unknown) => void;
    const child: Child = { machine, onEvent: handler, sockets: new Set(), until: NEVER };
    this.children.set(machine, child);
    this.touched.add(child);
  }

  /** Forgets the child and closes the sockets that it still owns. What it had not put out yet is lost: pump before. */
  remove(machine: AnyMachine): void {
    const child = this.children.get(machine);
    if (child === undefined) return;
    for (const socket of [...child.sockets]) {
      this.own(socket, null);
      this.out.close(socket);
    }
    this.children.delete(machine);
    this.touched.delete(child);
    this.soonest = null;
  }

  has(machine: AnyMachine): boolean {
    return this.children.has(machine);
  }

  /** Hands a socket to a child, or with null to nobody: the parent then has to close it. */
  assign(socket: SocketId, machine: AnyMachine | null): void {
    this.own(socket, machine === null ? null : this.into(machine));
  }

  /** False where no child owns the socket. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean {
    const child = this.owners.get(socket);
    if (child === undefined) return false;
    this.touched.add(child);
    child.machine.handleDatagram(now, socket, from, bytes);
    return true;
  }

  /** To one child, whoever owns the socket: for datagrams told apart by their bytes on a shared socket. */
  datagramTo(now: Instant, machine: AnyMachine, socket: SocketId, from: Endpoint, bytes: Uint8Array): void {
    this.into(machine).machine.handleDatagram(now, socket, from, bytes);
  }

  /** False where no child owns the socket. */
  socket(now: Instant, socket: SocketId, outcome: SocketOutcome): boolean {
    const child = this.owners.get(socket);
    if (child === undefined) return false;
    this.touched.add(child);
    if (!outcome.ok) this.own(socket, null);
    child.machine.handleSocket(now, socket, outcome);
    return true;
  }

  command<Command, Event>(now: Instant, machine: Machine<Command, Event>, command: Command): void {
    this.into(machine).machine.handleCommand(now, command);
  }

  /** Tells every child whose deadline has come. */
  timeout(now: Instant): void {
    for (const child of [...this.children.values()]) {
      if (child.until > now) continue;
      this.touched.add(child);
      child.machine.handleTimeout(now);
    }
  }

  pump(now: Instant): void {
    for (let n = 0; this.touched.size > 0; n++) {
      assert(n < LIMITS.nestPumpRoundsMax, 'machines keep each other busy for ever');
      for (const child of [...this.touched]) {
        this.touched.delete(child);
        this.drain(now, child);
      }
    }
  }

  /** The earliest deadline of all children. */
  next(): Instant {
    if (this.soonest !== null) return this.soonest;
    let next = NEVER;
    for (const child of this.children.values()) if (child.until < next) next = child.until;
    this.soonest = next;
    return next;
  }

  private own(socket: SocketId, child: Child | null): void {
    this.owners.get(socket)?.sockets.delete(socket);
    this.owners.delete(socket);
    if (child === null) return;
    this.owners.set(socket, child);
    child.sockets.add(socket);
  }

  private into(machine: AnyMachine): Child {
    const child = this.children.get(machine);
    assert(child !== undefined, 'not a child of this nest');
    this.touched.add(child);
    return child;
  }

  private drain(now: Instant, child: Child): void {
    for (let n = 0; this.children.has(child.machine); n++) {
      assert(n < LIMITS.machineOutputsMax, 'a machine never waits');
      const output = child.machine.poll();
      if (output.kind === 'wait') {
        child.until = output.until;
        this.soonest = null;
        return;
      }
      if (output.kind === 'event') child.onEvent(now, output.event);
      else {
        if (output.kind === 'socket') this.own(output.socket, output.op === 'open' ? child : null);
        this.out.push(output);
      }
    }
  }
}
