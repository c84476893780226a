/**
 * Transfers over simulated lines that lose, overtake, repeat and change: what comes out of each stream is what went in. Each is drawn
 * from its seed alone.
 */
import { STREAM_LIMITS, type StreamEvent } from '../src/core/testing.ts';
import { type LinkBehaviour, type SimRandom, simRandom } from '../src/sim/index.ts';
import { type Side, StreamsWorld, type Way } from './streams-world.ts';

/** A transfer that takes longer has hung: the slowest line takes 20 s for the largest one. */
const LIMIT_MS = 180_000;
const WRITE_BYTES_MAX = 20_000;

/** One direction of one stream. */
interface Flow {
  readonly bytes: number;
  written: number;
  got: number;
  ended: boolean;
  /** Written, and not yet told to be taken by the other side. */
  outstanding: number;
}

interface Talk {
  readonly name: number;
  readonly flows: Readonly<Record<Side, Flow>>;
  /** One side breaks it off when so much has come. */
  readonly breakAt: number | null;
  readonly over: Record<Side, 'closed' | 'reset' | null>;
}

export interface Transferred {
  readonly seed: string;
  readonly streams: number;
  readonly bytes: number;
  readonly resets: number;
  readonly switches: number;
  readonly elapsedMs: number;
  /** What is not as it should be; null: all is. */
  readonly wrong: string | null;
}

/** The byte at an offset of a direction: no two directions are alike. */
function byteAt(talk: number, side: Side, offset: number): number {
  return (Math.imul(offset + 1, 2_654_435_761) >>> 24) ^ (31 * talk + (side === 'host' ? 128 : 0));
}

function drawLine(random: SimRandom): Partial<LinkBehaviour> {
  return {
    delayMs: random.between(0.1, 80),
    jitterMs: random.chance(0.3) ? random.between(0, 8) : 0,
    lossRate: random.chance(0.7) ? random.between(0, 0.15) : 0,
    lossBurst: random.chance(0.3) ? random.between(1, 6) : 1,
    duplicateRate: random.chance(0.3) ? random.between(0, 0.1) : 0,
    reorderRate: random.chance(0.4) ? random.between(0, 0.2) : 0,
    reorderMs: random.between(1, 60),
    bitsPerSecond: random.chance(0.8) ? random.between(0.5e6, 100e6) : Number.POSITIVE_INFINITY,
    queueMs: random.between(5, 300),
  };
}

function drawWay(random: SimRandom): Way {
  const [up, down] = [drawLine(random), drawLine(random)];
  // From 1,439 on no datagram of full size passes: a path that has become narrower than was measured.
  return { up, down, rttMs: (up.delayMs ?? 0) + (down.delayMs ?? 0), roomBytes: random.int(1_160, 1_440) };
}

function drawTalk(random: SimRandom, name: number): Talk {
  const most = random.pick([0, 100, 5_000, 100_000, 400_000]);
  const flow = (): Flow => ({
    bytes: random.int(0, most),
    ...{ written: 0, got: 0, ended: false, outstanding: 0 },
  });
  const flows = { friend: flow(), host: flow() };
  const breakAt = random.chance(0.15) ? random.int(0, Math.max(flows.friend.bytes, flows.host.bytes)) : null;
  return { name, flows, breakAt, over: { friend: null, host: null } };
}

const otherSide = (side: Side): Side => (side === 'friend' ? 'host' : 'friend');

class Transfer {
  private readonly random: SimRandom;
  private readonly world: StreamsWorld;
  private readonly talks: readonly Talk[];
  private switches = 0;
  private wrong: string | null = null;
  private readonly seed: string;

  constructor(seed: string) {
    this.seed = seed;
    this.random = simRandom(seed);
    const ways = Array.from({ length: this.random.int(1, 3) }, () => drawWay(this.random));
    const skewPpm = this.random.between(-100, 100);
    this.talks = Array.from({ length: this.random.int(1, 6) }, (_, name) => drawTalk(this.random, name));
    this.world = new StreamsWorld({
      ...{ seed, ways, skewPpm },
      onEvent: (side, event) => this.world.after(0, () => this.hear(side, event)),
    });
    this.open(0);
    if (ways.length > 1) this.planSwitch(ways.length);
  }

