/**
 * What one session may send to each address of its peer. Nobody probes an address without the master's permit, and nobody more than
 * permit and credits allow (docs/reference/security.md §3.3); what the device sends in all is the budget's.
 */
import { type Instant, NEVER } from '../../contract.ts';
import type { Permit, PermittedAddress } from '../../model/pair.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { PAY_LIMITS } from './limits.ts';
import type { Reach } from './reach.ts';

/**
 * What a packet is for: a `search` over many ports or sockets, a few at one `endpoint`, or the `answer` to somebody who has just
 * proven to be the peer there (a reply, a probe back, the nomination).
 */
export type Purpose = 'search' | 'endpoint' | 'answer';

interface Account {
  /** In all, since the session began, as the master counts it; and what has been used of it. */
  probesMax: number;
  used: number;
  expires: Instant;
  /** Time between two probes at the rate that the master allows, and when the next one is due at that rate. */
  gapMs: number;
  due: Instant;
}

export interface PurseConfig {
  /** How far an address that a permit names may be probed at all. */
  reach(address: string): Reach;
  /** Addresses that no permit names and that may be tried all the same, local ones in our network say: they share the few packets of a session. */
  readonly few: readonly string[];
  /** Addresses that the peer claims and pays for by a packet of its own, a moment after the first permit. */
  readonly awaited: readonly string[];
}

/** One session's permit: each address of the peer has an account of its own. */
export class Purse {
  private readonly config: PurseConfig;
  private readonly accounts = new Map<string, Account>();
  /** Those that get few, and until when each may be tried. */
  private readonly few: Map<string, Instant>;
  private fewLeft: number = PAY_LIMITS.lanProbesMax;

  constructor(now: Instant, first: Permit, config: PurseConfig) {
    this.config = config;
    this.few = new Map(config.few.map((address) => [address, NEVER]));
    this.permit(now, first);
  }

  /** May this address be probed at all, now? */
  allows(now: Instant, address: string): boolean {
    if (this.isFew(now, address)) return true;
    return this.config.reach(address) === 'paid' && now < (this.accounts.get(address)?.expires ?? 0);
  }

  /** Those that may be. */
  addresses(now: Instant): readonly string[] {
    return [...this.accounts.keys()].filter((address) => this.allows(now, address));
  }

  /** Those that a permit has ever named: they may be again, once their owner has bought a new one. */
  named(): readonly string[] {
    return [...this.accounts.keys()].filter((address) => this.config.reach(address) === 'paid');
  }

  /**
   * Pays one packet towards the address. `unpaid`: not now, perhaps when credits come in. `awaited`: the peer is about to pay, and
   * need not be asked. `forbidden`: not at all.
   */
  spend(now: Instant, address: string, purpose: Purpose): 'paid' | 'unpaid' | 'awaited' | 'forbidden' {
    if (this.few.has(address)) return this.spendFew(now, address, purpose);
    if (this.config.reach(address) !== 'paid') return 'forbidden';
    const account = this.accounts.get(address);
    if (account !== undefined) return spendPaid(now, account, purpose);
    return this.config.awaited.includes(address) ? 'awaited' : 'forbidden';
  }

  permit(now: Instant, { addresses }: Permit): void {
    for (const one of addresses.slice(0, WIRE_LIMITS.permitAddressesMax)) this.raise(now, one);
  }

  private raise(now: Instant, { address, probesMax, probesPerSecondMax, expiresInMs }: PermittedAddress): void {
    const { accounts, few } = this;
    const before = accounts.get(address);
    const account = before ?? { probesMax: 0, used: 0, expires: 0, gapMs: 0, due: 0 };
    // Overtaken by one that was given after it, or told twice.
    if (probesMax <= account.probesMax) return;
    if (before === undefined && accounts.size >= PAY_LIMITS.accountsMax) return;
    account.probesMax = probesMax;
    account.gapMs = 1000 / Math.max(1, probesPerSecondMax);
    account.expires = Math.max(account.expires, now + expiresInMs);
    accounts.set(address, account);
    if (this.config.reach(address) === 'few' && few.get(address) !== NEVER) few.set(address, account.expires);
  }

  private isFew(now: Instant, address: string): boolean {
    return this.fewLeft > 0 && now < (this.few.get(address) ?? 0);
  }

  private spendFew(now: Instant, address: string, purpose: Purpose): 'paid' | 'forbidden' {
    if (purpose === 'search' || this.fewLeft <= reservedFrom(purpose) || !this.isFew(now, address)) return 'forbidden';
    this.fewLeft--;
    return 'paid';
  }
}

function spendPaid(now: Instant, account: Account, purpose: Purpose): 'paid' | 'unpaid' {
  const slackMs = PLAN_LIMITS.predictionAtOnce * account.gapMs;
  const early = purpose !== 'answer' && account.due - slackMs > now;
  if (account.probesMax - account.used <= reservedFrom(purpose) || now >= account.expires || early) return 'unpaid';
  account.due = Math.max(account.due, now) + account.gapMs;
  account.used++;
  return 'paid';
}

/** Packets that only answers may take. */
function reservedFrom(purpose: Purpose): number {
  return purpose === 'answer' ? 0 : PAY_LIMITS.answersReserved;
}
