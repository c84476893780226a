/** Join codes: what a person reads out over the phone. 10 of 21 symbols that nobody mistakes for another or reads as a word. */

import { toBase32 } from '../bytes.ts';
import { LIMITS } from '../limits.ts';
import type { CryptoSuite } from '../secure/crypto.ts';

export const CODE_SYMBOLS = '6789BCDFGHJKLMNPQRTWX';

/**
 * How the bytes of a code come from a host's key: scrypt (RFC 7914) of the key with this salt, 40 bytes. N and r make it take
 * 128 * N * r = 32 MiB and a tenth of a second, so that a key for a given code can't be ground (decisions/0016). Whoever runs a
 * machine of core does this outside it and brings the result: it would hold everything else up.
 */
export const CODE_DERIVATION = { salt: 'sallyport code', N: 32_768, r: 8, p: 1, bytes: 40 } as const;

/** The code that these 40 bytes make: 4 bytes modulo 21 for each symbol are even to one part in 2^27. */
export function codeFrom(bytes: Uint8Array): string {
  let code = '';
  for (let i = 0; i < LIMITS.codeSymbols; i++) code += CODE_SYMBOLS.charAt(u32(bytes, 4 * i) % CODE_SYMBOLS.length);
  return code;
}

/** Any case and width, spaces and dashes wherever people put them; null where it is not a code. */
export function normalizeCode(text: string): string | null {
  const code = text.normalize('NFKC').replace(/[\s-]/g, '').toUpperCase();
  return code.length === LIMITS.codeSymbols && [...code].every((symbol) => CODE_SYMBOLS.includes(symbol)) ? code : null;
}

/** A code as people read it out: `K7TQ9RBWXM` is shown as `K7TQ9-RBWXM`. What is none (a whole link) comes back as it is. */
export function showCode(code: string): string {
  return code.length === LIMITS.codeSymbols ? `${code.slice(0, 5)}-${code.slice(5)}` : code;
}

/** Names a host in lists and addresses: 26 symbols, 130 bits of SHA-256 of its static key. */
export function hostIdOf(suite: CryptoSuite, hostKey: Uint8Array): string {
  return toBase32(suite.sha256(hostKey), 26);
}

function u32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) value = value * 256 + (bytes[at + i] as number);
  return value;
}
