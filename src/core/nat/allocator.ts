/**
 * Which rule gave the external ports? Every rule gets the logarithm of prior x likelihood of the mappings seen; the mixture is
 * their posterior, so that a NAT between two rules is shown as such (half to two thirds of the carriers mix,
 * docs/reference/nat-model.md §1.2).
 */
import { fitClock } from './clock.ts';
import { normalised } from './distribution.ts';
import type { MappingMade } from './observation.ts';
import { type Allocator, type AllocatorKind, UNKNOWN_ALLOCATOR } from './profile.ts';
import { fitRegions } from './region.ts';
import { fitSequence } from './sequence.ts';

/** Believed of a NAT before the first sample (docs/reference/nat-model.md §3: preserving at home, sequential and random at carriers). */
const PRIOR = { preserve: 0.55, step: 0.18, time: 0.03, region: 0.2, preserveElse: 0.05 } as const;
/** Boxes side by side stand at 3 of 72 carriers (Wang 2011). */
const BOXES = 0.04;
/** A preserving NAT draws another port when the wished one is taken. */
const PORT_TAKEN = 0.03;
const PORTS = 64_512;
/** Below this a hypothesis is not worth a line in the profile. */
const WEIGHT_MIN = 0.005;
const MIXTURE_MAX = 5;
/** With fewer mappings nothing but "keeps the port" can be said. */
const SAMPLES_MIN = 3;

interface AllocatorHypothesis {
  readonly log: number;
  /** Several where the rule itself mixes; their weights sum to 1. */
  readonly allocators: readonly Allocator[];
}

export function fitAllocators(mappings: readonly MappingMade[]): readonly Allocator[] {
  const seen = mappings.filter(({ port }) => port !== null);
  if (seen.length === 0) return [UNKNOWN_ALLOCATOR];
  const hypotheses = preserving(seen);
  if (seen.length >= SAMPLES_MIN) addMoving(hypotheses, mappings, seen);
  // Or none of the rules holds: a few ports, one of them below 1024, far apart.
  if (seen.length < SAMPLES_MIN || hypotheses.length === 0)
    hypotheses.push({ log: Math.log(0.3) - seen.length * Math.log(PORTS), allocators: [UNKNOWN_ALLOCATOR] });
  const weights = normalised(hypotheses.map(({ log }) => log));
  const all = hypotheses.flatMap(({ allocators }, i) =>
    allocators.map((allocator) => ({ ...allocator, weight: allocator.weight * weights[i]! })),
  );
  return strongest(all, parityOf(seen));
}

function strongest(all: readonly Allocator[], parity: Allocator['parity']): readonly Allocator[] {
  const kept = all
    .toSorted((left, right) => right.weight - left.weight)
    .filter(({ weight }, i) => i === 0 || weight >= WEIGHT_MIN)
    .slice(0, MIXTURE_MAX);
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  return kept.map((allocator) => ({ ...allocator, weight: allocator.weight / total, parity }));
}

function rule(kind: AllocatorKind, fields: Partial<Allocator>): Allocator {
  return { ...UNKNOWN_ALLOCATOR, kind, ...fields };
}

/** The local port, or the local port plus a constant; with another rule beside it where the wished port is often taken. */
function preserving(seen: readonly MappingMade[]): AllocatorHypothesis[] {
  const offsets = new Map<number, number>();
  for (const { port, localPort } of seen) offsets.set(port! - localPort, (offsets.get(port! - localPort) ?? 0) + 1);
  const [offset, hits] = [...offsets].toSorted((left, right) => right[1] - left[1])[0]!;
  const misses = seen.length - hits;
  if (offset !== 0 && hits < SAMPLES_MIN) return [];
  const offsetPrior = offset === 0 ? 0 : Math.log(0.01 / PORTS);
  const pure = hits * Math.log(1 - PORT_TAKEN) + misses * Math.log(PORT_TAKEN / PORTS);
  const keep = rule('preserve', { step: offset });
  const hypotheses = [{ log: Math.log(PRIOR.preserve) + offsetPrior + pure, allocators: [keep] }];
  const elsewhere = fitRegions(
    seen.filter(({ port, localPort }) => port! - localPort !== offset).map(({ port }) => port!),
  )[0];
  if (hits >= 2 && misses >= 3 && elsewhere !== undefined) {
    const share = (hits + 1) / (seen.length + 2);
    const log = hits * Math.log(share) + misses * Math.log(1 - share) + elsewhere.log;
    hypotheses.push({
      log: Math.log(PRIOR.preserveElse) + offsetPrior + log,
      allocators: [
        { ...keep, weight: share },
        rule(elsewhere.kind, { low: elsewhere.low, high: elsewhere.high, weight: 1 - share }),
      ],
    });
  }
  return hypotheses;
}

/** Rules under which the port does not depend on the local one. */
function addMoving(
  hypotheses: AllocatorHypothesis[],
  mappings: readonly MappingMade[],
  seen: readonly MappingMade[],
): void {
  for (const { kind, low, high, log } of fitRegions(seen.map(({ port }) => port!))) {
    hypotheses.push({ log: Math.log(PRIOR.region) + log, allocators: [rule(kind, { low, high })] });
  }
  hypotheses.push(...regionForEachAddress(seen));
  const floor = Math.max(...hypotheses.map(({ log }) => log));
  const sequence = fitSequence(mappings, floor);
  if (sequence !== null) {
    const log = Math.log(PRIOR.step) + sequence.log;
    for (const fit of sequence.steps) {
      const { step, perSecond, dispersion, error } = fit;
      const allocator = rule('step', {
        step,
        backgroundPerSecond: perSecond,
        backgroundDispersion: dispersion,
        backgroundError: error,
      });
      hypotheses.push({ log: log + Math.log(fit.share), allocators: [allocator] });
    }
  }
  const clock = fitClock(mappings, parityOf(seen) === 'kept', floor);
  if (clock !== null) {
    const { portsPerSecond, error, spread } = clock;
    const allocator = rule('time', {
      step: portsPerSecond,
      backgroundError: error,
      backgroundDispersion: 2 * spread ** 2,
    });
    hypotheses.push({ log: Math.log(PRIOR.time) + clock.log, allocators: [allocator] });
  }
}

/** Boxes side by side, each with an external address and a region of its own (3 of 72 carriers, Wang 2011). */
function regionForEachAddress(seen: readonly MappingMade[]): AllocatorHypothesis[] {
  const addresses = [...new Set(seen.map(({ address }) => address))];
  const ports = addresses.map((one) => seen.filter(({ address }) => address === one).map(({ port }) => port!));
  if (addresses.length < 2 || ports.some(({ length }) => length < SAMPLES_MIN)) return [];
  const regions = ports.map((own) => fitRegions(own)[0]);
  const prior = Math.log(PRIOR.region * BOXES);
  const log = regions.reduce((sum, region) => sum + (region?.log ?? Number.NEGATIVE_INFINITY), prior);
  const allocators = regions.flatMap((region, i) =>
    region === undefined
      ? []
      : rule(region.kind, { low: region.low, high: region.high, weight: ports[i]!.length / seen.length }),
  );
  return [{ log, allocators }];
}

/** RFC 4787 REQ-4. Six ports of the right parity happen by chance once in 64 times. */
function parityOf(seen: readonly MappingMade[]): Allocator['parity'] {
  const kept = seen.filter(({ port, localPort }) => port! % 2 === localPort % 2).length;
  if (kept === seen.length) return seen.length >= 6 ? 'kept' : 'unknown';
  return kept <= seen.length - 2 ? 'none' : 'unknown';
}
