/**
 * How far an address reaches. Only a public one can be probed on the strength of a permit; one of a local network says nothing
 * about *which* network, so there has to be a reason to believe that it is ours; the others name no participant at all.
 *
 * The registries behind it are IANA's special-purpose address registries (RFC 6890). The documentation and benchmarking ranges
 * (RFC 5737, RFC 3849, RFC 9637, RFC 2544, RFC 5180) count as public: no device owns one, and whoever builds an Internet of his
 * own in a laboratory numbers it with them.
 */
import { addressBytes, addressText } from './address.ts';

export type Scope =
  | 'public'
  /** RFC 1918; unique local (RFC 4193) and the old site-local IPv6. */
  | 'private'
  /** Between a carrier's NAT and its customers (RFC 6598). */
  | 'shared'
  /** RFC 3927, RFC 4291. */
  | 'link-local'
  | 'loopback'
  | 'multicast'
  /** 255.255.255.255. That of a subnet can't be told without its mask; systems refuse to send there unasked. */
  | 'broadcast'
  /** Nothing that could answer, or a disguise: no address at all, the unspecified one, a range without a use. */
  | 'reserved';

/** Any text: what is no IP address is `reserved`. A zone index (`%eth0`) is allowed only where it has a meaning, on link-local. */
export function scopeOf(address: string): Scope {
  const zoneAt = address.indexOf('%');
  const bytes = addressBytes(zoneAt < 0 ? address : address.slice(0, zoneAt));
  if (bytes === null || (zoneAt >= 0 && bytes.length === 4)) return 'reserved';
  const scope = bytes.length === 4 ? scopeOfIpv4(bytes) : scopeOfIpv6(bytes);
  return zoneAt >= 0 && scope !== 'link-local' ? 'reserved' : scope;
}

/** Does it reach no farther than some local network? */
export function isLocalAddress(address: string): boolean {
  return isLocal(scopeOf(address));
}

/** Of some local network: which one, the address does not say. */
export function isLocal(scope: Scope): boolean {
  return scope === 'private' || scope === 'shared' || scope === 'link-local';
}

/**
 * Does somebody who was reached at `known` gain nothing by being sent on to `named`? True where both are public or both of the
 * same kind of network: a server on the Internet has no business naming an address inside.
 */
export function sameRealm(known: string, named: string): boolean {
  const [from, to] = [scopeOf(known), scopeOf(named)];
  return from === to || (isLocal(from) && isLocal(to));
}

interface ScopeRange {
  readonly prefix: Uint8Array;
  readonly bits: number;
  readonly scope: Scope;
}

function ranges(rows: readonly (readonly [first: string, bits: number, scope: Scope])[]): readonly ScopeRange[] {
  return rows.map(([first, bits, scope]) => ({ prefix: addressBytes(first) as Uint8Array, bits, scope }));
}

/** The first that fits counts. */
const IPV4: readonly ScopeRange[] = ranges([
  ['0.0.0.0', 8, 'reserved'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'shared'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link-local'],
  ['172.16.0.0', 12, 'private'],
  // Protocol assignments: DS-Lite, NAT64 discovery, the dummy address. RFC 6890, RFC 7600, RFC 7050.
  ['192.0.0.0', 24, 'reserved'],
  // The anycast of 6to4 relays, gone (RFC 7526).
  ['192.88.99.0', 24, 'reserved'],
  ['192.168.0.0', 16, 'private'],
  ['224.0.0.0', 4, 'multicast'],
  ['255.255.255.255', 32, 'broadcast'],
  ['240.0.0.0', 4, 'reserved'],
]);

const IPV6: readonly ScopeRange[] = ranges([
  ['::', 128, 'reserved'],
  ['::1', 128, 'loopback'],
  // NAT64 of a local network (RFC 8215): where the IPv4 address in it begins, only that network knows.
  ['64:ff9b:1::', 48, 'reserved'],
  // Benchmarking, as 198.18.0.0/15.
  ['2001:2::', 48, 'public'],
  // Protocol assignments: ORCHID, AMT and the like. No participant is there.
  ['2001::', 23, 'reserved'],
  ['2000::', 3, 'public'],
  ['fc00::', 7, 'private'],
  ['fe80::', 10, 'link-local'],
  ['fec0::', 10, 'private'],
  ['ff00::', 8, 'multicast'],
]);

/** Where IPv6 carries an IPv4 address: prefix, its length, place of the address, and what each byte of it was mixed with. */
const EMBEDDED: readonly {
  readonly prefix: Uint8Array;
  readonly bits: number;
  readonly at: number;
  readonly mix: number;
  /** The packet leaves as IPv4 at another computer, which must not be led into its own network (RFC 3056 §2, RFC 6052 §3.1). */
  readonly gateway: boolean;
}[] = [
  // Mapped and compatible (RFC 4291 §2.5.5), translated (RFC 2765): the own system sends these as IPv4.
  { prefix: addressBytes('::ffff:0:0') as Uint8Array, bits: 96, at: 12, mix: 0, gateway: false },
  { prefix: addressBytes('::ffff:0:0:0') as Uint8Array, bits: 96, at: 12, mix: 0, gateway: false },
  { prefix: addressBytes('::') as Uint8Array, bits: 96, at: 12, mix: 0, gateway: false },
  { prefix: addressBytes('64:ff9b::') as Uint8Array, bits: 96, at: 12, mix: 0, gateway: true },
  { prefix: addressBytes('2002::') as Uint8Array, bits: 16, at: 2, mix: 0, gateway: true },
  // Teredo (RFC 4380 §4): the client's address, each bit turned over.
  { prefix: addressBytes('2001::') as Uint8Array, bits: 32, at: 12, mix: 0xff, gateway: true },
];

/** The IPv4 address that an IPv6 address carries, as text; null where it carries none. */
function embedded(bytes: Uint8Array): { readonly text: string; readonly gateway: boolean } | null {
  // `::` and `::1`.
  if (bytes.subarray(0, 15).every((byte) => byte === 0) && (bytes[15] as number) < 2) return null;
  for (const { prefix, bits, at, mix, gateway } of EMBEDDED) {
    if (!fits(bytes, prefix, bits)) continue;
    const text = addressText(bytes.slice(at, at + 4).map((byte) => byte ^ mix)) as string;
    return { text, gateway };
  }
  return null;
}

function scopeOfIpv4(bytes: Uint8Array): Scope {
  return IPV4.find(({ prefix, bits }) => fits(bytes, prefix, bits))?.scope ?? 'public';
}

function scopeOfIpv6(bytes: Uint8Array): Scope {
  const inner = embedded(bytes);
  if (inner !== null) {
    const scope = scopeOf(inner.text);
    return inner.gateway && scope !== 'public' ? 'reserved' : scope;
  }
  return IPV6.find(({ prefix, bits }) => fits(bytes, prefix, bits))?.scope ?? 'reserved';
}

function fits(bytes: Uint8Array, prefix: Uint8Array, bits: number): boolean {
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    if ((((bytes[bit >> 3] as number) ^ (prefix[bit >> 3] as number)) & mask) !== 0) return false;
  }
  return true;
}
