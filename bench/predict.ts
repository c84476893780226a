/**
 * "Which external port will the next mapping get, best first, with what probability?" The check that a profile is calibrated:
 * `bench:detection` asks for the 90 % window of the next port and looks whether that came. The answer is a lazy sequence, because a
 * window for 99 % may be one port or ten thousand. It shares nothing with the inference but the profile, so that an error of the
 * inference's own distributions shows.
 */
import type { Allocator } from '../src/core/index.ts';
import { PORTS_ALL } from '../src/sim/index.ts';

export interface PredictedPort {
  readonly port: number;
  readonly probability: number;
}

export interface PredictionBasis {
  /** External port of the newest mapping seen; null where none was. */
  readonly lastPort: number | null;
  /** From that mapping to the moment of the one predicted. */
  readonly ageMs: number;
  /** Own mappings made meanwhile, the predicted one included: 1 = the very next. */
  readonly mappingsAhead: number;
  /** Local port of the socket; null = not known (then a preserving NAT says nothing). */
  readonly localPort: number | null;
}

/** A preserving NAT gives another port when the wished one is taken. */
const PORT_TAKEN = 0.03;
/** Below this a sequential rule's tail is cut; the rest of the probability is "anywhere". */
const TAIL = 1e-6;
const PORTS_TOTAL = PORTS_ALL.high - PORTS_ALL.low + 1;
/** Where the profile does not say how well a clock's rate is known: 1 %. */
const CLOCK_ERROR = 0.01;

interface Branch {
  readonly weight: number;
  /** Probability of a port under this rule alone. */
  chance(port: number): number;
  /** Ports of falling probability. */
  ports(): Generator<number>;
}

/** Each port once, best first by the mixture's strongest remaining rule, with its probability under the whole mixture. */
export function* predictPorts(mixture: readonly Allocator[], basis: PredictionBasis): Generator<PredictedPort> {
  const branches = mixture.map((allocator) => branchOf(allocator, basis)).filter((branch) => branch !== null);
  const total = (port: number) => branches.reduce((sum, branch) => sum + branch.weight * branch.chance(port), 0);
  const heads = branches.map((branch) => ({ branch, ports: branch.ports(), port: 0, chance: -1 }));
  const advance = (head: (typeof heads)[number]) => {
    const next = head.ports.next();
    head.port = next.done === true ? 0 : next.value;
    head.chance = next.done === true ? -1 : head.branch.weight * head.branch.chance(head.port);
  };
  for (const head of heads) advance(head);
  const given = new Set<number>();
  for (;;) {
    let best: (typeof heads)[number] | null = null;
    for (const head of heads) if (head.chance >= 0 && (best === null || head.chance > best.chance)) best = head;
    if (best === null) return;
    if (!given.has(best.port)) {
      given.add(best.port);
      yield { port: best.port, probability: total(best.port) };
    }
    advance(best);
  }
}

export interface PredictionWindow {
  readonly ports: readonly PredictedPort[];
  /** Probability that the mapping gets one of them. */
  readonly coverage: number;
}

/** The smallest best-first set that reaches `coverage`, or the first `portsMax` ports where that does not suffice. */
export function predictionWindow(
  mixture: readonly Allocator[],
  basis: PredictionBasis,
  coverage: number,
  portsMax: number,
): PredictionWindow {
  const ports: PredictedPort[] = [];
  let covered = 0;
  for (const predicted of predictPorts(mixture, basis)) {
    if (ports.length >= portsMax || covered >= coverage) break;
    ports.push(predicted);
    covered += predicted.probability;
  }
  return { ports, coverage: Math.min(1, covered) };
}

function branchOf(allocator: Allocator, basis: PredictionBasis): Branch | null {
  const { weight } = allocator;
  switch (allocator.kind) {
    case 'preserve':
      return basis.localPort === null ? null : certain(weight, wrapped(basis.localPort + (allocator.step ?? 0)));
    case 'step':
      return basis.lastPort === null ? null : stepping(allocator, basis, basis.lastPort);
    case 'time':
      return basis.lastPort === null ? null : ticking(allocator, basis, basis.lastPort);
    case 'range':
    case 'block':
    case 'random':
      return uniform(weight, allocator.low ?? PORTS_ALL.low, allocator.high ?? PORTS_ALL.high);
    case 'unknown':
      return uniform(weight, PORTS_ALL.low, PORTS_ALL.high);
  }
}

function certain(weight: number, port: number): Branch {
  return {
    weight,
    chance: (candidate) => (candidate === port ? 1 - PORT_TAKEN : 0),
    *ports() {
      yield port;
    },
  };
}

function uniform(weight: number, low: number, high: number): Branch {
  const chance = 1 / (high - low + 1);
  return {
    weight,
    chance: (port) => (port >= low && port <= high ? chance : 0),
    *ports() {
      for (let port = low; port <= high; port++) yield port;
    },
  };
}

