/**
 * The one place where a probe is paid for. Nobody probes an address without the master's permit, nobody more than permit and
 * credits allow, and the caps of the device hold whatever the master or the peer says (docs/reference/security.md §3.3, docs/reference/design.md §6).
 *
 * A device keeps one debt: every packet adds one, 100 a second are paid back. A class may send while the debt is below its
 * depth, no faster than its peak. So a prediction burst of 300 goes at 1000/s, and then 100/s is all there is.
 */

import { type Instant, NEVER } from '../../contract.ts';
import type { Grant, Permit } from '../../model/pair.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import type { Life } from '../plan/nature.ts';
import type { ProbeClass } from '../plan/side-plan.ts';
import { PAY_LIMITS } from './limits.ts';
import type { Reach } from './reach.ts';

const CLASSES: Readonly<
  Record<ProbeClass, { readonly depth: number; readonly perSecond: number; readonly mappings: number }>
> = {
  easy: { depth: PAY_LIMITS.easyBurst, perSecond: PAY_LIMITS.easyPerSecond, mappings: PLAN_LIMITS.predictionMappings },
  prediction: {
    depth: PAY_LIMITS.predictionBurst,
    perSecond: PLAN_LIMITS.predictionPerSecond,
    mappings: PLAN_LIMITS.predictionMappings,
  },
  birthday: {
    depth: PLAN_LIMITS.birthdayBurst,
    perSecond: PLAN_LIMITS.birthdayPerSecond,
    mappings: PLAN_LIMITS.birthdayMappings,
  },
};

/** What the traversals of one device share. */
export interface DeviceBudget {
  /** The instant from which one packet may go (`now` where at once); `mapping` names the NAT mapping it makes or refreshes. */
  when(now: Instant, kind: ProbeClass, mapping: string, life: Life): Instant;
  /** Takes the packet. Only after `when` has said now. */
  take(now: Instant, kind: ProbeClass, mapping: string): void;
  /** A packet that must go (an answer to a valid probe): counted, but never refused, nor do others wait for it longer than for a birthday. */
  count(now: Instant): void;
  /** The instant from which so many packets of the class may go as one burst, each a new mapping. */
  room(now: Instant, kind: ProbeClass, packets: number, life: Life): Instant;
  /** Mappings whose last packet is not that old. */
  liveMappings(now: Instant, lifetimeMs: number): number;
  /** The network suffers: nothing goes before `until`. */
  pause(until: Instant): void;
}

