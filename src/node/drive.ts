/**
 * Runs one machine on real sockets and a real clock: the only place where the contract of core meets the operating system.
 * Every input is followed by draining `poll()`; inputs that arise while draining (an opened socket, a command given by an event
 * handler) wait in a queue, so the machine is never entered twice.
 */
import type { Socket } from 'node:dgram';
import {
  assert,
  type Endpoint,
  type Instant,
  LIMITS,
  type Machine,
  NEVER,
  type Output,
  type SocketClose,
  type SocketId,
  type SocketOpen,
  type SocketOutcome,
  type Transmit,
} from '../core/index.ts';
import { monotonicNow } from './clock.ts';
import { NODE_LIMITS } from './limits.ts';
import { type OpenUdpSocket, openUdpSocket, type UdpSocket } from './socket.ts';
import type { OpenTunnel } from './tunnel.ts';

export interface DriveOptions<Event> {
  onEvent(event: Event): void;
  /**
   * Data of the application, without an event and after the turn that brought it: whatever is called from here takes effect at once.
   * Left out: data comes as events.
   */
  onData?(path: number, bytes: Uint8Array, lane: number): void;
  /** The machine broke one of its own assertions or is caught in a loop; the driver has already stopped it. */
  onFault(error: Error): void;
  /** A socket is handed to the application. Without this handler released sockets are closed. */
  onRelease?(socket: SocketId, released: Socket): void;
  /** False for a server that answers a hundred thousand times a second and has no use for the errors of its sends. */
  readonly countErrors?: boolean;
  /** Who opens the sockets; left out: node:dgram. */
  readonly openSocket?: OpenUdpSocket;
  /** Who opens tunnels (`through: 'tls'`); left out: nobody can. */
  readonly openTunnel?: OpenTunnel;
}

export interface DriveCounters {
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  /** Errors of sockets and sends by errno name; `CONGESTED` where a datagram was dropped to keep TTLs apart. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface Driver<Command> {
  command(command: Command): void;
  /** Where a socket of the machine is bound, while it is open. */
  local(socket: SocketId): Endpoint | null;
  counters(): DriveCounters;
  /** Closes every socket and stops the timer; nothing is called afterwards. */
  dispose(): void;
}

const NOWHERE: Endpoint = { address: '', port: 0 };
const NOTHING = new Uint8Array(0);

