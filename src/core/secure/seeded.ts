/**
 * A suite whose randomness comes from a seed, for the simulator, the tests and the benchmarks: one seed, one run, the same
 * bytes on every machine. Never for anything that leaves this computer.
 */
import { utf8Encode } from '../bytes.ts';
import type { CryptoSuite } from './crypto.ts';

/** `suite` with only `randomBytes` and `keyPair` replaced: SHA-256 of seed and a counter. */
export function seededCrypto(seed: string | number, suite: CryptoSuite): CryptoSuite {
  const prefix = utf8Encode(`seed ${seed} `);
  let counter = 0;
  const randomBytes = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = suite.sha256(prefix, utf8Encode(String(counter++)));
      bytes.set(block.subarray(0, Math.min(32, length - at)), at);
    }
    return bytes;
  };
  return { ...suite, randomBytes, keyPair: (secret) => suite.keyPair(secret ?? randomBytes(32)) };
}
