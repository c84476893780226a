/** A permit that grants each of these addresses the same, as a master does whose participant has paid from all of them. */
import type { Grant, Permit } from '../src/core/testing.ts';

export function permitOf(addresses: readonly string[], grant: Partial<Omit<Grant, 'address'>> = {}): Permit {
  const granted = { probesMax: 60, probesPerSecondMax: 1_000, expiresInMs: 15_000, ...grant };
  return { grants: addresses.map((address) => ({ address, ...granted })) };
}
