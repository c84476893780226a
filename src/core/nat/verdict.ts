/** What the profile means to a person: the words of consoles, and how many routers are in the way. */
import { addressBytes } from '../address.ts';
import type { Allocator, NatProfile, Tested, Verdict } from './profile.ts';

/**
 * Open: reachable unasked, or by anybody once open. Moderate: the port is known or can be told in advance. Strict: it cannot.
 */
export function verdictOf(profile: NatProfile): Verdict {
  const { type, mapping, filtering, allocator, portMapping } = profile;
  if (type === 'blocked') return 'strict';
  if (portMapping.external !== null) return 'open';
  if (filtering === 'eif' && (type === 'public' || mapping === 'eim')) return 'open';
  if (type === 'public' || mapping === 'eim') return 'moderate';
  return allocator.kind === 'preserve' || allocator.kind === 'step' || allocator.kind === 'time'
    ? 'moderate'
    : 'strict';
}

/**
 * Layers of translation, where something is known of them: the router's own external address. The distance of the outermost NAT tells of
 * one that filters: a carrier's which lets everybody in, as many do, does not show in it.
 */
export function layersOf(profile: NatProfile, router: string | null): number | null {
  if (profile.type === 'public') return 0;
  if (profile.samples === 0) return null;
  if (router === null) return null;
  return profile.external.includes(router) ? 1 : 2;
}

/** Port blocks of carriers have 64 to 4096 ports (docs/reference/nat-model.md §2.1). */
const BLOCK_PORTS_MAX = 8_192;

/** Ports in a block so small that it must be one subscriber's own; null where the rule has none, or a larger one. */
export function blockQuota({ kind, low, high }: Allocator): number | null {
  const size = (kind === 'block' || kind === 'range') && low !== null && high !== null ? high - low + 1 : null;
  return size === null || size > BLOCK_PORTS_MAX ? null : size;
}

/** Works where somebody has answered over it. Without a global address (2000::/3) there is none; with one alone nobody knows. */
export function ipv6Of(addresses: readonly string[], works: boolean): Tested {
  if (works) return 'yes';
  const isGlobal = (address: string) => address.includes(':') && ((addressBytes(address)?.[0] ?? 0) & 0xe0) === 0x20;
  return addresses.length === 0 || addresses.some(isGlobal) ? 'untested' : 'no';
}
