/**
 * One process at a time: a file that is there while its owner lives. Left over by a killed process it is taken over, because
 * the process it names is gone. (Node has no flock.) Numbers of processes come again, in a container nearly always, so the
 * moment the owner was started stands beside its number where the system tells it.
 */
import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from './state.ts';

export interface Lock {
  release(): void;
}

/** The lock, or the number of the process that holds it. Throws what the disk says where it takes no file. */
export function takeLock(path: string): Lock | number {
  makeFolder(dirname(path));
  // `link` creates the lock whole or not at all, so nobody reads a lock without a number in it.
  const mine = `${path}.${process.pid}`;
  try {
    writeFileSync(mine, `${process.pid} ${startOf(process.pid)}\n`, { mode: 0o600 });
    for (let tries = 0; tries < 2; tries++) {
      try {
        linkSync(mine, path);
        return { release: () => remove(path) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const owner = ownerOf(path);
      if (owner !== null && isAlive(owner)) return owner.pid;
      remove(path);
    }
    return ownerOf(path)?.pid ?? 0;
  } finally {
    remove(mine);
  }
}

/** The number of the process that holds the lock now, or null. */
export function lockHolder(path: string): number | null {
  const owner = ownerOf(path);
  return owner !== null && isAlive(owner) ? owner.pid : null;
}

interface Owner {
  readonly pid: number;
  /** Empty where it is not known. */
  readonly start: string;
}

function ownerOf(path: string): Owner | null {
  try {
    const [pid = '', start = ''] = readFileSync(path, 'utf8').trim().split(' ');
    return Number.parseInt(pid, 10) > 0 ? { pid: Number.parseInt(pid, 10), start } : null;
  } catch {
    return null;
  }
}

/** In clock ticks since boot: field 22 of proc_pid_stat(5), counted after the name, which may hold anything. Linux only. */
function startOf(pid: number): string {
  return statOf(pid)[19] ?? '';
}

/** One letter: Z has ended and waits for its parent to take note. */
function stateOf(pid: number): string {
  return statOf(pid)[0] ?? '';
}

function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Tells, whenever asked, whether the process that has this number now is still there; null where there is none. One that waits to be reaped is gone. */
export function processWatch(pid: number): (() => boolean) | null {
  const owner = { pid, start: startOf(pid) };
  return isAlive(owner) ? () => isAlive(owner) : null;
}

function isAlive({ pid, start }: Owner): boolean {
  try {
    process.kill(pid, 0);
    if (stateOf(pid) === 'Z') return false;
    const now = startOf(pid);
    return start === '' || now === '' || start === now;
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
