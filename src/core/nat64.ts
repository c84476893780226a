/**
 * IPv4 out of a network that has IPv6 alone: its NAT64 gives every IPv4 address one of IPv6, made of a prefix and the address (RFC 6052).
 * The prefix is told by the network's DNS, which makes AAAA records for a name that has none (RFC 7050). RFC 8781 tells it in router
 * advertisements, which a program without rights can't read.
 */
import { addressBytes, addressText } from './address.ts';
import { equalBytes } from './bytes.ts';
import { LIMITS } from './limits.ts';
import { scopeOf } from './scope.ts';

/** The name that every DNS64 makes AAAA records for, and the addresses that it stands for (RFC 7050 section 2.2). */
export const NAT64_NAME = 'ipv4only.arpa';
const WELL_KNOWN: readonly string[] = ['192.0.0.170', '192.0.0.171'];

/** RFC 6052 section 2.2: these lengths and no others, each with the places of the address's bytes. Byte 8 is always zero. */
const PLACES = {
  32: [4, 5, 6, 7],
  40: [5, 6, 7, 9],
  48: [6, 7, 9, 10],
  56: [7, 9, 10, 11],
  64: [9, 10, 11, 12],
  96: [12, 13, 14, 15],
} as const;
type PrefixBits = keyof typeof PLACES;
const LENGTHS = [96, 64, 56, 48, 40, 32] as const satisfies readonly PrefixBits[];

/** 64:ff9b::/96, which must not be used with addresses that are not public (RFC 6052 section 3.1). */
const GLOBAL_PREFIX = addressBytes('64:ff9b::') as Uint8Array;

export interface Nat64Prefix {
  /** 16 bytes, zero behind the prefix. */
  readonly bytes: Uint8Array;
  readonly bits: PrefixBits;
}

/** Where the NAT64 takes what is for this IPv4 address; null where it must not be asked to. */
export function synthesize(prefix: Nat64Prefix, ipv4: string): string | null {
  const address = addressBytes(ipv4);
  if (address?.length !== 4) return null;
  const scope = scopeOf(ipv4);
  const local = scope === 'private' || scope === 'shared';
  const global = prefix.bits === 96 && equalBytes(prefix.bytes, GLOBAL_PREFIX);
  return scope === 'public' || (local && !global) ? addressText(filled(prefix, address)) : null;
}

/** The IPv4 address that stands in an address of this prefix; null for any other address. */
export function desynthesize(prefix: Nat64Prefix, ipv6: string): string | null {
  const bytes = addressBytes(ipv6);
  if (bytes?.length !== 16) return null;
  const inner = PLACES[prefix.bits].map((place) => bytes[place] as number);
  return equalBytes(bytes, filled(prefix, inner)) ? inner.join('.') : null;
}

/**
 * The prefixes that AAAA records of `NAT64_NAME` tell, in the order of the records, each once, and a few at most: who answers for DNS must
 * not have us try thousands of places before we give up. Where one of the two addresses stands with
 * nothing behind it there is only one such place, so no record can be read in two ways (RFC 7050 section 3 would have to choose).
 */
export function nat64Prefixes(records: readonly string[]): readonly Nat64Prefix[] {
  const found: Nat64Prefix[] = [];
  for (const record of records) {
    const prefix = prefixIn(record);
    if (prefix !== null && !found.some((other) => samePrefix(other, prefix))) found.push(prefix);
    if (found.length === LIMITS.nat64PrefixesMax) break;
  }
  return found;
}

function prefixIn(record: string): Nat64Prefix | null {
  const bytes = addressBytes(record);
  if (bytes?.length !== 16) return null;
  for (const bits of LENGTHS) {
    const prefix = { bytes: bytes.map((byte, at) => (at < bits / 8 ? byte : 0)), bits };
    const known = WELL_KNOWN.some((one) => equalBytes(bytes, filled(prefix, addressBytes(one) as Uint8Array)));
    if (known) return mayTranslate(prefix) ? prefix : null;
  }
  return null;
}

/**
 * A prefix that leads out of this computer: a network's own, the one for all, or that of RFC 8215. Who answers for DNS must not have our
 * datagrams go to this very computer or to a group.
 */
function mayTranslate({ bytes }: Nat64Prefix): boolean {
  const [a, b] = bytes as unknown as [number, number];
  const translation = a === 0 && b === 0x64 && bytes[2] === 0xff && bytes[3] === 0x9b;
  return translation || (a & 0xe0) === 0x20 || (a & 0xfe) === 0xfc;
}

function filled(prefix: Nat64Prefix, ipv4: Uint8Array | readonly number[]): Uint8Array {
  const bytes = prefix.bytes.slice();
  for (const [index, place] of PLACES[prefix.bits].entries()) bytes[place] = ipv4[index] as number;
  return bytes;
}

function samePrefix(left: Nat64Prefix, right: Nat64Prefix): boolean {
  return left.bits === right.bits && equalBytes(left.bytes, right.bytes);
}
