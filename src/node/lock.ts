/**
 * One process at a time: a file that is there while its owner lives. Left over by a killed process it is taken over, because
 * the process it names is gone. (Node has no flock.)
 */
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Lock {
  release(): void;
}

/** The lock, or the number of the process that holds it. */
export function takeLock(path: string): Lock | number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // `link` creates the lock whole or not at all, so nobody reads a lock without a number in it.
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, `${process.pid}\n`, { mode: 0o600 });
  try {
    for (let tries = 0; tries < 2; tries++) {
      try {
        linkSync(mine, path);
        return { release: () => remove(path) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const owner = ownerOf(path);
      if (owner !== null && isAlive(owner)) return owner;
      remove(path);
    }
    return ownerOf(path) ?? 0;
  } finally {
    remove(mine);
  }
}

function ownerOf(path: string): number | null {
  try {
    const owner = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return owner > 0 ? owner : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: alive, but somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already.
  }
}