export function deviceBudget(): DeviceBudget {
  let debt = 0;
  let debtAt: Instant = 0;
  let pausedUntil: Instant = 0;
  /** Per class: the instant at which its next packet is due at the peak rate. */
  const due: Record<ProbeClass, Instant> = { easy: 0, prediction: 0, birthday: 0 };
  /** The same for first packets of the class `easy`. */
  let firstDue: Instant = 0;
  /** When each mapping was used last, the oldest first; and the instants alone, to find one among thousands. */
  const used = new Map<string, Instant>();
  const instants: Instant[] = [];

  function settle(now: Instant): void {
    if (now === debtAt) return;
    debt = Math.max(0, debt - ((now - debtAt) * PAY_LIMITS.probesPerSecond) / 1000);
    debtAt = now;
    for (const [mapping, at] of used) {
      if (at + WIRE_LIMITS.mappingLifetimeMsMax > now) break;
      used.delete(mapping);
      instants.shift();
    }
  }

  /** The first of those that were used after `at`. */
  function after(at: Instant): number {
    let [low, high] = [0, instants.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (instants[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** When so many new mappings have room below a cap. */
  function roomAt(count: number, cap: number, lifetimeMs: number): Instant {
    if (count > cap) return roomAt(cap, cap, lifetimeMs);
    const last = instants[instants.length - 1 - cap + count];
    return last === undefined ? 0 : last + lifetimeMs;
  }

  /**
   * The cap of the class, whose mappings a router in front may keep for longer than the NAT that forgets first; and never more
   * than half of a known quota: the other half is the user's.
   */
  function under(count: number, kind: ProbeClass, { quota, lifetimeMs }: Life): Instant {
    const classAt = roomAt(count, CLASSES[kind].mappings, Math.max(lifetimeMs, PAY_LIMITS.routerLifetimeMs));
    return quota === null ? classAt : Math.max(classAt, roomAt(count, Math.floor(quota / 2), lifetimeMs));
  }

  return {
    when(now, kind, mapping, life) {
      settle(now);
      if (now < pausedUntil) return pausedUntil;
      const known = (used.get(mapping) ?? -NEVER) + life.lifetimeMs > now;
      const freeAt = known ? now : under(1, kind, life);
      if (freeAt > now) return Math.max(now + 1, freeAt);
      // The first packet to somebody opens the way, so it goes although others, who may not answer at all, have used up the rest.
      const first = kind === 'easy' && !known;
      const depth = CLASSES[kind].depth + (first ? PAY_LIMITS.easyFirstBurst : 0);
      if (debt + 1 > depth) return now + Math.max(1, ((debt + 1 - depth) * 1000) / PAY_LIMITS.probesPerSecond);
      const perSecond = first ? PAY_LIMITS.easyFirstPerSecond : CLASSES[kind].perSecond;
      const slack =
        ((kind === 'prediction' ? PLAN_LIMITS.predictionAtOnce : PAY_LIMITS.probesAtOnce) * 1000) / perSecond;
      const dueAt = first ? firstDue : due[kind];
      return dueAt - slack > now ? dueAt - slack : now;
    },
    take(now, kind, mapping) {
      settle(now);
      debt += 1;
      const before = used.get(mapping);
      if (kind === 'easy' && before === undefined)
        firstDue = Math.max(firstDue, now) + 1000 / PAY_LIMITS.easyFirstPerSecond;
      else due[kind] = Math.max(due[kind], now) + 1000 / CLASSES[kind].perSecond;
      if (before !== undefined) instants.splice(after(before) - 1, 1);
      used.delete(mapping);
      used.set(mapping, now);
      instants.push(now);
    },
    count(now) {
      settle(now);
      debt = Math.max(debt, Math.min(debt + 1, PLAN_LIMITS.birthdayBurst));
    },
    room(now, kind, packets, life) {
      settle(now);
      const { depth } = CLASSES[kind];
      const excess = debt + Math.min(packets, depth) - depth;
      const paid = excess <= 0 ? now : now + (excess * 1000) / PAY_LIMITS.probesPerSecond;
      return Math.max(paid, under(packets, kind, life));
    },
    liveMappings: (now, lifetimeMs) => {
      settle(now);
      return used.size - after(now - lifetimeMs);
    },
    pause: (until) => {
      pausedUntil = Math.max(pausedUntil, until);
    },
  };
}

/**
 * What a packet is for: a `plan` of many ports or sockets, a few at one `known` endpoint, or the `answer` to somebody who has just
 * proven to be the peer there (a reply, a probe back, the nomination).
 */
export type Purpose = 'plan' | 'known' | 'answer';

/** One session's permit: each address of the peer has an account of its own. */
export interface Purse {
  /** May this address be probed at all, now? */
  allows(now: Instant, address: string): boolean;
  /** Those that may be. */
  addresses(now: Instant): readonly string[];
  /**
   * Pays one packet towards the address. `unpaid`: not now, perhaps when credits come in. `awaited`: the peer is about to pay, and
   * need not be asked. `forbidden`: not at all.
   */
  spend(now: Instant, address: string, purpose: Purpose): 'paid' | 'unpaid' | 'awaited' | 'forbidden';
  permit(now: Instant, permit: Permit): void;
}

interface Account {
  /** In all, since the session began, as the master counts it; and what has been used of it. */
  granted: number;
  used: number;
  expires: Instant;
  /** Time between two probes at the rate that the master allows, and when the next one is due at that rate. */
  gapMs: number;
  due: Instant;
}

export interface PurseConfig {
  /** How far an address that a permit names may be probed at all. */
  reach(address: string): Reach;
  /** Local addresses that the peer claims and that may be ours: they share the few packets of a session. */
  readonly lan: readonly string[];
  /** Addresses that the peer claims and pays for by a packet of its own, a moment after the first permit. */
  readonly awaited: readonly string[];
}

export function purse(now: Instant, first: Permit, { reach, lan, awaited }: PurseConfig): Purse {
  const accounts = new Map<string, Account>();
  /** Local addresses, and until when each may be tried. */
  const few = new Map<string, Instant>(lan.map((address) => [address, NEVER]));
  let fewLeft: number = PAY_LIMITS.lanProbesMax;

  const isFew = (at: Instant, address: string): boolean => fewLeft > 0 && at < (few.get(address) ?? 0);

  function grant(at: Instant, { address, probesMax, probesPerSecondMax, expiresInMs }: Grant): void {
    const known = accounts.get(address);
    const account = known ?? { granted: 0, used: 0, expires: 0, gapMs: 0, due: 0 };
    // Overtaken by one that was granted after it, or told twice.
    if (probesMax <= account.granted) return;
    if (known === undefined && accounts.size >= PAY_LIMITS.accountsMax) return;
    account.granted = probesMax;
    account.gapMs = 1000 / Math.max(1, probesPerSecondMax);
    account.expires = Math.max(account.expires, at + expiresInMs);
    accounts.set(address, account);
    if (reach(address) === 'few' && few.get(address) !== NEVER) few.set(address, account.expires);
  }

  function spendFew(at: Instant, address: string, purpose: Purpose): 'paid' | 'forbidden' {
    const reserved = purpose === 'answer' ? 0 : PAY_LIMITS.answersReserved;
    if (purpose === 'plan' || fewLeft <= reserved || !isFew(at, address)) return 'forbidden';
    fewLeft--;
    return 'paid';
  }

  function spendPaid(at: Instant, account: Account, purpose: Purpose): 'paid' | 'unpaid' {
    const reserved = purpose === 'answer' ? 0 : PAY_LIMITS.answersReserved;
    const slackMs = PLAN_LIMITS.predictionAtOnce * account.gapMs;
    const early = purpose !== 'answer' && account.due - slackMs > at;
    if (account.granted - account.used <= reserved || at >= account.expires || early) return 'unpaid';
    account.due = Math.max(account.due, at) + account.gapMs;
    account.used++;
    return 'paid';
  }

  const self: Purse = {
    allows: (at, address) =>
      isFew(at, address) || (reach(address) === 'paid' && at < (accounts.get(address)?.expires ?? 0)),
    addresses: (at) => [...accounts.keys()].filter((address) => self.allows(at, address)),
    spend(at, address, purpose) {
      if (few.has(address)) return spendFew(at, address, purpose);
      const account = accounts.get(address);
      if (account !== undefined && reach(address) === 'paid') return spendPaid(at, account, purpose);
      return awaited.includes(address) && reach(address) === 'paid' ? 'awaited' : 'forbidden';
    },
    permit(at, { grants }) {
      for (const one of grants.slice(0, WIRE_LIMITS.permitAddressesMax)) grant(at, one);
    },
  };
  self.permit(now, first);
  return self;
}

/**
 * The hard sessions of a device, one at a time, first come first served (S18). The holder must renew, so that a session that
 * was dropped does not block the rest.
 */
export interface HardSlot {
  /** 0: the slot is yours until `now + holdMs`; n: so many are before you. `first`: only who has the slot is. */
  request(now: Instant, session: string, first?: boolean): number;
  release(session: string): void;
  /** Who had it last, or has it; null where nobody ever had. */
  holder(): string | null;
}

export function hardSlot(): HardSlot {
  /** In order of arrival, with the instant until which each keeps its place. */
  const queue = new Map<string, Instant>();
  let holder: string | null = null;
  return {
    request(now, session, first = false) {
      for (const [other, until] of queue) if (until <= now) queue.delete(other);
      if (first && !queue.has(session)) {
        const waiting = [...queue].slice(1, PAY_LIMITS.hardQueueMax - 1);
        for (const other of [...queue.keys()].slice(1)) queue.delete(other);
        queue.set(session, now);
        for (const [other, until] of waiting) queue.set(other, until);
      }
      if (!queue.has(session) && queue.size >= PAY_LIMITS.hardQueueMax) return PAY_LIMITS.hardQueueMax;
      queue.set(session, now + PAY_LIMITS.hardHoldMs);
      const before = [...queue.keys()].indexOf(session);
      if (before === 0) holder = session;
      return before;
    },
    release: (session) => void queue.delete(session),
    holder: () => holder,
  };
}

/** What all traversals of one device share; made once per participant. */
export interface Device {
  readonly budget: DeviceBudget;
  readonly slot: HardSlot;
  /** Of each traversal that has not ended: how many sockets its plans hold now. */
  readonly held: Set<() => number>;
}

export function device(): Device {
  return { budget: deviceBudget(), slot: hardSlot(), held: new Set() };
}
