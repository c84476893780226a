/** Two ends of a connection in virtual time, for tests of what goes on between them. */
import { expect } from 'vitest';
import {
  type Endpoint,
  endpointKey,
  type GameState,
  type Instant,
  type Output,
  outputs,
  type PathKind,
  seededCrypto,
} from '../../src/core/index.ts';
import {
  agenda,
  Connection,
  type ConnectionEvent,
  ConnectionKeys,
  eightBytes,
  SharedLine,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';

/** Park and Miller's minimal generator: enough for jitter and loss. */
export function lehmer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

export type Told = ConnectionEvent | { readonly ev: 'message'; readonly bytes: Uint8Array; readonly channel: number };

type Command =
  | { readonly do: 'send'; readonly bytes: Uint8Array; readonly channel?: number }
  | { readonly do: 'leave'; readonly reason: Parameters<Connection['leave']>[1] }
  | { readonly do: 'game'; readonly service: number; readonly state: GameState }
  | { readonly do: 'nudge' };

/** One end of a connection with what it needs around it, and its queue of outputs. */
interface End {
  readonly connection: Connection;
  readonly remote: Endpoint;
  readonly rttMs: number;
  handleDatagram(now: Instant, socket: number, from: Endpoint, bytes: Uint8Array): void;
  handleTimeout(now: Instant): void;
  poll(): Output<Told>;
}

function endOf(config: Omit<ConstructorParameters<typeof Connection>[0], 'agenda' | 'line'>): End {
  const out = outputs<Told>();
  const alarms = agenda();
  const labels = new Map<string, number>();
  const connection = new Connection(
    { ...config, agenda: alarms, line: new SharedLine() },
    {
      transmit: (socket, to, bytes) => out.transmit(socket, to, bytes),
      message: (bytes, channel) => out.event({ ev: 'message', bytes, channel }),
      frames: () => {},
      event: (_now, event) => out.event(event),
      free: (_now, socket) => out.close(socket),
      listen: (label, n) => void labels.set(label, n),
      deaf: (label) => void labels.delete(label),
    },
  );
  const current = () => connection.current ?? expect.unreachable('no path');
  return {
    connection,
    get remote() {
      return current().remote;
    },
    get rttMs() {
      return current().rttMs;
    },
    handleDatagram: (now, socket, from, bytes) => {
      const n = labels.get(eightBytes(bytes));
      if (n !== undefined) connection.datagram(now, socket, from, n, bytes);
    },
    handleTimeout: (now) => alarms.run(now),
    poll: () => out.next(alarms.next()),
  };
}

interface Way {
  readonly kind: PathKind;
  readonly socket: number;
  /** One way; may change meanwhile. */
  ms: number;
}
export const DIRECT: Readonly<Way> = { kind: 'direct', socket: 1, ms: 10 };
export const RELAY: Readonly<Way> = { kind: 'relay', socket: 2, ms: 25 };
export const SIDES = ['left', 'right'] as const;
type Side = (typeof SIDES)[number];
export interface Flying {
  readonly at: Instant;
  readonly socket: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

/** Two ends of a connection, `left` and `right`, in virtual time; `drop` and the relay's `forward` stand between them. Pairs of another `n` have other keys. */
export function pair(ways: readonly Readonly<Way>[] = [DIRECT], n = 1) {
  const suite = seededCrypto('path', nodeCrypto);
  const [up, down] = [new Uint8Array(32).fill(n), new Uint8Array(32).fill(n + 1)];
  const at = {
    left: { address: '198.51.100.1', port: 1000 } as Endpoint,
    right: { address: '203.0.113.2', port: 2000 } as Endpoint,
    relay: { address: '192.0.2.200', port: 3000 } as Endpoint,
  };
  const float = lehmer(1);
  const random = { float, int: (low: number, high: number) => low + Math.floor(float() * (high - low + 1)) };
  const make = (name: Side): End => {
    const keys = name === 'left' ? { send: up, receive: down } : { send: down, receive: up };
    return endOf({ crypto: suite, random, keys: new ConnectionKeys(suite, keys, 0) });
  };
  const ends = { left: make('left'), right: make('right') };
  const flying: Flying[] = [];
  const events: { left: Told[]; right: Told[] } = { left: [], right: [] };
  /** When each message came. */
  const heardAt: { left: Instant[]; right: Instant[] } = { left: [], right: [] };
  const sent: Flying[] = [];
  const world = {
    now: 0,
    drop: (_from: Side, _socket: number) => false,
    carries: 1_472,
    /** What a relay makes of a datagram. */
    forward: (one: Flying): readonly Flying[] => [one],
  };
  const until = { left: 0, right: 0 };
  const other = (name: Side): Side => (name === 'left' ? 'right' : 'left');

  function drain(name: Side): void {
    for (;;) {
      const output = ends[name].poll();
      if (output.kind === 'wait') {
        until[name] = output.until;
        return;
      }
      if (output.kind === 'event') events[name].push(output.event);
      if (output.kind === 'event' && output.event.ev === 'message') heardAt[name].push(world.now);
      if (output.kind !== 'transmit') continue;
      const { socket, to, bytes } = output;
      sent.push({ socket, from: at[name], to, bytes: bytes.slice(), at: world.now });
      const way = ways.find((one) => one.socket === socket);
      if (way === undefined || world.drop(name, socket) || bytes.length > world.carries) continue;
      const relayed = way.kind === 'relay';
      if (relayed && endpointKey(to) !== endpointKey(at.relay)) continue;
      const between = relayed ? { from: at.relay, to: at[other(name)] } : { from: at[name], to };
      const one = { at: world.now + way.ms, socket, ...between, bytes: bytes.slice() };
      flying.push(...(relayed ? world.forward(one) : [one]));
    }
  }

  function run(untilMs: Instant): void {
    for (;;) {
      const next = Math.min(until.left, until.right, ...flying.map((d) => d.at));
      if (next > untilMs) break;
      world.now = Math.max(world.now, next);
      for (const d of flying.filter((one) => one.at <= world.now)) {
        flying.splice(flying.indexOf(d), 1);
        const name = SIDES.find((side) => endpointKey(d.to) === endpointKey(at[side]));
        if (name === undefined) continue;
        ends[name].handleDatagram(world.now, d.socket, d.from, d.bytes);
        drain(name);
      }
      for (const name of SIDES) {
        if (until[name] > world.now) continue;
        ends[name].handleTimeout(world.now);
        drain(name);
      }
    }
    world.now = untilMs;
  }

  function command(name: Side, what: Command): void {
    const { connection } = ends[name];
    if (what.do === 'send') connection.send(world.now, what.bytes, what.channel ?? 0);
    else if (what.do === 'leave') connection.leave(world.now, what.reason);
    else if (what.do === 'game') connection.sayGame(world.now, what.service, what.state);
    else connection.nudge(world.now);
    drain(name);
  }

  /** Both sides have the way from here on. */
  function add(way: Readonly<Way>): void {
    for (const name of SIDES) {
      const relayed = way.kind === 'relay';
      const remote = relayed ? at.relay : at[other(name)];
      const { kind, socket } = way;
      ends[name].connection.add(world.now, { kind, socket, remote, via: relayed ? 'hub' : null }, relayed ? null : 20);
      drain(name);
    }
  }

  /** Both sides send numbers, 128 a second, until then; the other side's are in `events`. */
  const counted = { left: 0, right: 0 };
  function play(untilMs: Instant): void {
    for (let at = world.now; at < untilMs; at += 1000 / 128) {
      run(at);
      for (const name of SIDES) {
        const n = counted[name]++;
        command(name, { do: 'send', bytes: Uint8Array.of(n >> 16, n >> 8, n) });
      }
    }
    run(untilMs);
  }
  function numbers(name: Side): number[] {
    const got = events[name].flatMap((event) => (event.ev === 'message' ? [event.bytes] : []));
    return got.map(([a = 0, b = 0, c = 0]) => (a << 16) | (b << 8) | c);
  }
  if (ways.includes(DIRECT)) add(DIRECT);
  for (const name of SIDES) events[name].length = 0;
  return { ends, at, events, heardAt, sent, world, run, command, flying, add, play, numbers, counted };
}

export const kinds = (events: readonly Told[]) => events.map((event) => event.ev).filter((ev) => ev !== 'rtt');
export const text = (event: Told | undefined) => (event?.ev === 'message' ? [...event.bytes] : null);
