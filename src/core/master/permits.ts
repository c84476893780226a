/**
 * What one side of a pair may send at the other: paid for by the other, in bytes, from the very address that will be hit
 * (SECURITY.md rows 2, 3, 15). 60 probes of 60 bytes per padded credit of 1,228 bytes: at most 2.93 times what the target sent.
 *
 * A few credits every few seconds buy the probes of easy and predictable pairs. Whoever wants more (a birthday run) needs one
 * of the target address's eight places for *hard* runs; a run is at most 34 credits, a sender has one run at a time and begins
 * the next 20 s after it at the earliest, and the runs at one address share 400 probes per second.
 */

import type { Instant } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import type { Permit, PermittedAddress } from '../model/pair.ts';
import { addressPrefixes, allowAt } from '../rate/pace.ts';
import { WIRE_LIMITS } from '../wire/limits.ts';
import { MASTER_LIMITS } from './limits.ts';

/** What one address has paid for, in one direction of one pair. */
export class Budget {
  /** Since the session began; what the permit says. */
  probesMax = 0;
  probesPerSecondMax = 0;
  /** When it has last paid. */
  paidAt: Instant = 0;
  /** Cell rate algorithm of what needs no place. */
  softFullAt: Instant = 0;
  run: HardRun | null = null;
}

interface HardRun {
  readonly sender: string;
  readonly target: string;
  readonly begunAt: Instant;
  credits: number;
  paidAt: Instant;
  over: boolean;
}

export type Paid = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number };

export class Permits {
  /** Hard runs by target address, by the network around it, and the one of each sender. */
  private readonly byTarget = new Map<string, Set<HardRun>>();
  private readonly bySender = new Map<string, HardRun>();
  private readonly restingUntil = new Map<string, Instant>();
  /** Of the fleet: none knows what the others grant, so each grants its part, whoever else is there. */
  nodes = 1;

  /** `sender` names the participant that will send the probes, `target` is the address that pays and will be hit. */
  pay(now: Instant, budget: Budget, sender: string, target: string): Paid {
    const probes = target.includes(':') ? MASTER_LIMITS.probesPerCreditIpv6 : LIMITS.probesPerCredit;
    const paid = (probesPerSecondMax: number): Paid => {
      budget.probesMax += probes;
      budget.probesPerSecondMax = probesPerSecondMax;
      budget.paidAt = now;
      return { ok: true };
    };
    if (budget.run !== null && idle(now, budget.run)) this.end(now, budget);
    const soft = allowAt(budget.softFullAt, now, MASTER_LIMITS.softCreditRate);
    if (budget.run === null && soft !== null) {
      budget.softFullAt = soft;
      return paid(MASTER_LIMITS.probesPerSecondBurst);
    }
    const run = budget.run ?? this.begin(now, sender, target);
    if (typeof run === 'number') return { ok: false, retryAfterMs: run };
    budget.run = run;
    if (run.credits >= MASTER_LIMITS.hardCreditsMax) {
      this.end(now, budget);
      return { ok: false, retryAfterMs: Math.max(1, run.begunAt + MASTER_LIMITS.hardRestMs - now) };
    }
    run.credits++;
    run.paidAt = now;
    const sharing = this.byTarget.get(places(target)[0])?.size ?? 1;
    return paid(Math.floor(this.part(MASTER_LIMITS.probesPerSecondHard) / sharing));
  }

  /** The pair is over, or its run is. */
  end(now: Instant, budget: Budget): void {
    const { run } = budget;
    budget.run = null;
    if (run !== null && !run.over) this.endRun(now, run);
  }

  private endRun(now: Instant, run: HardRun): void {
    run.over = true;
    this.bySender.delete(run.sender);
    for (const place of places(run.target)) {
      const runs = this.byTarget.get(place);
      runs?.delete(run);
      if (runs?.size === 0) this.byTarget.delete(place);
    }
    this.rest(now, run);
  }

