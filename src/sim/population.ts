/**
 * Who is out there: the classes of docs/reference/nat-model.md §3 with shares, ranges and modifiers, all as data here. Shares are percent
 * of users with IPv4 only and no port mapping, central (low-high); judgement anchored on the sources named there, not measured.
 */

import type { Gateway } from './gateway.ts';
import type { Host } from './host.ts';
import type { Allocation } from './nat/allocation.ts';
import { PORTS_ALL } from './nat/allocation.ts';
import type { NatBehaviour } from './nat/behaviour.ts';
import { NATS } from './nat/presets.ts';
import { portableExp, portableLog, type SimRandom } from './random.ts';
import type { World } from './world.ts';

export const SIM_CLASSES = ['P0', 'P1', 'P2', 'P3', 'P4', 'P5', 'S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'X'] as const;
export type SimClassId = (typeof SIM_CLASSES)[number];
export type AccessKind = 'home' | 'mobile';

export interface Share {
  readonly central: number;
  readonly low: number;
  readonly high: number;
}

export const SHARES: Readonly<Record<SimClassId, Readonly<Record<AccessKind, Share>>>> = {
  P0: { home: share(4, 1, 8), mobile: share(4, 1, 9) },
  P1: { home: share(14, 7, 24), mobile: share(17, 8, 26) },
  P2: { home: share(8, 4, 14), mobile: share(5, 2, 12) },
  P3: { home: share(45, 32, 58), mobile: share(12, 6, 20) },
  P4: { home: share(8, 3, 15), mobile: share(3, 1, 8) },
  P5: { home: share(11, 6, 18), mobile: share(16, 8, 26) },
  S1: { home: share(1, 0.3, 2.5), mobile: share(3, 1, 6) },
  S2: { home: share(2.2, 0.8, 5), mobile: share(6, 2, 12) },
  S3: { home: share(0.8, 0.2, 2), mobile: share(8, 3, 15) },
  S4: { home: share(2.2, 0.8, 5), mobile: share(13, 6, 22) },
  S5: { home: share(0.8, 0.2, 2), mobile: share(0.5, 0, 1.5) },
  S6: { home: share(1.2, 0.3, 3), mobile: share(8, 2, 15) },
  X: { home: share(1.8, 0.5, 4), mobile: share(4.5, 1, 9) },
};

/** Modifiers: the share of users they befall. */
export const MODIFIERS = {
  /** Several public addresses, one drawn for each mapping (21 % of carrier networks; CGN users only). */
  arbitraryPooling: { home: 0.04, mobile: 0.15 },
  pooledAddresses: 4,
  /** Hairpin works for 25-40 %. */
  hairpin: 0.33,
  /** Users of open classes that also sit behind a carrier's NAT of the same openness. */
  openBehindCarrier: { home: 0.25, mobile: 1 },
  /** A second router of their own. */
  doubleNat: { home: 0.15, mobile: 0 },
  parity: 0.05,
  balancedBoxes: { home: 0, mobile: 0.03 },
  answersStrangers: 0.05,
  /** Quota of live UDP mappings, for P5, S3 and S6. */
  quota: [
    { weight: 0.2, low: 64, high: 256 },
    { weight: 0.5, low: 500, high: 1024 },
    { weight: 0.3, low: 2000, high: 4096 },
  ],
  /** Routers between the subscriber and the carrier's NAT (Richter 2016: NAT at hops 2-5 for 64-73 %, 10 % at 6 or more). */
  carrierRouters: [
    { weight: 0.7, low: 1, high: 3 },
    { weight: 0.2, low: 0, high: 0 },
    { weight: 0.1, low: 4, high: 10 },
  ],
  /** Routers between the outermost NAT and the core of the internet. */
  coreRouters: [{ weight: 1, low: 2, high: 6 }],
} as const;

/** S1: the rest draws a random port for each destination address (docs/reference/nat-model.md §3: "sequential or random"). */
export const ADM_SEQUENTIAL = 0.5;

/** S6: sizes of port blocks; within a line each as often as the other. */
export const BLOCKS = [
  { weight: 0.2, sizes: [128, 256] },
  { weight: 0.5, sizes: [512, 1024] },
  { weight: 0.3, sizes: [2048, 4096] },
] as const;

/** Access lines: half of the way between two sites each. */
export const ACCESS = {
  home: { delayMs: { low: 4, high: 25 }, jitterMs: 1, lossRate: 0.003 },
  mobile: { delayMs: { low: 12, high: 40 }, jitterMs: 4, lossRate: 0.007 },
} as const;

/** One user's way to the internet. */
export interface SimUser {
  readonly class: SimClassId;
  readonly access: AccessKind;
  /** Boxes from the user outwards, each with the routers between it and the next; empty = a public address. */
  readonly chain: readonly { readonly nat: NatBehaviour; readonly routers: number }[];
  /** The innermost box forwards everything to this user. */
  readonly exposed: boolean;
  /** Routers between the computer and its innermost box. */
  readonly ownRouters: number;
  readonly coreRouters: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly lossRate: number;
  /** An IPv6 address of its own, behind the firewall of each box. */
  readonly ipv6?: boolean;
  /** False: no IPv4 at all, and no NAT64 either. */
  readonly ipv4?: boolean;
  /** Its IPv4 leads through the provider's NAT64, the outermost box: to the machines it is as if it had both, and a user of that box's class. */
  readonly nat64?: boolean;
  /** What this computer's clock shows at the world's time zero: no two computers agree. */
  readonly clockOffsetMs?: number;
}

/** A computer that was switched on within the last day. */
const CLOCK_OFFSET_MAX_MS = 86_400_000;

interface ValueRange {
  readonly weight: number;
  readonly low: number;
  readonly high: number;
}

export function share(central: number, low: number, high: number): Share {
  return { central, low, high };
}

function drawRange(ranges: readonly ValueRange[], random: SimRandom): number {
  const { low, high } = drawOf(ranges, random);
  return random.int(low, high);
}

function drawOf<Item extends { readonly weight: number }>(items: readonly Item[], random: SimRandom): Item {
  let x = random.float() * items.reduce((sum, item) => sum + item.weight, 0);
  for (const item of items) {
    x -= item.weight;
    if (x < 0) return item;
  }
  return items.at(-1) as Item;
}

/** A user of the given class, everything else drawn. */
export function simClass(id: SimClassId, random: SimRandom, access: AccessKind = 'home'): SimUser {
  const line = ACCESS[access];
  const common = {
    class: id,
    access,
    coreRouters: drawRange(MODIFIERS.coreRouters, random),
    delayMs: random.between(line.delayMs.low, line.delayMs.high),
    jitterMs: line.jitterMs,
    lossRate: line.lossRate,
    clockOffsetMs: random.between(0, CLOCK_OFFSET_MAX_MS),
  };
  if (id === 'P0' && random.chance(0.5)) return { ...common, chain: [], exposed: false, ownRouters: 0 };
  const carrier = behindCarrier(id, access, random);
  const outermost = modified(behaviourOf(id, random), id, access, carrier, random);
  const chain = [{ nat: outermost, routers: 0 }];
  const inner = id === 'P1' || id === 'P0' ? NATS.fullCone : id === 'P2' ? NATS.addressRestricted : NATS.linux;
  if (carrier && access === 'home') chain.unshift({ nat: inner, routers: drawRange(MODIFIERS.carrierRouters, random) });
  if (id !== 'P0' && random.chance(MODIFIERS.doubleNat[access])) chain.unshift({ nat: inner, routers: 0 });
  const ownRouters = carrier && access === 'mobile' ? drawRange(MODIFIERS.carrierRouters, random) : 0;
  return { ...common, chain, exposed: id === 'P0', ownRouters };
}

function behindCarrier(id: SimClassId, access: AccessKind, random: SimRandom): boolean {
  switch (id) {
    case 'P5':
    case 'S3':
    case 'S6':
      return true;
    case 'P1':
    case 'P2':
    case 'S1':
    case 'S2':
    case 'S4':
      return random.chance(MODIFIERS.openBehindCarrier[access]);
    default:
      return false;
  }
}

function behaviourOf(id: SimClassId, random: SimRandom): NatBehaviour {
  switch (id) {
    case 'P0':
    case 'P3':
      return { ...NATS.linux, timeouts: { ...NATS.linux.timeouts, establishedMs: random.pick([120_000, 180_000]) } };
    case 'P1':
      return { ...NATS.fullCone, allocation: random.chance(0.5) ? 'preserve' : { random: PORTS_ALL } };
    case 'P2':
      return NATS.addressRestricted;
    case 'P4':
      return { ...NATS.linuxAccept, timeouts: { ...NATS.linux.timeouts, establishedMs: 180_000 } };
    case 'P5':
      return { ...EIM_APDF, allocation: p5Allocation(random), timeouts: carrierTimeouts(random) };
    case 'S1':
      return {
        ...ADM_APDF,
        allocation: random.chance(ADM_SEQUENTIAL) ? { step: 1 } : { random: PORTS_ALL },
        background: quiet(random),
      };
    case 'S2':
      return { ...APDM_APDF, allocation: { step: smallStep(random) }, background: quiet(random), timeouts: SHORT };
    case 'S3':
      return {
        ...APDM_APDF,
        allocation: sharedAllocation(random),
        background: busy(random),
        timeouts: carrierTimeouts(random),
      };
    case 'S4':
      return { ...NATS.linuxRandom, timeouts: { unrepliedMs: 30_000, establishedMs: 120_000 } };
    case 'S5':
      return NATS.pf;
    case 'S6':
      return { ...APDM_APDF, allocation: blockAllocation(random), timeouts: carrierTimeouts(random) };
    case 'X':
      return NATS.blocked;
  }
}

const EIM_APDF = { mapping: 'endpoint-independent', filtering: 'address-and-port' } as const;
const ADM_APDF = {
  mapping: 'address',
  filtering: 'address-and-port',
  timeouts: { unrepliedMs: 30_000, establishedMs: 60_000 },
} as const;
const APDM_APDF = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;
const SHORT = { unrepliedMs: 30_000, establishedMs: 60_000 } as const;

/** Medians 35 s and 65 s; the range of carriers is 10-200 s, 74 % at most 60 s (Richter 2016). */
function carrierTimeouts(random: SimRandom): { unrepliedMs: number; establishedMs: number } {
  const unrepliedMs = 1000 * random.pick([10, 20, 30, 35, 35, 35, 35, 60, 60, 120]);
  return { unrepliedMs, establishedMs: Math.max(unrepliedMs, 1000 * random.pick([30, 60, 65, 65, 65, 120, 200])) };
}

function p5Allocation(random: SimRandom): Allocation {
  const x = random.float();
  if (x < 0.5) return { random: PORTS_ALL };
  if (x < 0.8) return { step: 1 };
  return { block: { size: random.pick([512, 1024, 2048, 4096]), order: 'random', blocksMax: 1 } };
}

/** +1 mostly, sometimes +2; one in ten something else. */
function smallStep(random: SimRandom): number {
  const x = random.float();
  if (x < 0.7) return 1;
  if (x < 0.9) return 2;
  return random.pick([-1, -1, 3, 4, 8]);
}

function quiet(random: SimRandom): { perSecond: number } {
  return { perSecond: random.between(0, 5) };
}

/** 50-1000 new mappings a second, evenly on a logarithmic scale; variance over mean 1.2-3. */
function busy(random: SimRandom): { perSecond: number; dispersion: number } {
  const perSecond = 50 * portableExp(random.float() * portableLog(20));
  return { perSecond, dispersion: random.between(1.2, 3) };
}

/** One in four is time-driven (5 of 20 predictable carriers, Wang 2011). */
function sharedAllocation(random: SimRandom): Allocation {
  return random.chance(0.25) ? { portsPerSecond: random.between(20, 1000) } : { step: 1 };
}

function blockAllocation(random: SimRandom): Allocation {
  const { sizes } = drawOf(BLOCKS, random);
  return {
    block: { size: random.pick<number>(sizes), order: 'random', blocksMax: random.chance(0.5) ? 1 : random.int(2, 8) },
  };
}

function modified(
  nat: NatBehaviour,
  id: SimClassId,
  access: AccessKind,
  carrier: boolean,
  random: SimRandom,
): NatBehaviour {
  const pooled = carrier && random.chance(MODIFIERS.arbitraryPooling[access] / CARRIER_SHARE[access]);
  const picksPorts = id === 'P5' || id.startsWith('S');
  return {
    ...nat,
    hairpin: random.chance(MODIFIERS.hairpin) ? 'external-source' : 'none',
    ...(pooled ? { addresses: MODIFIERS.pooledAddresses, pooling: 'arbitrary' as const } : {}),
    ...(picksPorts && random.chance(MODIFIERS.parity) && !stepsEvenly(nat.allocation) ? { parity: true } : {}),
    ...(carrier && random.chance(MODIFIERS.balancedBoxes[access]) ? { balancedBoxes: 2 } : {}),
    ...(nat.unsolicited === undefined && random.chance(MODIFIERS.answersStrangers)
      ? { unsolicited: 'reject' as const }
      : {}),
    ...(id === 'P5' || id === 'S3' || id === 'S6' ? { subscriberMappingsMax: drawRange(MODIFIERS.quota, random) } : {}),
  };
}

/** Always the same parity: such a NAT would have no port for every other socket. */
function stepsEvenly(allocation: Allocation): boolean {
  return typeof allocation === 'object' && 'step' in allocation && allocation.step % 2 === 0;
}

/** Rough share of users behind a carrier's NAT, to turn a share of users into a share of those it can befall. */
const CARRIER_SHARE: Readonly<Record<AccessKind, number>> = { home: 0.2, mobile: 0.75 };

/** Draws a class by the central shares. */
export function drawClass(access: AccessKind, random: SimRandom, withBlocked = true): SimClassId {
  const ids = SIM_CLASSES.filter((id) => withBlocked || id !== 'X');
  let x = random.float() * ids.reduce((sum, id) => sum + SHARES[id][access].central, 0);
  for (const id of ids) {
    x -= SHARES[id][access].central;
    if (x < 0) return id;
  }
  return 'P3';
}

/** Puts a user into a world: the boxes, the lines, the computer. */
export function placeUser(world: World, user: SimUser, name: string): Host {
  const link = { delayMs: user.delayMs, jitterMs: user.jitterMs, lossRate: user.lossRate };
  const { clockOffsetMs = 0, ipv6 = false, ipv4 = true } = user;
  if (user.chain.length === 0) return world.host({ name, clockOffsetMs, ipv6, ipv4, hops: user.coreRouters, link });
  let box: Gateway | undefined;
  for (const [index, { nat, routers }] of [...user.chain].reverse().entries()) {
    box = world.nat(nat, {
      name: `${name}.nat${user.chain.length - 1 - index}`,
      ...(box === undefined ? { hops: user.coreRouters, link } : { behind: box, hops: routers }),
    });
  }
  const place = { name, clockOffsetMs, ipv6, ipv4, hops: user.ownRouters };
  const host = world.host(box === undefined ? place : { ...place, behind: box });
  if (user.exposed && ipv4) box?.nat.exposeHost(host.address);
  return host;
}