  run(): Transferred {
    const done = (): boolean => this.wrong !== null || this.talks.every(({ over }) => over.friend && over.host);
    if (!this.world.run(LIMIT_MS, done)) this.wrong = `not over after ${LIMIT_MS} ms: ${JSON.stringify(this.talks)}`;
    const flows = this.talks.flatMap(({ flows: both }) => [both.friend, both.host]);
    return {
      ...{ seed: this.seed, streams: this.talks.length, switches: this.switches, wrong: this.wrong },
      bytes: flows.reduce((sum, { got }) => sum + got, 0),
      resets: this.talks.filter(({ over }) => over.friend === 'reset' || over.host === 'reset').length,
      elapsedMs: this.world.now,
    };
  }

  private open(n: number): void {
    const talk = this.talks[n];
    if (talk === undefined) return;
    this.world.obey('friend', { do: 'stream-open', stream: talk.name, service: talk.name % 16 });
    this.write('friend', talk);
    this.world.after(this.random.between(0, 200), () => this.open(n + 1));
  }

  /** Both sides switch, each at its own time; the former way may be dead from then on. */
  private planSwitch(ways: number): void {
    this.world.after(this.random.between(10, 1_500), () => {
      const way = this.random.int(0, ways - 1);
      const dead = this.random.chance(0.3);
      this.switches++;
      for (const side of ['friend', 'host'] as const)
        this.world.after(this.random.between(0, 60), () => this.world.switchTo(side, way, dead));
      if (this.switches < 8) this.planSwitch(ways);
    });
  }

  private write(side: Side, talk: Talk): void {
    const flow = talk.flows[side];
    if (flow.outstanding > STREAM_LIMITS.sendBytesMax / 8 || talk.over[side] !== null) return;
    const most = this.random.chance(0.5) ? 60 : WRITE_BYTES_MAX;
    const length = Math.min(flow.bytes - flow.written, this.random.int(1, most));
    const from = flow.written;
    const bytes = Uint8Array.from({ length }, (_, n) => byteAt(talk.name, side, from + n));
    flow.written += length;
    flow.outstanding += length;
    const stream = talk.name;
    this.world.obey(side, { do: 'stream-write', stream, bytes });
    if (flow.written === flow.bytes) this.world.obey(side, { do: 'stream-end', stream });
    if (flow.written < flow.bytes) this.world.after(this.random.between(0, 3), () => this.write(side, talk));
  }

  private hear(side: Side, event: StreamEvent): void {
    if (event.ev === 'streams-failed') {
      this.wrong = `failed: ${event.error}`;
      return;
    }
    const talk = this.talks[event.stream] as Talk;
    switch (event.ev) {
      case 'stream-opened':
        if (event.service !== talk.name % 16) this.wrong = `stream ${talk.name} is for service ${event.service}`;
        this.write('host', talk);
        break;
      case 'stream-data':
        this.got(side, talk, event.bytes);
        break;
      case 'stream-ended':
        talk.flows[otherSide(side)].ended = true;
        break;
      case 'stream-taken':
        talk.flows[side].outstanding -= event.bytes;
        this.write(side, talk);
        break;
      case 'stream-reset':
        if (talk.breakAt === null) this.wrong = `stream ${talk.name} was reset: ${event.why}`;
        talk.over[side] = 'reset';
        // Whoever has not heard of it yet never does.
        if (talk.over[otherSide(side)] === null) talk.over[otherSide(side)] = 'reset';
        break;
      case 'stream-closed':
        this.closed(side, talk);
    }
  }

  private got(side: Side, talk: Talk, bytes: Uint8Array): void {
    const from = otherSide(side);
    const flow = talk.flows[from];
    for (const [n, byte] of bytes.entries())
      if (byte !== (byteAt(talk.name, from, flow.got + n) & 0xff)) {
        this.wrong = `stream ${talk.name} from the ${from} differs at ${flow.got + n}`;
        return;
      }
    flow.got += bytes.length;
    const slow = this.random.chance(0.2) ? this.random.between(0, 40) : 0;
    const stream = talk.name;
    this.world.after(slow, () => this.world.obey(side, { do: 'stream-consumed', stream, bytes: bytes.length }));
    if (talk.breakAt === null || flow.got < talk.breakAt || talk.over[side] !== null) return;
    talk.over[side] = 'reset';
    this.world.obey(side, { do: 'stream-reset', stream, why: 'reset' });
  }

  private closed(side: Side, talk: Talk): void {
    const flow = talk.flows[otherSide(side)];
    if (!flow.ended || flow.got !== flow.bytes)
      this.wrong = `stream ${talk.name} was closed at the ${side} after ${flow.got} of ${flow.bytes} bytes`;
    talk.over[side] = 'closed';
  }
}

export function runTransfer(seed: string): Transferred {
  return new Transfer(seed).run();
}
