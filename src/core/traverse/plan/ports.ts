/**
 * Destination ports as data: a few numbers that go into a step, and a function from a position to a port. Never a list, so
 * that 65 536 ports cost as much as one, and both ends of a test can enumerate what a side will probe.
 */
import { PORT_HIGH } from '../../address.ts';
import { assert } from '../../errors.ts';

export type PortSpec =
  /** The same port every time. */
  | { readonly kind: 'fixed'; readonly port: number }
  /** Every port of [low, high] once, in an order drawn from `seed`; then again. */
  | { readonly kind: 'shuffle'; readonly low: number; readonly high: number; readonly seed: number }
  /** Runs of ports one after the other, the likeliest first. */
  | { readonly kind: 'runs'; readonly runs: readonly PortRun[] };

/** `count` ports from `start` on, `step` apart. */
export interface PortRun {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** How many different ports a specification names. */
export function portCount(spec: PortSpec): number {
  switch (spec.kind) {
    case 'fixed':
      return 1;
    case 'shuffle':
      return spec.high - spec.low + 1;
    case 'runs':
      return spec.runs.reduce((sum, run) => sum + run.count, 0);
  }
}

export function portAt(spec: PortSpec, n: number): number {
  switch (spec.kind) {
    case 'fixed':
      return spec.port;
    case 'shuffle': {
      const size = spec.high - spec.low + 1;
      return spec.low + shuffled(n % size, size, spec.seed);
    }
    case 'runs':
      return portOfRuns(spec.runs, n % Math.max(1, portCount(spec)));
  }
}

function portOfRuns(runs: readonly PortRun[], n: number): number {
  let left = n;
  for (const run of runs) {
    if (left < run.count) return wrapped(run.start + left * run.step, 1, PORT_HIGH);
    left -= run.count;
  }
  return PORT_HIGH;
}

/** Into [low, high], going round: a sequential allocator does the same at the end of its range. */
export function wrapped(port: number, low: number, high: number): number {
  const size = high - low + 1;
  const offset = (port - low) % size;
  return low + (offset < 0 ? offset + size : offset);
}

/**
 * Position `n` of a pseudo-random permutation of 0..size-1: a four-round Feistel network over the next even number of bits,
 * walked until it falls inside (at most 4 times as many values as `size`, so 4 steps in the mean).
 */
export function shuffled(n: number, size: number, seed: number): number {
  assert(n >= 0 && n < size, 'position inside the permutation');
  let half = 1;
  while (1 << (2 * half) < size) half++;
  const mask = (1 << half) - 1;
  let value = n;
  do {
    let left = value >>> half;
    let right = value & mask;
    for (let round = 0; round < 4; round++) {
      const next = left ^ (mixed(right, seed + round * 0x9e3779b9) & mask);
      left = right;
      right = next;
    }
    value = (left << half) | right;
  } while (value >= size);
  return value;
}

/** The finalizer of MurmurHash3: every input bit moves every output bit. Not for secrets. */
function mixed(value: number, seed: number): number {
  let hash = Math.imul(value ^ seed, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
