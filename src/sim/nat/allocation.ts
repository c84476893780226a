/**
 * How NATs choose external ports (docs/reference/nat-model.md §2.1). One kind = one member of `Allocation`, its words and one function, all here;
 * nothing else in the simulator knows the kinds, so a new one touches this file and its test.
 */
import type { Endpoint } from '../../core/index.ts';
import type { SimRandom } from '../random.ts';
import type { Background } from './behaviour.ts';

export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export const PORTS_ALL: PortRange = { low: 1024, high: 65_535 };
/** pf of the BSDs and macOS: PF_NAT_PROXY_PORT_LOW and _HIGH. */
export const PORTS_PF: PortRange = { low: 50_001, high: 65_535 };
/** libalias (ipfw): ALIAS_PORT_BASE 0x8000, ALIAS_PORT_MASK 0x7fff. */
export const PORTS_IPFW: PortRange = { low: 32_768, high: 65_535 };

export interface PortBlocks {
  /** Ports in a block; blocks are aligned to their size. */
  readonly size: number;
  /** Order inside a block. */
  readonly order: 'random' | 'sequential';
  /** A full block is followed by another, up to so many; then `whenFull` decides. */
  readonly blocksMax: number;
  readonly range?: PortRange;
}

export type Allocation =
  /** The internal port where it is free, else a random one. */
  | 'preserve'
  /** The same with a choice of fallback; `occupied` = chance that somebody else's mapping is in the way. */
  | { readonly preserve: 'random' | 'sequential'; readonly range?: PortRange; readonly occupied?: number }
  /** Last port + step for every new mapping of anybody; wraps around inside the range. */
  | { readonly step: number; readonly range?: PortRange }
  /** Uniform. Several ranges: stripes, as in MAP-E. */
  | { readonly random: PortRange | readonly PortRange[] }
  /** Linux SNAT to a range: a local port inside it is kept; else a start drawn at random, then +1 until one is free. */
  | { readonly scan: PortRange }
  /** A port block for each subscriber (FortiGate, Juniper, A10, Cisco: 64...4096 ports). */
  | { readonly block: PortBlocks }
  /** A fixed function of the 5-tuple. */
  | { readonly hash: PortRange }
  /** Port = start + rate x time (Wang 2011: 5 of 72 carriers). */
  | { readonly portsPerSecond: number; readonly range?: PortRange }
  /** Each new mapping draws one of several rules: half to two thirds of the carriers mix (Richter 2016). */
  | { readonly mixture: readonly { readonly weight: number; readonly allocation: Allocation }[] };

/** In words, for people. */
export function describeAllocation(allocation: Allocation): string {
  if (allocation === 'preserve' || 'preserve' in allocation) return 'the local port where free';
  if ('step' in allocation) return `step ${allocation.step > 0 ? '+' : ''}${allocation.step}`;
  if ('block' in allocation) return `blocks of ${allocation.block.size}, at most ${allocation.block.blocksMax}`;
  if ('hash' in allocation) return 'a hash';
  if ('scan' in allocation) return `from ${allocation.scan.low} to ${allocation.scan.high}`;
  if ('portsPerSecond' in allocation) return `${Math.round(allocation.portsPerSecond)} ports/s with the clock`;
  if ('mixture' in allocation) return 'a mixture of rules';
  const range = 'low' in allocation.random ? allocation.random : null;
  return range === null ? 'random in stripes' : `random in ${range.low}-${range.high}`;
}

interface PortRequest {
  readonly now: number;
  /** Internal IP address. */
  readonly subscriber: string;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Free and of the right parity. */
  usable(port: number): boolean;
}

/** Chooses a port, or null where none is left. */
export type PortAllocator = (request: PortRequest) => number | null;

export function createAllocator(allocation: Allocation, background: Background, random: SimRandom): PortAllocator {
  if (allocation === 'preserve') return preserving('random', PORTS_ALL, 0, random);
  if ('preserve' in allocation) {
    return preserving(allocation.preserve, allocation.range ?? PORTS_ALL, allocation.occupied ?? 0, random);
  }
  if ('step' in allocation) return stepping(allocation.step, allocation.range ?? PORTS_ALL, background, random);
  if ('random' in allocation)
    return uniform('low' in allocation.random ? [allocation.random] : allocation.random, random);
  if ('scan' in allocation) return scanning(allocation.scan, random);
  if ('block' in allocation) return blocks(allocation.block, random);
  if ('hash' in allocation) return hashing(allocation.hash, random.int(0, 0xffff));
  if ('portsPerSecond' in allocation) {
    return timeDriven(allocation.portsPerSecond, allocation.range ?? PORTS_ALL, random);
  }
  return mixing(allocation.mixture, background, random);
}

function drawIn(range: PortRange, random: SimRandom): number {
  return random.int(range.low, range.high);
}

function sizeOf(range: PortRange): number {
  return range.high - range.low + 1;
}

function wrap(range: PortRange, port: number): number {
  const size = sizeOf(range);
  return range.low + ((((port - range.low) % size) + size) % size);
}

