/** One direction of an access line: what it does to a packet, decided from its own stream of randomness. */
import type { SimRandom } from './random.ts';

export interface LinkBehaviour {
  /** Base one-way delay. */
  readonly delayMs: number;
  /** Mean of an exponential extra delay. Order is kept, as in a queue; only `reorderRate` breaks it. */
  readonly jitterMs: number;
  readonly lossRate: number;
  /** Mean length of a loss burst in packets (Gilbert's two-state model); 1 = independent losses. */
  readonly lossBurst: number;
  readonly duplicateRate: number;
  /** Share of packets held back by `reorderMs`, overtaken by later ones. */
  readonly reorderRate: number;
  readonly reorderMs: number;
  /** Share of packets with a flipped bit; the UDP checksum lets them die at the receiver. */
  readonly corruptRate: number;
  /** Share of corrupt packets whose checksum happens to match, so that the flipped bit is delivered. */
  readonly corruptUnnoticedRate: number;
  readonly mtuBytes: number;
  readonly bitsPerSecond: number;
  /** What the queue in front of the line holds; more is dropped (tail drop). */
  readonly queueMs: number;
  /** Everything is lost while true: a one-way black hole. */
  readonly blackHole: boolean;
}

const LINK_DEFAULTS: LinkBehaviour = {
  delayMs: 0,
  jitterMs: 0,
  lossRate: 0,
  lossBurst: 1,
  duplicateRate: 0,
  reorderRate: 0,
  reorderMs: 20,
  corruptRate: 0,
  corruptUnnoticedRate: 0,
  mtuBytes: 1500,
  bitsPerSecond: Number.POSITIVE_INFINITY,
  queueMs: 200,
  blackHole: false,
};

type LinkLoss = 'loss' | 'black-hole' | 'mtu' | 'queue-full' | 'corrupt';

/** What the line does to one packet: dropped for a reason, or delivered after each of `delays` (two when duplicated). */
export interface Passage {
  readonly lost: LinkLoss | null;
  readonly delays: readonly number[];
  readonly flipBit: boolean;
}

export class OneWayLink {
  behaviour: LinkBehaviour;
  readonly #random: SimRandom;
  #lossy = false;
  #lastArrival = 0;
  #busyUntil = 0;

  constructor(behaviour: Partial<LinkBehaviour>, random: SimRandom) {
    this.behaviour = { ...LINK_DEFAULTS, ...behaviour };
    this.#random = random;
  }

  change(behaviour: Partial<LinkBehaviour>): void {
    this.behaviour = { ...this.behaviour, ...behaviour };
  }

  pass(now: number, bytes: number): Passage {
    const b = this.behaviour;
    if (b.blackHole) return lost('black-hole');
    if (bytes > b.mtuBytes) return lost('mtu');
    if (this.#loses()) return lost('loss');
    let sentAt = now;
    if (b.bitsPerSecond !== Number.POSITIVE_INFINITY) {
      const start = Math.max(now, this.#busyUntil);
      if (start - now > b.queueMs) return lost('queue-full');
      sentAt = start + (bytes * 8000) / b.bitsPerSecond;
      this.#busyUntil = sentAt;
    }
    const flip = this.#random.chance(b.corruptRate);
    if (flip && !this.#random.chance(b.corruptUnnoticedRate)) return lost('corrupt');
    const delays = [this.#arrival(sentAt) - now];
    if (this.#random.chance(b.duplicateRate)) delays.push(this.#arrival(sentAt) - now);
    return { lost: null, delays, flipBit: flip };
  }

  #arrival(sentAt: number): number {
    const b = this.behaviour;
    const jitter = b.jitterMs > 0 ? this.#random.exponential(b.jitterMs) : 0;
    const arrival = sentAt + b.delayMs + jitter;
    if (this.#random.chance(b.reorderRate)) return arrival + b.reorderMs;
    this.#lastArrival = Math.max(this.#lastArrival, arrival);
    return this.#lastArrival;
  }

  /** Gilbert: stay in the lossy state with chance 1 - 1/burst; enter it so that the long-run share is lossRate. */
  #loses(): boolean {
    const { lossRate, lossBurst } = this.behaviour;
    if (lossRate <= 0) return false;
    if (lossBurst <= 1) return this.#random.chance(lossRate);
    const leave = 1 / lossBurst;
    const enter = (leave * lossRate) / (1 - lossRate);
    this.#lossy = this.#lossy ? !this.#random.chance(leave) : this.#random.chance(enter);
    return this.#lossy;
  }
}

function lost(reason: LinkLoss): Passage {
  return { lost: reason, delays: [], flipBit: false };
}