export function drive<Command, Event>(machine: Machine<Command, Event>, options: DriveOptions<Event>): Driver<Command> {
  const sockets = new Map<SocketId, UdpSocket>();
  const errors: Record<string, number> = {};
  let datagramsSent = 0;
  let datagramsReceived = 0;
  let disposed = false;
  let running = false;
  let inputs: ((now: Instant) => void)[] = [];
  let timer: NodeJS.Timeout | null = null;
  let timerAt = NEVER;
  let until = NEVER;
  /** Data that waits for the end of the turn, and which of it is the next. */
  const waiting: { path: number; bytes: Uint8Array; lane: number }[] = [];
  let handed = 0;
  const { onData } = options;
  if (onData !== undefined) machine.dataTo?.((path, bytes, lane) => void waiting.push({ path, bytes, lane }));

  const count = (code: string): void => {
    errors[code] = (errors[code] ?? 0) + 1;
  };

  function enter(input: (now: Instant) => void): void {
    if (disposed) return;
    if (running) inputs.push(input);
    else turn(input, 0, NOWHERE, NOTHING);
  }

  /** A master takes a hundred thousand of these a second: no closure is made for one that need not wait. */
  function receive(id: SocketId, from: Endpoint, bytes: Uint8Array): void {
    datagramsReceived += 1;
    if (disposed) return;
    if (running) inputs.push((now) => machine.handleDatagram(now, id, from, bytes));
    else turn(null, id, from, bytes);
  }

  /** One input, or one datagram, with everything that follows from it at once. */
  function turn(input: ((now: Instant) => void) | null, id: SocketId, from: Endpoint, bytes: Uint8Array): void {
    running = true;
    try {
      const now = monotonicNow();
      if (input === null) machine.handleDatagram(now, id, from, bytes);
      else input(now);
      const outputs = drain();
      // Deadlines that fall due during this turn are left to the timer: to read the clock again costs as much as the MAC of an answer.
      if (inputs.length > 0 || until <= now) settle(outputs);
    } catch (error) {
      dispose();
      options.onFault(error instanceof Error ? error : new Error(String(error)));
    } finally {
      running = false;
    }
    arm();
    if (waiting.length > 0) hand();
  }

  /** Whoever is handed a datagram may give a command, whose turn hands out what comes next. */
  function hand(): void {
    while (handed < waiting.length && !disposed) {
      const { path, bytes, lane } = waiting[handed++] as (typeof waiting)[number];
      onData?.(path, bytes, lane);
    }
    waiting.length = 0;
    handed = 0;
  }

  function settle(before: number): void {
    let outputs = before;
    let passes = 0;
    while (!disposed) {
      const input = inputs.shift();
      if (input !== undefined) input(monotonicNow());
      else if (until !== NEVER && until <= monotonicNow() && passes < NODE_LIMITS.drivePassesPerTurnMax) {
        passes += 1;
        machine.handleTimeout(monotonicNow());
      } else return;
      outputs += drain();
      assert(outputs <= NODE_LIMITS.driveOutputsPerTurnMax, 'a machine makes outputs without end');
    }
  }

  function drain(): number {
    for (let outputs = 0; ; outputs += 1) {
      if (disposed) return outputs;
      assert(outputs <= NODE_LIMITS.driveOutputsPerTurnMax, 'a machine never answers wait');
      const output = machine.poll();
      if (output.kind === 'wait') {
        until = output.until;
        return outputs;
      }
      obey(output);
    }
  }

  function obey(output: Exclude<Output<Event>, { kind: 'wait' }>): void {
    if (output.kind === 'event') options.onEvent(output.event);
    else if (output.kind === 'transmit') transmit(output);
    else if (output.op === 'open') open(output);
    else close(output);
  }

  function transmit(output: Transmit): void {
    const socket = sockets.get(output.socket);
    if (socket === undefined) {
      count('NOT-OPEN');
      return;
    }
    datagramsSent += 1;
    socket.send(output.to, output.bytes, output.ttl);
  }

  function open(output: SocketOpen): void {
    const id = output.socket;
    if (output.through === 'tls') {
      openTunnel(output);
      return;
    }
    const { outcome, socket } = (options.openSocket ?? openUdpSocket)(output, {
      onDatagram: (from, bytes) => receive(id, from, bytes),
      ...(options.countErrors === false ? {} : { onError: count }),
    });
    if (socket !== null) sockets.set(id, socket);
    inputs.push((now) => machine.handleSocket(now, id, outcome));
  }

  function openTunnel(output: SocketOpen): void {
    const id = output.socket;
    const told = (outcome: SocketOutcome): void => {
      if (!outcome.ok) sockets.delete(id);
      enter((now) => machine.handleSocket(now, id, outcome));
    };
    if (options.openTunnel === undefined) {
      told({ ok: false, code: 'unsupported' });
      return;
    }
    const socket = options.openTunnel(output, {
      onDatagram: (from, bytes) => receive(id, from, bytes),
      onOutcome: told,
      ...(options.countErrors === false ? {} : { onError: count }),
    });
    sockets.set(id, socket);
  }

  function close(output: SocketClose): void {
    const socket = sockets.get(output.socket);
    if (socket === undefined) return;
    sockets.delete(output.socket);
    if (output.op === 'release' && options.onRelease !== undefined) {
      options.onRelease(output.socket, socket.release());
    } else socket.close();
  }

  /** A timer that is armed for an earlier instant stays: it fires, sees that nothing is due and is set anew. */
  function arm(): void {
    if (disposed || until === NEVER || (timer !== null && timerAt <= until)) return;
    if (timer !== null) clearTimeout(timer);
    const now = monotonicNow();
    timerAt = until;
    timer = setTimeout(fire, Math.min(Math.max(1, Math.ceil(until - now)), LIMITS.driveTimerMsMax));
  }

  /** Node's timers may fire a fraction of a millisecond early and, after a suspend, very late. */
  function fire(): void {
    timer = null;
    if (until > monotonicNow()) arm();
    else enter((now) => machine.handleTimeout(now));
  }

  function dispose(): void {
    if (disposed) return;
    disposed = true;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    inputs = [];
    for (const socket of sockets.values()) socket.close();
    sockets.clear();
  }

  return {
    command: (command) => enter((now) => machine.handleCommand(now, command)),
    local: (socket) => sockets.get(socket)?.local ?? null,
    counters: () => ({ datagramsSent, datagramsReceived, errors: { ...errors } }),
    dispose,
  };
}

/** libuv takes a closed handle off its list at the end of its round, so after two rounds nothing lists it any more. */
export async function handlesGone(): Promise<void> {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setImmediate(resolve));
}