  private part(ofAll: number): number {
    return Math.max(1, Math.floor(ofAll / this.nodes));
  }

  /** A place, or how long to wait for one. */
  private begin(now: Instant, sender: string, target: string): HardRun | number {
    const other = this.bySender.get(sender);
    if (other !== undefined && !idle(now, other)) return MASTER_LIMITS.hardIdleMs;
    if (other !== undefined) this.endRun(now, other);
    for (const place of places(target)) this.sweep(now, place);
    const resting = (this.restingUntil.get(sender) ?? now) - now;
    if (resting > 0) return resting;
    const { hardRunsPerTarget, hardRunsPerNetwork } = MASTER_LIMITS;
    const [narrow, wide] = places(target);
    const taken = (place: string): number => this.byTarget.get(place)?.size ?? 0;
    if (taken(narrow) >= this.part(hardRunsPerTarget) || taken(wide) >= this.part(hardRunsPerNetwork)) {
      return MASTER_LIMITS.hardRestMs;
    }
    const run: HardRun = { sender, target, begunAt: now, credits: 0, paidAt: now, over: false };
    this.bySender.set(sender, run);
    for (const place of places(target)) {
      const runs = this.byTarget.get(place) ?? new Set();
      this.byTarget.set(place, runs.add(run));
    }
    return run;
  }

  /** A run that is no longer paid for gives its place away; at most as many as a place holds. */
  private sweep(now: Instant, place: string): void {
    for (const run of this.byTarget.get(place) ?? []) if (idle(now, run)) this.endRun(now, run);
  }

  private rest(now: Instant, { sender, begunAt }: HardRun): void {
    this.restingUntil.delete(sender);
    this.restingUntil.set(sender, begunAt + MASTER_LIMITS.hardRestMs);
    // In the order of their ends: one that is over may stand behind one that is not, but no longer than a rest.
    for (const [name, until] of this.restingUntil) {
      if (until > now && this.restingUntil.size <= MASTER_LIMITS.restingMax) break;
      this.restingUntil.delete(name);
    }
  }
}

function idle(now: Instant, run: HardRun): boolean {
  return run.over || now - run.paidAt > MASTER_LIMITS.hardIdleMs;
}

/**
 * What one end of a pair may send at the other: a budget for each address of the other that has paid. The one that has not paid for
 * longest makes room.
 */
export class Budgets {
  private readonly byAddress = new Map<string, Budget>();

  get(address: string): Budget | null {
    return this.byAddress.get(address) ?? null;
  }

  pay(now: Instant, permits: Permits, sender: string, address: string): Paid {
    const known = this.byAddress.get(address);
    const budget = known ?? new Budget();
    const paid = permits.pay(now, budget, sender, address);
    if (!paid.ok) return paid;
    this.byAddress.delete(address);
    this.byAddress.set(address, budget);
    for (const [oldest, old] of this.byAddress) {
      if (this.byAddress.size <= WIRE_LIMITS.permitAddressesMax) break;
      permits.end(now, old);
      this.byAddress.delete(oldest);
    }
    return paid;
  }

  end(now: Instant, permits: Permits): void {
    for (const budget of this.byAddress.values()) permits.end(now, budget);
  }

  /** Those that still hold, of the addresses that `proven` names; the one that has paid last comes first. */
  permit(now: Instant, proven: readonly string[]): Permit {
    const addresses: PermittedAddress[] = [];
    for (const [address, { probesMax, probesPerSecondMax, paidAt }] of this.byAddress) {
      const expiresInMs = Math.ceil(paidAt + MASTER_LIMITS.permitMs - now);
      if (expiresInMs > 0 && proven.includes(address))
        addresses.unshift({ address, probesMax, probesPerSecondMax, expiresInMs });
    }
    return { addresses };
  }
}

/** The address itself and the network around it; they never have the same text. */
function places(target: string): readonly [string, string] {
  const [narrow, wide] = addressPrefixes(target);
  return [narrow, `${wide}/`];
}
