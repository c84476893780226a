/**
 * PCP's MAP request and answer (RFC 6887 §7.1, §7.2, §11.1), 60 bytes each, and the ANNOUNCE that asks for the epoch alone (§14.1), 24; IPv4 addresses are written as ::ffff:a.b.c.d.
 *
 * request  2 | opcode 1 | reserved16 | lifetime32 | client address 128
 * answer   2 | 0x81 | reserved8 result8 | lifetime32 | epoch32 | reserved96
 * MAP      nonce 96 | protocol 17 reserved24 | internal port16 external port16 | external address 128
 */
import { addressBytes, addressText, familyOf } from '../address.ts';

const VERSION = 2;
const ANNOUNCE = 0;
const MAP = 1;
const UDP = 17;
const HEADER_BYTES = 24;
const MAP_BYTES = 60;
/** RFC 6887 §7: requests and answers are at most this long, padding and options included. */
const PCP_BYTES_MAX = 1100;

export interface PcpMapRequest {
  /** 12 bytes; the same for renewal and removal of the same mapping. */
  readonly nonce: Uint8Array;
  /** The address the request will come from: the server compares. */
  readonly client: string;
  readonly internalPort: number;
  readonly externalPort: number;
  /** 0 removes the mapping. */
  readonly lifetimeSeconds: number;
}

export interface PcpMapAnswer {
  /** 0 = success; 1 = the server speaks another version (§7.4). */
  readonly result: number;
  readonly lifetimeSeconds: number;
  readonly nonce: Uint8Array;
  readonly internalPort: number;
  readonly externalPort: number;
  readonly external: string;
}

export function pcpMapRequest(request: PcpMapRequest): Uint8Array {
  const bytes = new Uint8Array(MAP_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  bytes[1] = MAP;
  view.setUint32(4, request.lifetimeSeconds);
  bytes.set(mapped(request.client), 8);
  bytes.set(request.nonce, 24);
  bytes[36] = UDP;
  view.setUint16(40, request.internalPort);
  view.setUint16(42, request.externalPort);
  // "Any address, of this family" (§11.1).
  bytes.set(mapped(request.client.includes(':') ? '::' : '0.0.0.0'), 44);
  return bytes;
}

/** RFC 6887 §14.1: makes nothing, but is answered like everything else with the epoch. */
export function pcpAnnounceRequest(client: string): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes[0] = VERSION;
  bytes[1] = ANNOUNCE;
  bytes.set(mapped(client), 8);
  return bytes;
}

/** The epoch in an answer to either request, in seconds; null where it is none, or the server speaks another version. */
export function pcpEpochOf(bytes: Uint8Array): number | null {
  if (bytes.length < HEADER_BYTES || bytes.length > PCP_BYTES_MAX || bytes[0] !== VERSION || bytes[3] !== 0)
    return null;
  if (bytes[1] !== (0x80 | ANNOUNCE) && bytes[1] !== (0x80 | MAP)) return null;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(8);
}

/** Null for anything that is not an answer to a MAP request for UDP. */
export function parsePcp(bytes: Uint8Array): PcpMapAnswer | null {
  if (bytes.length < MAP_BYTES || bytes.length > PCP_BYTES_MAX || bytes.length % 4 !== 0) return null;
  if (bytes[0] !== VERSION || bytes[1] !== (0x80 | MAP) || bytes[36] !== UDP) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    result: bytes[3]!,
    lifetimeSeconds: view.getUint32(4),
    nonce: bytes.slice(24, 36),
    internalPort: view.getUint16(40),
    externalPort: view.getUint16(42),
    external: unmapped(bytes.subarray(44, 60)),
  };
}

function mapped(address: string): Uint8Array {
  const bytes = addressBytes(address) ?? new Uint8Array(16);
  if (bytes.length === 16) return bytes;
  const out = new Uint8Array(16);
  out.set([0xff, 0xff], 10);
  out.set(bytes, 12);
  return out;
}

function unmapped(bytes: Uint8Array): string {
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return addressText(isMapped ? bytes.subarray(12) : bytes)!;
}

/** Of our addresses the one in the gateway's network: most leading bits in common. */
export function ownAddressTowards(gateway: string, addresses: readonly string[]): string {
  const bits = (address: string) =>
    address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  const common = (address: string) => {
    const [left, right] = [bits(address), bits(gateway)];
    let length = 0;
    while (length < 32 && left[length] === right[length]) length++;
    return length;
  };
  const fours = addresses.filter((address) => familyOf(address) === 4);
  return fours.toSorted((left, right) => common(right) - common(left))[0] ?? '0.0.0.0';
}
