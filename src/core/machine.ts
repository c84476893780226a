/**
 * What every machine needs to keep the contract of `contract.ts`: a queue of outputs, a table of deadlines, and a nest that
 * lets one machine live inside another (routes what comes in to the child that owns the socket, merges what goes out).
 *
 * A machine made of these reads: `handle*` pushes into `outputs()`, `poll` answers `outputs.next(timers.next())`.
 */
import type { Endpoint } from './address.ts';
import { type Instant, type Machine, NEVER, type Output, type SocketId, type SocketOutcome } from './contract.ts';
import { assert } from './errors.ts';
import { LIMITS } from './limits.ts';

/** What a machine wants done, in order, until the driver has drained it. */
export interface Outputs<Event> {
  transmit(socket: SocketId, to: Endpoint, bytes: Uint8Array, ttl?: number): void;
  open(socket: SocketId, family: 4 | 6, port?: number, address?: string): void;
  close(socket: SocketId): void;
  /** The driver forgets the socket without closing it: it is the application's from here. */
  release(socket: SocketId): void;
  event(event: Event): void;
  /** Append an output as it is, for machines that pass on those of a child. */
  push(output: Output<Event>): void;
  /** The oldest output, or `wait` until the given deadline when there is none. */
  next(until: Instant): Output<Event>;
}

export function outputs<Event>(): Outputs<Event> {
  let queue: Output<Event>[] = [];
  let head = 0;
  const push = (output: Output<Event>): void => {
    assert(queue.length - head < LIMITS.machineOutputsMax, 'outputs are not drained');
    queue.push(output);
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
    close: (socket) => push({ kind: 'socket', op: 'close', socket }),
    release: (socket) => push({ kind: 'socket', op: 'release', socket }),
    event: (event) => push({ kind: 'event', event }),
    next(until) {
      const output = queue[head];
      if (output !== undefined) {
        head++;
        return output;
      }
      queue = [];
      head = 0;
      return { kind: 'wait', until };
    },
  };
}

/** Deadlines by name. A name holds one deadline; setting it again moves it. */
export interface Timers<Name> {
  set(name: Name, at: Instant): void;
  clear(name: Name): void;
  at(name: Name): Instant;
  /** Removes and returns the names whose deadline has come, earliest first. */
  due(now: Instant): readonly Name[];
  next(): Instant;
}

export function timers<Name>(): Timers<Name> {
  const table = new Map<Name, Instant>();
  return {
    set: (name, at) => void table.set(name, at),
    clear: (name) => void table.delete(name),
    at: (name) => table.get(name) ?? NEVER,
    due(now) {
      const due = [...table].filter(([, at]) => at <= now).sort((left, right) => left[1] - right[1]);
      for (const [name] of due) table.delete(name);
      return due.map(([name]) => name);
    },
    next() {
      let next = NEVER;
      for (const at of table.values()) if (at < next) next = at;
      return next;
    },
  };
}

/**
 * The children of a machine. A child owns the sockets that it opened, or that were assigned to it. After every call into the
 * nest the parent calls `pump`, which drains the children that were touched: what they send and open goes to the parent's
 * outputs, their events go to the handler given with `add`, which may in turn touch other children.
 */
export interface Nest {
  add<Command, Event>(child: Machine<Command, Event>, onEvent: (now: Instant, event: Event) => void): void;
  /** Forgets the child and closes the sockets that it still owns. What it had not put out yet is lost: pump before. */
  remove(child: AnyMachine): void;
  has(child: AnyMachine): boolean;
  /** Hands a socket to a child, or with null to nobody: the parent then has to close it. */
  assign(socket: SocketId, child: AnyMachine | null): void;
  ownerOf(socket: SocketId): AnyMachine | null;
  /** False where no child owns the socket. */
  datagram(now: Instant, socket: SocketId, from: Endpoint, bytes: Uint8Array): boolean;
  /** To one child, whoever owns the socket: for datagrams told apart by their first byte on a shared socket. */
  datagramTo(now: Instant, child: AnyMachine, socket: SocketId, from: Endpoint, bytes: Uint8Array): void;
  socket(now: Instant, socket: SocketId, outcome: SocketOutcome): boolean;
  command<Command>(now: Instant, child: Machine<Command, never> | Machine<Command, unknown>, command: Command): void;
  /** Tells every child whose deadline has come. */
  timeout(now: Instant): void;
  /** A child was changed by a plain call on it: drain it at the next pump. */
  touch(child: AnyMachine): void;
  pump(now: Instant): void;
  /** The earliest deadline of all children. */
  next(): Instant;
}