/** last + step x (own mappings + N), and with parity kept on to the next port of the right kind. */
function stepping(allocator: Allocator, basis: PredictionBasis, lastPort: number): Branch {
  const step = allocator.step ?? 1;
  const parity = parityOf(allocator, basis);
  const { mean, dispersion } = strangersIn(allocator, basis.ageMs / 1000);
  const masses = countMasses(mean, dispersion);
  const chanceOf = (count: number) => masses[count] ?? 0;
  const portOf = (count: number) => {
    const port = lastPort + step * (count + basis.mappingsAhead);
    return wrapped(parity === null || isOf(parity, port) ? port : port + Math.sign(step));
  };
  return {
    weight: allocator.weight,
    chance(port) {
      if (parity !== null && !isOf(parity, port)) return 0;
      // Counted in the direction of the step, around the end of the range where need be.
      const ahead = Math.sign(step) * (port - wrapped(lastPort));
      const ways = mappingsIn(ahead < 0 ? ahead + PORTS_TOTAL : ahead, Math.abs(step), parity !== null);
      return ways.reduce((sum, mappings) => sum + chanceOf(mappings - basis.mappingsAhead), 0);
    },
    *ports() {
      // Unimodal: from the mode outwards, the likelier side first.
      let above = modeOf(mean, dispersion);
      let below = above - 1;
      let chanceAbove = chanceOf(above);
      let chanceBelow = chanceOf(below);
      while (chanceAbove > TAIL || chanceBelow > TAIL) {
        if (chanceAbove >= chanceBelow) {
          yield portOf(above);
          chanceAbove = chanceOf(++above);
        } else {
          yield portOf(below);
          chanceBelow = chanceOf(--below);
        }
      }
    },
  };
}

/** So many mappings, the last one ours; where parity is kept that one may have gone one port further for it. */
function mappingsIn(ports: number, size: number, parity: boolean): readonly number[] {
  const ways = parity ? [ports / size, (ports - 1) / size] : [ports / size];
  return ways.filter((mappings) => Number.isInteger(mappings) && mappings >= 1);
}

/** Mappings of others in a time: a rate known only with an error spreads their number by (error x time)^2 more. */
function strangersIn(allocator: Allocator, seconds: number): { readonly mean: number; readonly dispersion: number } {
  const mean = (allocator.backgroundPerSecond ?? 0) * seconds;
  const own = allocator.backgroundDispersion ?? 1;
  const doubt = allocator.backgroundError ?? 0;
  return { mean, dispersion: own + (mean > 0 ? (doubt * seconds) ** 2 / mean : 0) };
}

/** P(N = n) for n from 0 until nothing is left: Poisson where the variance is the mean, negative binomial where it is larger. */
function countMasses(mean: number, dispersion: number): readonly number[] {
  if (mean < 1e-9) return [1];
  const poisson = dispersion <= 1.02;
  const shape = mean / (dispersion - 1);
  let log = poisson ? -mean : -shape * Math.log(dispersion);
  const masses: number[] = [];
  for (let n = 0; n <= mean || log > Math.log(TAIL / 1000); n++) {
    masses.push(Math.exp(log));
    log += Math.log(poisson ? mean / (n + 1) : ((n + shape) / (n + 1)) * (1 - 1 / dispersion));
  }
  return masses;
}

/** Of the local port, where the NAT keeps it. */
function parityOf({ parity }: Allocator, { localPort }: PredictionBasis): 0 | 1 | null {
  return parity === 'kept' && localPort !== null ? ((localPort % 2) as 0 | 1) : null;
}

function isOf(parity: 0 | 1, port: number): boolean {
  return Math.abs(port % 2) === parity;
}

function modeOf(mean: number, dispersion: number): number {
  // Poisson: floor(mean); negative binomial: floor(mean - (dispersion - 1)) where that is positive.
  return Math.max(0, Math.floor(mean - (dispersion - 1)));
}

/**
 * The port at the clock's next reading, or the first free one beyond our own. Both readings are rounded to whole ports, which alone
 * makes the distance one port more or less; both packets came early or late by their jitter (Laplace); the rate has its error.
 */
function ticking(allocator: Allocator, basis: PredictionBasis, lastPort: number): Branch {
  const rate = allocator.step ?? 0;
  const sign = rate < 0 ? -1 : 1;
  const seconds = basis.ageMs / 1000;
  const drift = Math.abs(rate) * seconds;
  const error = (allocator.backgroundError ?? Math.abs(rate) * CLOCK_ERROR) * seconds;
  const scale = Math.max(1e-3, Math.sqrt((2 * (allocator.backgroundDispersion ?? 0) + error ** 2) / 2));
  const parity = parityOf(allocator, basis);
  const reaches = (ports: number) => rampOf(ports + 1 - drift, scale) - rampOf(ports - drift, scale);
  // Ports below this are taken by our own mappings, even where the clock has not reached them.
  const exactly = (ports: number) => {
    if (ports < basis.mappingsAhead) return 0;
    return reaches(ports) - (ports === basis.mappingsAhead ? 0 : reaches(ports - 1));
  };
  const chanceAt = (ports: number) => {
    if (parity === null) return exactly(ports);
    return isOf(parity, lastPort + sign * ports) ? exactly(ports) + exactly(ports - 1) : 0;
  };
  return {
    weight: allocator.weight,
    chance(port) {
      const ahead = sign * (port - wrapped(lastPort));
      return chanceAt(ahead < 0 ? ahead + PORTS_TOTAL : ahead);
    },
    *ports() {
      const middle = Math.max(basis.mappingsAhead, Math.round(drift));
      const width = Math.ceil(2 + scale * -Math.log(TAIL));
      const near = Array.from({ length: 2 * width + 1 }, (_, i) => middle - width + i)
        .map((ports) => ({ ports, chance: chanceAt(ports) }))
        .filter(({ chance }) => chance > TAIL)
        .sort((left, right) => right.chance - left.chance);
      for (const { ports } of near) yield wrapped(lastPort + sign * ports);
    },
  };
}

/** The integral of Laplace's distribution function. */
function rampOf(x: number, scale: number): number {
  return Math.max(0, x) + (scale / 2) * Math.exp(-Math.abs(x) / scale);
}

/** Sequential NATs start again at 1024 after 65535, as far as known. */
function wrapped(port: number): number {
  return PORTS_ALL.low + ((((port - PORTS_ALL.low) % PORTS_TOTAL) + PORTS_TOTAL) % PORTS_TOTAL);
}
