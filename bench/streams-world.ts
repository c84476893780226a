/**
 * Two ends of the streams of one connection over simulated lines, without anything around them: fast enough for ten thousand transfers.
 * What goes beside them, a game's datagrams, passes the same lines.
 */
import type { Instant } from '../src/core/index.ts';
import { agenda, ConnectionStreams, type StreamCommand, type StreamEvent } from '../src/core/testing.ts';
import { type LinkBehaviour, OneWayLink, type SimRandom, simRandom } from '../src/sim/index.ts';

/** What surrounds a body: header, kind and tag of the connection, and of IPv4 and UDP. */
const OVERHEAD_BYTES = 34 + 28;
const SIDES = ['friend', 'host'] as const;
export type Side = (typeof SIDES)[number];

export interface Way {
  readonly up: Partial<LinkBehaviour>;
  readonly down: Partial<LinkBehaviour>;
  readonly rttMs: number;
  /** What a body may have. */
  readonly roomBytes: number;
}

export interface StreamsWorldOptions {
  readonly seed: string;
  readonly ways: readonly Way[];
  /** The host's clock against the friend's, in parts of a million. */
  readonly skewPpm?: number;
  /** Both computers are busy: their programs run for so long, then wait until this time has passed. */
  readonly busy?: { readonly everyMs: number; readonly runMs: number };
  readonly onEvent: (side: Side, event: StreamEvent, now: Instant) => void;
}

interface Turn {
  readonly at: Instant;
  readonly order: number;
  readonly run: () => void;
}

/** Work by time; what falls on one instant goes in the order in which it was put in. */
class Calendar {
  private readonly heap: Turn[] = [];
  private order = 0;

  get next(): Instant {
    return this.heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  put(at: Instant, run: () => void): void {
    const turn = { at, order: this.order++, run };
    let n = this.heap.push(turn) - 1;
    while (n > 0) {
      const parent = (n - 1) >> 1;
      if (!before(turn, this.heap[parent]!)) break;
      this.heap[n] = this.heap[parent]!;
      n = parent;
    }
    this.heap[n] = turn;
  }

  take(): Turn | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (this.heap.length === 0 || last === undefined) return first;
    let n = 0;
    for (;;) {
      let child = 2 * n + 1;
      if (child >= this.heap.length) break;
      if (child + 1 < this.heap.length && before(this.heap[child + 1]!, this.heap[child]!)) child++;
      if (!before(this.heap[child]!, last)) break;
      this.heap[n] = this.heap[child]!;
      n = child;
    }
    this.heap[n] = last;
    return first;
  }
}

function before(left: Turn, right: Turn): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}

export class StreamsWorld {
  now: Instant = 0;
  /** Bytes that were put on the lines, with all headers. */
  readonly carried = { friend: 0, host: 0 };
  readonly random: SimRandom;
  private readonly calendar = new Calendar();
  private readonly links: readonly Readonly<Record<Side, OneWayLink>>[];
  private readonly ends: Readonly<Record<Side, ConnectionStreams>>;
  private readonly alarms = { friend: agenda(), host: agenda() };
  private readonly armed = { friend: Number.POSITIVE_INFINITY, host: Number.POSITIVE_INFINITY };
  private readonly way = { friend: 0, host: 0 };
  private readonly options: StreamsWorldOptions;

  constructor(options: StreamsWorldOptions) {
    this.options = options;
    this.random = simRandom(options.seed);
    this.links = options.ways.map(({ up, down }, n) => ({
      friend: new OneWayLink(up, this.random.fork(`up ${n}`)),
      host: new OneWayLink(down, this.random.fork(`down ${n}`)),
    }));
    this.ends = { friend: this.end('friend'), host: this.end('host') };
  }

  obey(side: Side, command: StreamCommand): void {
    this.act(side, (streams, now) => streams.obey(now, command));
  }

  /** One thing that the connection does at one side. */
  act(side: Side, what: (streams: ConnectionStreams, now: Instant) => void): void {
    what(this.ends[side], this.clock(side));
    this.arm(side);
  }

  after(ms: number, run: () => void): void {
    this.calendar.put(this.now + ms, run);
  }

  /** A datagram of something else, with its headers; `onArrival` unless it is lost. */
  beside(side: Side, bytes: number, onArrival: (delayMs: number) => void): void {
    const link = this.links[this.way[side]]![side];
    for (const delay of link.pass(this.now, bytes).delays.slice(0, 1)) this.after(delay, () => onArrival(delay));
  }

  link(side: Side, way = 0): OneWayLink {
    return this.links[way]![side];
  }

  /** The connection of one side sends another way from now on. */
  switchTo(side: Side, way: number, dead: boolean): void {
    this.way[side] = way;
    this.act(side, (streams, now) => streams.switched(now, this.options.ways[way]!.rttMs, dead));
  }

  /** Until `done`, or the limit; false: the limit. */
  run(limitMs: Instant, done: () => boolean = () => false): boolean {
    while (!done()) {
      if (this.calendar.next > limitMs) {
        this.now = limitMs;
        return false;
      }
      const turn = this.calendar.take()!;
      this.now = Math.max(this.now, turn.at);
      turn.run();
    }
    return true;
  }

  private end(side: Side): ConnectionStreams {
    const config = { agenda: this.alarms[side], opens: side === 'friend', takes: (service: number) => service < 16 };
    return new ConnectionStreams(this.clock(side), this.options.ways[0]!.rttMs, config, {
      room: (_now) => this.options.ways[this.way[side]]!.roomBytes,
      transmit: (_now, body) => this.transmit(side, body.slice()),
      event: (_now, event) => this.options.onEvent(side, event, this.now),
    });
  }

  private transmit(side: Side, body: Uint8Array): void {
    const other: Side = side === 'friend' ? 'host' : 'friend';
    const bytes = body.length + OVERHEAD_BYTES;
    this.carried[side] += bytes;
    const { delays } = this.links[this.way[side]]![side].pass(this.now, bytes);
    for (const delay of delays)
      this.after(delay, () => this.awake(other, () => this.act(other, (end, now) => end.receive(now, body))));
  }

  /** Now, or when the program of this side runs next: the two sides in turn. */
  private awake(side: Side, run: () => void): void {
    const { busy } = this.options;
    if (busy === undefined) run();
    else {
      const within = (this.now + (side === 'host' ? busy.everyMs / 2 : 0)) % busy.everyMs;
      if (within < busy.runMs) run();
      else this.after(busy.everyMs - within, run);
    }
  }

  private clock(side: Side): Instant {
    return side === 'friend' ? this.now : this.now * this.rate + 5_000;
  }

  private get rate(): number {
    return 1 + (this.options.skewPpm ?? 0) / 1e6;
  }

  private arm(side: Side): void {
    const next = this.alarms[side].next();
    const at = side === 'friend' ? next : (next - 5_000) / this.rate;
    if (at >= this.armed[side] || at === Number.POSITIVE_INFINITY) return;
    this.armed[side] = at;
    this.calendar.put(Math.max(at, this.now), () =>
      this.awake(side, () => {
        if (this.armed[side] !== at) return;
        this.armed[side] = Number.POSITIVE_INFINITY;
        // One clock's instants, reckoned in the other's, may fall short by a rounding.
        this.alarms[side].run(Math.max(this.clock(side), next));
        this.arm(side);
      }),
    );
  }
}