/** The first usable port at start, start + step, ...; null after one turn through the range. */
function scan(range: PortRange, request: PortRequest, start: number, step: number): number | null {
  const size = sizeOf(range);
  let port = wrap(range, start);
  for (let tried = 0; tried < size; tried++) {
    if (request.usable(port)) return port;
    port = wrap(range, port + step);
  }
  return null;
}

/** Random draws first, so that a nearly empty range is truly uniform; then a scan, so that the last free port is found. */
const UNIFORM_DRAWS = 32;

function uniformIn(range: PortRange, request: PortRequest, random: SimRandom): number | null {
  for (let draw = 0; draw < UNIFORM_DRAWS; draw++) {
    const port = drawIn(range, random);
    if (request.usable(port)) return port;
  }
  return scan(range, request, drawIn(range, random), 1);
}

function uniform(ranges: readonly PortRange[], random: SimRandom): PortAllocator {
  const total = ranges.reduce((sum, range) => sum + sizeOf(range), 0);
  return (request) => {
    let index = random.int(0, total - 1);
    for (const range of ranges) {
      if (index < sizeOf(range)) return uniformIn(range, request, random);
      index -= sizeOf(range);
    }
    return null;
  };
}

function preserving(
  fallback: 'random' | 'sequential',
  range: PortRange,
  occupied: number,
  random: SimRandom,
): PortAllocator {
  return (request) => {
    const wish = request.local.port;
    if (request.usable(wish) && !random.chance(occupied)) return wish;
    return fallback === 'random' ? uniformIn(range, request, random) : scan(range, request, wish + 1, 1);
  };
}

function scanning(range: PortRange, random: SimRandom): PortAllocator {
  return (request) => {
    const wish = request.local.port;
    const inside = wish >= range.low && wish <= range.high;
    return scan(range, request, inside ? wish : drawIn(range, random), 1);
  };
}

function stepping(step: number, range: PortRange, background: Background, random: SimRandom): PortAllocator {
  let last = drawIn(range, random);
  let lastAt = 0;
  return (request) => {
    const mean = (background.perSecond * (request.now - lastAt)) / 1000;
    last = wrap(range, last + step * random.count(mean, background.dispersion ?? 1));
    lastAt = request.now;
    const port = scan(range, request, last + step, step);
    if (port !== null) last = port;
    return port;
  };
}

function blocks(rule: PortBlocks, random: SimRandom): PortAllocator {
  const range = rule.range ?? PORTS_ALL;
  const owners = new Map<number, string>();
  const owned = new Map<string, PortRange[]>();
  const grant = (subscriber: string, held: PortRange[]): PortRange | null => {
    const first = Math.ceil(range.low / rule.size);
    const last = Math.floor((range.high + 1) / rule.size) - 1;
    if (held.length >= rule.blocksMax || first > last) return null;
    const start = random.int(first, last);
    for (let tried = 0; tried <= last - first; tried++) {
      const index = first + ((start - first + tried) % (last - first + 1));
      if (owners.has(index)) continue;
      owners.set(index, subscriber);
      const block = { low: index * rule.size, high: (index + 1) * rule.size - 1 };
      held.push(block);
      return block;
    }
    return null;
  };
  const cursors = new Map<PortRange, number>();
  const within = (block: PortRange, request: PortRequest): number | null => {
    if (rule.order === 'random') return uniformIn(block, request, random);
    const port = scan(block, request, cursors.get(block) ?? block.low, 1);
    if (port !== null) cursors.set(block, port + 1);
    return port;
  };
  return (request) => {
    const held = owned.get(request.subscriber) ?? [];
    owned.set(request.subscriber, held);
    for (const block of held) {
      const port = within(block, request);
      if (port !== null) return port;
    }
    const fresh = grant(request.subscriber, held);
    return fresh === null ? null : within(fresh, request);
  };
}

function hashing(range: PortRange, secret: number): PortAllocator {
  return (request) => {
    let h = secret | 0;
    const text = `${request.local.address}:${request.local.port}>${request.remote.address}:${request.remote.port}`;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) >>> 0;
    return scan(range, request, range.low + (h % sizeOf(range)), 1);
  };
}

function timeDriven(portsPerSecond: number, range: PortRange, random: SimRandom): PortAllocator {
  const start = drawIn(range, random);
  return (request) => scan(range, request, start + Math.floor((portsPerSecond * request.now) / 1000), 1);
}

function mixing(
  parts: readonly { readonly weight: number; readonly allocation: Allocation }[],
  background: Background,
  random: SimRandom,
): PortAllocator {
  const allocators = parts.map((part, index) => createAllocator(part.allocation, background, random.fork(`${index}`)));
  const total = parts.reduce((sum, part) => sum + part.weight, 0);
  return (request) => {
    let x = random.float() * total;
    for (const [index, part] of parts.entries()) {
      x -= part.weight;
      if (x < 0 || index === parts.length - 1) return allocators[index]?.(request) ?? null;
    }
    return null;
  };
}
