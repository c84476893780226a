/** Join codes derived for real: what `core/model/code.ts` describes, by node:crypto on its pool of threads. */
import { scrypt } from 'node:crypto';
import { CODE_DERIVATION, codeFrom, isInSubgroup, toHex } from '../core/index.ts';
import { NODE_LIMITS } from './limits.ts';

/** The newest last. A promise, so that two who ask at the same time cost one derivation. */
const known = new Map<string, Promise<string | null>>();

/** The code of a host's key, after a tenth of a second; null where no secret has this public key. */
export function deriveCode(key: Uint8Array): Promise<string | null> {
  const name = toHex(key);
  const code = known.get(name) ?? derive(key);
  known.delete(name);
  known.set(name, code);
  if (known.size > NODE_LIMITS.codesKeptMax) known.delete(known.keys().next().value as string);
  // What has failed (there was no memory) is tried again.
  code.catch(() => known.delete(name));
  return code;
}

function derive(key: Uint8Array): Promise<string | null> {
  if (!isInSubgroup(key)) return Promise.resolve(null);
  const { salt, N, r, p, bytes } = CODE_DERIVATION;
  return new Promise((resolve, reject) => {
    // OpenSSL wants a little more than the 32 MiB themselves.
    scrypt(key, salt, bytes, { N, r, p, maxmem: 2 * 128 * N * r }, (error, derived) =>
      error === null ? resolve(codeFrom(derived)) : reject(error),
    );
  });
}
