/** The master's folder between two runs: the lock of who uses it, the key that it is known by, the admin's token on its way to the admin. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Lock, nodeCrypto, readOrCreateKey, SallyportError, takeLock } from '../node/index.ts';
import { SERVER_LIMITS } from './limits.ts';
import type { Office } from './office.ts';
import type { MasterFact } from './start.ts';

/**
 * Two masters with one key and one store would write over each other, and each would know half of the hosts. A disk that takes
 * no lock, full or read-only, keeps no master from starting: it is said, and the lock taken as soon as that is possible.
 */
export function lockState(stateDir: string, tell: (fact: MasterFact) => void): Lock {
  const file = join(stateDir, 'master.lock');
  let lock: Lock | number | null = null;
  const retry = setInterval(() => {
    try {
      lock = takeLock(file);
    } catch {
      return;
    }
    clearInterval(retry);
    if (typeof lock === 'number')
      tell({ fact: 'unlocked', detail: `process ${lock} is a master with ${stateDir} too` });
  }, SERVER_LIMITS.storeRetryMs);
  retry.unref();
  try {
    lock = takeLock(file);
    clearInterval(retry);
  } catch (error) {
    tell({ fact: 'unlocked', detail: `no lock could be written in ${stateDir}: ${(error as Error).message}` });
  }
  if (typeof lock === 'number') {
    const detail = `Process ${lock} is a master with the folder ${stateDir} already.`;
    throw new SallyportError('ALREADY_RUNNING', { detail });
  }
  return {
    release() {
      clearInterval(retry);
      if (lock !== null && typeof lock !== 'number') lock.release();
    },
  };
}

export function identityIn(stateDir: string, tell: (fact: MasterFact) => void) {
  const file = join(stateDir, 'master.key');
  const { secret, created } = readOrCreateKey(file);
  tell({ fact: 'identity', file, created });
  return { identity: nodeCrypto.keyPair(secret), created };
}

export function keepToken(stateDir: string, office: Office, tell: (fact: MasterFact) => void): void {
  const file = join(stateDir, 'admin.once');
  try {
    if (office.newToken !== null) writeFileSync(file, `${office.newToken}\n`, { mode: 0o600 });
  } catch (error) {
    // A full disk must not keep the master from introducing. Nobody knows this token: the next start makes another.
    forgetToken(stateDir);
    office.forgetToken();
    tell({ fact: 'token-problem', file, detail: (error as Error).message });
  }
  if (existsSync(file)) tell({ fact: 'admin-token', file });
}

export function forgetToken(stateDir: string): void {
  try {
    rmSync(join(stateDir, 'admin.once'), { force: true });
  } catch {
    // A read-only disk: what stands there is of no use to anybody, the token in it has been used or is void.
  }
}
