/**
 * What the two sides have to pay for, in time: whoever is probed pays for the probes (docs/reference/security.md §3.3). The client
 * keeps the account of both, because the plan is its own.
 */
import { type Instant, NEVER } from '../../contract.ts';
import { LIMITS } from '../../limits.ts';
import type { Role } from '../../model/pair.ts';
import { PAY_LIMITS } from '../pay/limits.ts';
import type { SidePlan } from '../plan/side-plan.ts';
import { LEAD_LIMITS } from './limits.ts';

/** How often the sum of what each side still has to send is looked at, to pay for it in time. */
const PAY_POLL_MS = 500;
/** The JOIN paid the first, some of them for answers. */
const FIRST_PROBES = LIMITS.probesPerCredit - PAY_LIMITS.answersReserved;

/** A plan that repeats or goes on for a long time is paid for as it goes. */
interface Lasting {
  readonly sender: Role;
  readonly perSecond: number;
  readonly until: Instant;
  /** Probes that are not paid for yet, and until when they are counted. */
  owed: number;
  countedAt: Instant;
}

export class Payments {
  private readonly buy: (payer: Role, credits: number) => void;
  /** Probes that each payer has already paid for beyond what was used. */
  private readonly prepaid: Record<Role, number> = { client: FIRST_PROBES, host: FIRST_PROBES };
  /** When each payer last bought: a credit also renews the permit of the other side. */
  private readonly boughtAt: Record<Role, Instant> = { client: 0, host: 0 };
  private lasting: Lasting[] = [];
  private payAt: Instant = NEVER;

  constructor(buy: (payer: Role, credits: number) => void) {
    this.buy = buy;
  }

  /** The JOIN and its answer have paid. */
  joined(now: Instant): void {
    this.boughtAt.client = now;
    this.boughtAt.host = now;
  }

  /** Has the side that is probed buy what is missing, so that the sender may send so many probes more. */
  ensure(now: Instant, sender: Role, probes: number): void {
    const payer = other(sender);
    const missing = Math.ceil((probes - this.prepaid[payer]) / LIMITS.probesPerCredit);
    // The permit may run out in a rest: one credit renews it, whatever is left of its probes.
    const renewing = this.needsRenewal(now, payer) ? 1 : 0;
    const credits = Math.min(LEAD_LIMITS.creditsAtOnce, Math.max(missing, renewing));
    if (credits <= 0) return;
    this.prepaid[payer] += credits * LIMITS.probesPerCredit;
    this.boughtAt[payer] = now;
    this.buy(payer, credits);
  }

  use(now: Instant, sender: Role, probes: number): void {
    this.ensure(now, sender, probes);
    this.prepaid[other(sender)] -= probes;
  }

  /** Probes that were paid for and not sent. */
  giveBack(sender: Role, probes: number): void {
    this.prepaid[other(sender)] += probes;
  }

  /** What the plan repeats is paid for until it is over. */
  keepPaying(now: Instant, sender: Role, { again, tuples, durationMs }: SidePlan): void {
    if (again.mode === 'none') return;
    const perSecond = (tuples * 1000) / again.everyMs;
    this.lasting.push({ sender, perSecond, until: now + durationMs, owed: 0, countedAt: now });
    this.payAt = Math.min(this.payAt, now + PAY_POLL_MS);
  }

  stopPaying(): void {
    this.lasting = [];
  }

  run(now: Instant): void {
    if (now < this.payAt) return;
    this.payAt = NEVER;
    this.lasting = this.lasting.filter((one) => now < one.until);
    for (const one of this.lasting) {
      one.owed += ((now - one.countedAt) * one.perSecond) / 1000;
      one.countedAt = now;
      if (one.owed < LIMITS.probesPerCredit && !this.needsRenewal(now, other(one.sender))) continue;
      this.use(now, one.sender, Math.floor(one.owed));
      one.owed = 0;
    }
    if (this.lasting.length > 0) this.payAt = now + PAY_POLL_MS;
  }

  next(): Instant {
    return this.payAt;
  }

  private needsRenewal(now: Instant, payer: Role): boolean {
    return now - this.boughtAt[payer] >= LEAD_LIMITS.permitRenewMs;
  }
}

export function other(role: Role): Role {
  return role === 'client' ? 'host' : 'client';
}
