/** A permit that gives each of these addresses the same, as a master does whose participant has paid from all of them. */
import type { Permit, PermittedAddress } from '../src/core/testing.ts';

export function permitOf(addresses: readonly string[], grant: Partial<Omit<PermittedAddress, 'address'>> = {}): Permit {
  const given = { probesMax: 60, probesPerSecondMax: 1_000, expiresInMs: 15_000, ...grant };
  return { addresses: addresses.map((address) => ({ address, ...given })) };
}
