/**
 * Randomness of the simulator: sfc32 streams that fork by name, so that adding one consumer does not shift the others.
 *
 * Only +, -, *, / and Math.sqrt are used on fractions. IEEE 754 rounds these exactly, so every engine gives the same bits;
 * Math.log, exp, sin and pow are "implementation-approximated" in ECMA-262 and did change between V8 releases.
 */
import type { Random } from '../core/index.ts';

/** From this mean on, a Poisson count is drawn as a rounded normal: its skew (below 1/sqrt(30)) no longer matters to anybody. */
const POISSON_NORMAL_MEAN = 30;

export interface SimRandom extends Random {
  /** An independent stream; the same name gives the same stream whatever was drawn before. */
  fork(name: string): SimRandom;
  chance(probability: number): boolean;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  exponential(mean: number): number;
  normal(mean: number, deviation: number): number;
  poisson(mean: number): number;
  /** Count with the given mean whose variance is `dispersion` times the mean: Poisson at 1, negative binomial above. */
  count(mean: number, dispersion: number): number;
}

/** Natural logarithm of x > 0 by exact scaling and the atanh series; error below 1e-15 relative to ln 2. */
export function portableLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let odd = 21; odd >= 1; odd -= 2) sum = sum * square + 1 / odd;
  return exponent * Math.LN2 + 2 * s * sum;
}

/** e^x by Taylor series on x / 2^k and k squarings. */
export function portableExp(x: number): number {
  if (x < -700) return 0;
  let scaled = x;
  let squarings = 0;
  while (scaled > 0.25 || scaled < -0.25) {
    scaled /= 2;
    squarings++;
  }
  let sum = 1;
  for (let n = 14; n >= 1; n--) sum = 1 + (sum * scaled) / n;
  for (; squarings > 0; squarings--) sum *= sum;
  return sum;
}

/** Four 32-bit words from a text (xmur3-like mixing): the state of one stream. */
function wordsOf(text: string): [number, number, number, number] {
  let h = 0x811c9dc5 ^ text.length;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0xcc9e2d51);
    h = (h << 13) | (h >>> 19);
  }
  const next = (): number => {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    return h | 0;
  };
  return [next(), next(), next(), next()];
}

class RandomStream implements SimRandom {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(name: string) {
    this.#name = name;
    [this.#a, this.#b, this.#c, this.#counter] = wordsOf(name);
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** sfc32 (Doty-Humphrey): 32 uniform bits. */
  #next(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + result) | 0;
    return result >>> 0;
  }

  fork(name: string): SimRandom {
    return new RandomStream(`${this.#name}/${name}`);
  }

  float(): number {
    return this.#next() / 4294967296;
  }

  /** As strict as the system's: what would be an error in the wild is one here. */
  int(low: number, high: number): number {
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || low > high)
      throw new RangeError(`no integer from ${low} to ${high}`);
    return low + Math.floor(this.float() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return probability > 0 && this.float() < probability;
  }

  between(low: number, high: number): number {
    return low + this.float() * (high - low);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }

  exponential(mean: number): number {
    return -mean * portableLog(1 - this.float());
  }

  /** Marsaglia's polar method; the second value of the pair is thrown away to keep the stream stateless. */
  normal(mean: number, deviation: number): number {
    for (;;) {
      const u = 2 * this.float() - 1;
      const v = 2 * this.float() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) return mean + deviation * u * Math.sqrt((-2 * portableLog(s)) / s);
    }
  }

  poisson(mean: number): number {
    if (mean <= 0) return 0;
    if (mean >= POISSON_NORMAL_MEAN) return Math.max(0, Math.round(this.normal(mean, Math.sqrt(mean))));
    const floor = portableExp(-mean);
    let count = 0;
    for (let product = this.float(); product > floor; product *= this.float()) count++;
    return count;
  }

  count(mean: number, dispersion: number): number {
    if (dispersion <= 1 || mean <= 0) return this.poisson(mean);
    const scale = dispersion - 1;
    return this.poisson(this.#gamma(mean / scale) * scale);
  }

  /** Marsaglia and Tsang 2000; shapes below 1 by the U^(1/shape) boost. */
  #gamma(shape: number): number {
    if (shape < 1) {
      const boost = portableExp(portableLog(1 - this.float()) / shape);
      return this.#gamma(shape + 1) * boost;
    }
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal(0, 1);
      const cube = 1 + c * x;
      if (cube <= 0) continue;
      const v = cube * cube * cube;
      const u = 1 - this.float();
      if (portableLog(u) < 0.5 * x * x + d - d * v + d * portableLog(v)) return d * v;
    }
  }
}

export function simRandom(seed: number | string): SimRandom {
  return new RandomStream(`${seed}`);
}
