/** What a detector ought to say of a simulated user, from the NATs the user was given. */

import type { NatProfile } from '../src/core/index.ts';
import type { Mapping } from '../src/core/testing.ts';
import type { Allocation, NatBehaviour, SimUser } from '../src/sim/index.ts';

export interface Truth {
  readonly mapping: Mapping;
  /** Null where several answers are right (a mixture, a hash, stripes). */
  readonly allocator: {
    readonly kind: string;
    readonly step?: number;
    readonly low?: number;
    readonly high?: number;
    readonly blockSize?: number;
  } | null;
  readonly blocked: boolean;
}

/** The outermost NAT decides: the inner ones of the population are cones that keep the port. */
export function truthOf(user: SimUser): Truth {
  const nat = user.chain.at(-1)?.nat;
  if (nat === undefined || user.exposed)
    return { mapping: 'eim', allocator: { kind: 'preserve', step: 0 }, blocked: false };
  if (nat.udpBlocked === true) return { mapping: 'unknown', allocator: null, blocked: true };
  return { mapping: mappingOf(nat), allocator: allocatorOf(nat.allocation), blocked: false };
}

function mappingOf(nat: NatBehaviour): Mapping {
  // A NAT that keeps the local port, and may use one port for several mappings, shows the same port to everybody: EIM as seen from outside.
  const keeps = nat.allocation === 'preserve' || (typeof nat.allocation === 'object' && 'preserve' in nat.allocation);
  if (keeps && nat.overloading === true) return 'eim';
  return nat.mapping === 'address' ? 'adm' : nat.mapping === 'address-and-port' ? 'apdm' : 'eim';
}

function allocatorOf(allocation: Allocation): Truth['allocator'] {
  if (allocation === 'preserve' || 'preserve' in allocation) return { kind: 'preserve', step: 0 };
  if ('step' in allocation) return { kind: 'step', step: allocation.step };
  if ('block' in allocation) {
    return allocation.block.order === 'random'
      ? { kind: 'block', blockSize: allocation.block.size }
      : { kind: 'step', step: 1 };
  }
  if ('portsPerSecond' in allocation) return { kind: 'time', step: allocation.portsPerSecond };
  if ('random' in allocation && 'low' in allocation.random) {
    const { low, high } = allocation.random;
    return { kind: low === 1024 && high === 65_535 ? 'random' : 'range', low, high };
  }
  return null;
}

export function mappingIsRight(profile: NatProfile, truth: Truth): boolean {
  return truth.blocked ? profile.type === 'blocked' : profile.mapping === truth.mapping;
}

export function allocatorIsRight({ allocator }: NatProfile, { allocator: truth }: Truth): boolean {
  if (truth === null) return true;
  if (allocator.kind !== truth.kind) return false;
  const size = (allocator.high ?? 0) - (allocator.low ?? 0) + 1;
  switch (truth.kind) {
    case 'step':
    case 'preserve':
      return allocator.step === truth.step;
    case 'time':
      return Math.abs((allocator.step ?? 0) - truth.step!) <= 5 + 0.1 * truth.step!;
    case 'block':
      return size === truth.blockSize;
    case 'range': {
      const width = truth.high! - truth.low! + 1;
      return (
        Math.abs(allocator.low! - truth.low!) <= 0.05 * width && Math.abs(allocator.high! - truth.high!) <= 0.05 * width
      );
    }
    default:
      return true;
  }
}
