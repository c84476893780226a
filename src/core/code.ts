/** Join codes: what a person reads out over the phone. 8 of 20 symbols that nobody mistakes for another or reads as a word. */

import { toBase32, utf8Encode } from './bytes.ts';
import { LIMITS } from './limits.ts';
import type { CryptoSuite } from './secure/crypto.ts';

export const CODE_SYMBOLS = '6789BCDFGHJKLMNPQRTW';

/**
 * The code of a host: a hash of its key, so it is the same after every restart and nobody can choose one. `attempt` counts
 * up where another host already has the code (20^8 = 2.56e10 codes: at 100,000 hosts one in five such tables has a single
 * collision at all).
 */
export function codeOf(suite: CryptoSuite, hostKey: Uint8Array, attempt: number): string {
  const digest = suite.sha256(utf8Encode(`sallyport code ${attempt} `), hostKey);
  let code = '';
  // 4 bytes modulo 20 are even to one part in 2^27.
  for (let i = 0; i < LIMITS.codeSymbols; i++) code += CODE_SYMBOLS.charAt(u32(digest, 4 * i) % CODE_SYMBOLS.length);
  return code;
}

/** Any case, spaces and dashes wherever people put them; null where it is not a code. */
export function normalizeCode(text: string): string | null {
  const code = text.replace(/[\s-]/g, '').toUpperCase();
  return code.length === LIMITS.codeSymbols && [...code].every((symbol) => CODE_SYMBOLS.includes(symbol)) ? code : null;
}

/** A code as people read it out: `K7TQ9RBW` is shown as `K7TQ-9RBW`. What is none (a whole link) comes back as it is. */
export function showCode(code: string): string {
  return code.length === LIMITS.codeSymbols ? `${code.slice(0, 4)}-${code.slice(4)}` : code;
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
