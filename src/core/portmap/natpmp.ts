/**
 * NAT-PMP (RFC 6886): two requests and their answers, to and from port 5351 of the gateway. IPv4 only.
 *
 * address request    0 0                                          2 bytes
 * address answer     0 128 result16 epoch32 address32            12 bytes
 * map request        0 1 reserved16 internal16 external16 life32 12 bytes
 * map answer         0 129 result16 epoch32 internal16 external16 life32   16 bytes
 */
import { addressText } from '../address.ts';

/** Also PCP's (RFC 6887 §19.2). */
export const GATEWAY_PORT = 5351;

export type NatPmpAnswer =
  | { readonly kind: 'address'; readonly result: number; readonly epochSeconds: number; readonly address: string }
  | {
      readonly kind: 'map';
      readonly result: number;
      readonly epochSeconds: number;
      readonly internalPort: number;
      readonly externalPort: number;
      readonly lifetimeSeconds: number;
    };

export function natPmpAddressRequest(): Uint8Array {
  return Uint8Array.of(0, 0);
}

/** Maps UDP. Lifetime 0 with external port 0 removes the mapping (§3.4). */
export function natPmpMapRequest(internalPort: number, externalPort: number, lifetimeSeconds: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint8(1, 1);
  view.setUint16(4, internalPort);
  view.setUint16(6, externalPort);
  view.setUint32(8, lifetimeSeconds);
  return bytes;
}

/** Null for anything that is not an answer to one of the two requests. A failure may stop after the epoch (§3.5). */
export function parseNatPmp(bytes: Uint8Array): NatPmpAnswer | null {
  if (bytes.length < 8 || bytes[0] !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [result, epochSeconds] = [view.getUint16(2), view.getUint32(4)];
  if (bytes[1] === 128) {
    if (result !== 0) return { kind: 'address', result, epochSeconds, address: '0.0.0.0' };
    const address = bytes.length < 12 ? null : addressText(bytes.subarray(8, 12));
    return address === null ? null : { kind: 'address', result, epochSeconds, address };
  }
  if (bytes[1] !== 129 || (result === 0 && bytes.length < 16)) return null;
  return {
    kind: 'map',
    result,
    epochSeconds,
    internalPort: bytes.length < 16 ? 0 : view.getUint16(8),
    externalPort: bytes.length < 16 ? 0 : view.getUint16(10),
    lifetimeSeconds: bytes.length < 16 ? 0 : view.getUint32(12),
  };
}