// biome-ignore lint/suspicious/noExplicitAny: a nest holds machines of every kind; each handler keeps its own event type
export type AnyMachine = Machine<any, any>;

interface Child {
  readonly machine: AnyMachine;
  readonly onEvent: (now: Instant, event: unknown) => void;
  readonly sockets: Set<SocketId>;
  until: Instant;
}

export function nest(out: Outputs<never> | Outputs<unknown>): Nest {
  const sink = out as Outputs<unknown>;
  const children = new Map<AnyMachine, Child>();
  const owners = new Map<SocketId, Child>();
  const touched = new Set<Child>();

  function own(socket: SocketId, child: Child | null): void {
    owners.get(socket)?.sockets.delete(socket);
    owners.delete(socket);
    if (child === null) return;
    owners.set(socket, child);
    child.sockets.add(socket);
  }

  function into(machine: AnyMachine): Child {
    const child = children.get(machine);
    assert(child !== undefined, 'not a child of this nest');
    touched.add(child);
    return child;
  }

  function drain(now: Instant, child: Child): void {
    for (let n = 0; children.has(child.machine); n++) {
      assert(n < LIMITS.machineOutputsMax, 'a machine never waits');
      const output = child.machine.poll();
      if (output.kind === 'wait') {
        child.until = output.until;
        return;
      }
      if (output.kind === 'event') child.onEvent(now, output.event);
      else {
        if (output.kind === 'socket') own(output.socket, output.op === 'open' ? child : null);
        sink.push(output);
      }
    }
  }

  return {
    add(machine, onEvent) {
      const child: Child = {
        machine,
        onEvent: onEvent as (now: Instant, event: unknown) => void,
        sockets: new Set(),
        until: NEVER,
      };
      children.set(machine, child);
      touched.add(child);
    },
    remove(machine) {
      const child = children.get(machine);
      if (child === undefined) return;
      for (const socket of [...child.sockets]) {
        own(socket, null);
        sink.close(socket);
      }
      children.delete(machine);
      touched.delete(child);
    },
    has: (machine) => children.has(machine),
    assign: (socket, machine) => own(socket, machine === null ? null : into(machine)),
    ownerOf: (socket) => owners.get(socket)?.machine ?? null,
    datagram(now, socket, from, bytes) {
      const child = owners.get(socket);
      if (child === undefined) return false;
      touched.add(child);
      child.machine.handleDatagram(now, socket, from, bytes);
      return true;
    },
    datagramTo: (now, machine, socket, from, bytes) => into(machine).machine.handleDatagram(now, socket, from, bytes),
    socket(now, socket, outcome) {
      const child = owners.get(socket);
      if (child === undefined) return false;
      touched.add(child);
      if (!outcome.ok) own(socket, null);
      child.machine.handleSocket(now, socket, outcome);
      return true;
    },
    command: (now, machine, command) => into(machine).machine.handleCommand(now, command),
    timeout(now) {
      for (const child of children.values()) {
        if (child.until > now) continue;
        touched.add(child);
        child.machine.handleTimeout(now);
      }
    },
    touch: (machine) => void into(machine),
    pump(now) {
      for (let n = 0; touched.size > 0; n++) {
        assert(n < LIMITS.nestPumpRoundsMax, 'machines keep each other busy for ever');
        for (const child of [...touched]) {
          touched.delete(child);
          drain(now, child);
        }
      }
    },
    next() {
      let next = NEVER;
      for (const child of children.values()) if (child.until < next) next = child.until;
      return next;
    },
  };
}
