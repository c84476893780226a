/**
 * Codes that two keys claim. A code is believed without being derived (a tenth of a second, 32 MiB), so a dispute is settled by deriving it,
 * one at a time, outside this machine: a liar loses the code, an honest owner keeps it for good. Where both keys have it in truth, and the
 * rival is at another node of a fleet, the one that was seen first has it.
 */
import { equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { type AddressKeys, Limiter, Pace } from '../rate/pace.ts';
import type { Counters } from './counters.ts';
import type { MasterCommand, MasterEvent } from './interface.ts';
import { MASTER_LIMITS } from './limits.ts';
import type { HostEntry, Registry } from './registry.ts';

interface Contest {
  /** Whose code is derived. */
  readonly key: Uint8Array;
  /** Of another node, seen before the owner: derived where the owner is honest. */
  readonly olderRival: Uint8Array | null;
}

export interface ContestParts {
  readonly registry: Registry;
  readonly counters: Counters;
  event(event: MasterEvent): void;
  /** It has no code any more. */
  lost(now: Instant, host: HostEntry): void;
}

export class Contests {
  private readonly parts: ContestParts;
  private readonly ofAddress = new Pace(MASTER_LIMITS.contestRates);
  private readonly ofAll = new Limiter(MASTER_LIMITS.contestRateAll);
  /** By code; the first of them is being derived. */
  private readonly open = new Map<string, Contest>();

  constructor(parts: ContestParts) {
    this.parts = parts;
  }

  /** Somebody here claims the code of another. What the limits do not let pass is asked for by a later claim. */
  claimed(now: Instant, code: string, keys: AddressKeys): void {
    const key = this.parts.registry.keyOf(code);
    if (key === null || this.open.has(code)) return;
    // Nobody pays for what is not done.
    if (this.isFull(now) || this.ofAddress.take(now, keys) > 0) this.parts.counters.limit('contests');
    else this.begin(now, code, { key, olderRival: null });
  }

  /** The rival is at another node, where whose code it is has been looked at alike. */
  elsewhere(now: Instant, { code, rival, older }: MasterCommand & { readonly do: 'contest' }): void {
    const { registry, counters } = this.parts;
    const owner = registry.keyOf(code);
    if (owner === null || equalBytes(owner, rival) || this.open.has(code)) return;
    const isDerived = registry.isDerived(code);
    if (isDerived && !older) return;
    if (this.isFull(now)) counters.limit('contests');
    else if (isDerived) this.begin(now, code, { key: rival, olderRival: null });
    else this.begin(now, code, { key: owner, olderRival: older ? rival : null });
  }

  /** The code of a key that was asked for. */
  derived(now: Instant, key: Uint8Array, derived: string | null): void {
    const [code, contest] = this.open.entries().next().value ?? [];
    if (code === undefined || contest === undefined || !equalBytes(contest.key, key)) return;
    this.open.delete(code);
    const { registry } = this.parts;
    const owner = registry.keyOf(code);
    if (owner !== null && equalBytes(owner, key)) {
      const liar = registry.settle(code, key, derived);
      if (liar !== null) this.parts.lost(now, liar);
      if (derived === code && contest.olderRival !== null)
        this.open.set(code, { key: contest.olderRival, olderRival: null });
    } else if (derived === code) {
      const loser = registry.cede(code, key);
      if (loser !== null) this.parts.lost(now, loser);
    }
    const next = this.open.values().next().value;
    if (next !== undefined) this.parts.event({ ev: 'derive', key: next.key });
  }

  private isFull(now: Instant): boolean {
    return this.open.size >= MASTER_LIMITS.contestsMax || this.ofAll.waitMs(now, 0) > 0;
  }

  private begin(now: Instant, code: string, contest: Contest): void {
    this.ofAll.take(now, 0);
    this.open.set(code, contest);
    if (this.open.size === 1) this.parts.event({ ev: 'derive', key: contest.key });
  }
}
