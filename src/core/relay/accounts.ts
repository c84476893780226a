/**
 * What an address, a network, a host and all together have moved within a day. A day begins with the first byte of an account, so not
 * everybody's ends at midnight. An account is in use by pairs and ends; beyond that it is remembered until its table is
 * full of such as nobody uses.
 */
import type { Instant } from '../contract.ts';
import { RELAY_LIMITS } from './limits.ts';

export interface Account {
  readonly name: string;
  /** Bytes of a day. */
  readonly max: number;
  used: number;
  since: Instant;
  /** Pairs and ends that are charged to it. */
  users: number;
}

export function account(name: string, max: number): Account {
  return { name, max, used: 0, since: 0, users: 0 };
}

export function charge(now: Instant, one: Account, bytes: number): void {
  if (now - one.since >= RELAY_LIMITS.dayMs) {
    one.used = 0;
    one.since = now;
  }
  one.used += bytes;
}

export function isOver(now: Instant, one: Account): boolean {
  return one.used >= one.max && now - one.since < RELAY_LIMITS.dayMs;
}

export class Accounts {
  private readonly used = new Map<string, Account>();
  /** Of who has left, the first to leave first. */
  private readonly idle = new Map<string, Account>();

  get size(): number {
    return this.used.size + this.idle.size;
  }

  /** Without taking it into use. */
  find(name: string): Account | null {
    return this.used.get(name) ?? this.idle.get(name) ?? null;
  }

  open(name: string, max: number): Account {
    const one = this.find(name) ?? account(name, max);
    this.idle.delete(name);
    this.used.set(name, one);
    one.users++;
    return one;
  }

  close(one: Account): void {
    one.users--;
    if (one.users > 0) return;
    this.used.delete(one.name);
    if (one.used === 0) return;
    this.idle.set(one.name, one);
    if (this.idle.size <= RELAY_LIMITS.accountsIdleMax) return;
    for (const first of this.idle.keys()) {
      this.idle.delete(first);
      return;
    }
  }
}
