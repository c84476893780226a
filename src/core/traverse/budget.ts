/**
 * The one place where a probe is paid for. Nobody probes an address without the master's permit, nobody more than permit and
 * credits allow, and the caps of the device hold whatever the master or the peer says (security.md 3.3, design 6).
 *
 * A device keeps one debt: every packet adds one, 100 a second are paid back. A class may send while the debt is below its
 * depth, no faster than its peak. So a prediction burst of 300 goes at 1000/s, and then 100/s is all there is.
 */
import { type Instant, NEVER } from '../contract.ts';
import { LIMITS } from '../limits.ts';
import type { Permit } from './interface.ts';
import type { ProbeClass } from './side.ts';

const CLASSES: Readonly<
  Record<ProbeClass, { readonly depth: number; readonly perSecond: number; readonly mappings: number }>
> = {
  easy: { depth: LIMITS.easyBurst, perSecond: LIMITS.easyPerSecond, mappings: LIMITS.predictionMappings },
  prediction: {
    depth: LIMITS.predictionBurst,
    perSecond: LIMITS.predictionPerSecond,
    mappings: LIMITS.predictionMappings,
  },
  birthday: { depth: LIMITS.birthdayBurst, perSecond: LIMITS.birthdayPerSecond, mappings: LIMITS.birthdayMappings },
};

/** Never above half of a known quota: the other half is the user's. */
function capOf(kind: ProbeClass, quota: number | null): number {
  const { mappings } = CLASSES[kind];
  return quota === null ? mappings : Math.min(mappings, Math.floor(quota / 2));
}

/** What the traversals of one device share. */
export interface DeviceBudget {
  /** The instant from which one packet may go (`now` where at once); `mapping` names the NAT mapping it makes or refreshes. */
  when(now: Instant, kind: ProbeClass, mapping: string, quota: number | null): Instant;
  /** Takes the packet. Only after `when` has said now. */
  take(now: Instant, kind: ProbeClass, mapping: string, lifetimeMs: number): void;
  /** A packet that must go (an answer to a valid probe): counted, never refused. */
  count(now: Instant): void;
  /** The instant from which so many packets of the class may go as one burst, each a new mapping. */
  room(now: Instant, kind: ProbeClass, packets: number, quota: number | null): Instant;
  /** Mappings were found to live shorter than thought by so much. */
  shorten(ms: number): void;
  liveMappings(now: Instant): number;
  /** The network suffers: nothing goes before `until`. */
  pause(until: Instant): void;
}

export function deviceBudget(): DeviceBudget {
  let debt = 0;
  let debtAt: Instant = 0;
  /** Nothing has changed since `debtAt` but what `take` added. */
  let settled = false;
  let pausedUntil: Instant = 0;
  /** Per class: the instant at which its next packet is due at the peak rate. */
  const due: Record<ProbeClass, Instant> = { easy: 0, prediction: 0, birthday: 0 };
  /** Expiry by mapping, earliest first as far as lifetimes are equal. */
  const live = new Map<string, Instant>();
  /** Of those in front, none ends before: until then there is nothing to look for. */
  let noneBefore: Instant = 0;

  function settle(now: Instant): void {
    if (settled && now === debtAt) return;
    settled = true;
    debt = Math.max(0, debt - ((now - debtAt) * LIMITS.probesPerSecond) / 1000);
    debtAt = now;
    if (now < noneBefore) return;
    for (const [mapping, expiry] of live) {
      noneBefore = expiry;
      if (expiry > now) break;
      live.delete(mapping);
    }
  }

  /** When so many and one more mappings have ended. */
  function expiryOf(index: number): Instant {
    let left = index;
    for (const expiry of live.values()) if (left-- === 0) return expiry;
    return NEVER;
  }

  return {
    when(now, kind, mapping, quota) {
      settle(now);
      if (now < pausedUntil) return pausedUntil;
      const { depth, perSecond } = CLASSES[kind];
      if (live.size >= capOf(kind, quota) && !live.has(mapping)) {
        return Math.max(now + 1, expiryOf(live.size - capOf(kind, quota)));
      }
      if (debt + 1 > depth) return now + Math.max(1, ((debt + 1 - depth) * 1000) / LIMITS.probesPerSecond);
      const slack = ((kind === 'prediction' ? LIMITS.predictionAtOnce : LIMITS.probesAtOnce) * 1000) / perSecond;
      return due[kind] - slack > now ? due[kind] - slack : now;
    },
    take(now, kind, mapping, lifetimeMs) {
      settle(now);
      debt += 1;
      due[kind] = Math.max(due[kind], now) + 1000 / CLASSES[kind].perSecond;
      // Refreshed, it may leave one in front that ends sooner than it did.
      noneBefore = live.delete(mapping) ? 0 : Math.min(noneBefore, now + lifetimeMs);
      live.set(mapping, now + lifetimeMs);
    },
    count(now) {
      settle(now);
      debt += 1;
    },
    room(now, kind, packets, quota) {
      settle(now);
      const { depth } = CLASSES[kind];
      const excess = debt + Math.min(packets, depth) - depth;
      const paid = excess <= 0 ? now : now + (excess * 1000) / LIMITS.probesPerSecond;
      const surplus = live.size + packets - capOf(kind, quota);
      if (surplus <= 0) return paid;
      const expiries = [...live.values()].sort((left, right) => left - right);
      return Math.max(paid, expiries[Math.min(surplus, expiries.length) - 1] ?? now);
    },
    shorten(ms) {
      for (const [mapping, expiry] of live) live.set(mapping, expiry - ms);
      settled = false;
      noneBefore = 0;
    },
    liveMappings(now) {
      settle(now);
      return live.size;
    },
    pause: (until) => {
      pausedUntil = Math.max(pausedUntil, until);
    },
  };
}

/** One session's permit. */
export interface Purse {
  /** May this address be probed at all, now? */
  allows(now: Instant, address: string): boolean;
  addresses(): readonly string[];
  /** Pays one probe towards the address. `unpaid`: not now, perhaps when credits come in; `forbidden`: not at all. */
  spend(now: Instant, address: string): 'paid' | 'unpaid' | 'forbidden';
  permit(now: Instant, permit: Permit): void;
}

/** `lan`: addresses of the peer that may be probed because both sides are behind the same proven address. */
export function purse(now: Instant, first: Permit, lan: readonly string[]): Purse {
  let addresses = new Set<string>();
  /** In all, since the session began, as the master counts it; and what has been used of it. */
  let granted = 0;
  let used = 0;
  let expires: Instant = 0;
  /** Time between two probes at the rate that the master allows, and when the next one is due at that rate. */
  let gapMs = 0;
  let due: Instant = 0;
  let lanLeft = LIMITS.lanProbesMax;
  const lanSet = new Set(lan);

  const proven = (at: Instant, address: string): boolean => at < expires && addresses.has(address);
  const self: Purse = {
    allows: (at, address) => proven(at, address) || (lanLeft > 0 && lanSet.has(address)),
    addresses: () => [...addresses],
    spend(at, address) {
      if (addresses.has(address)) {
        const slackMs = LIMITS.predictionAtOnce * gapMs;
        if (used >= granted || at >= expires || due - slackMs > at) return 'unpaid';
        due = Math.max(due, at) + gapMs;
        used++;
        return 'paid';
      }
      if (lanLeft < 1 || !lanSet.has(address)) return 'forbidden';
      lanLeft--;
      return 'paid';
    },
    permit(at, permit) {
      addresses = new Set(permit.addresses.slice(0, LIMITS.permitAddressesMax));
      granted = Math.max(granted, permit.probesMax);
      gapMs = 1000 / Math.max(1, permit.probesPerSecondMax);
      expires = Math.max(expires, at + permit.expiresInMs);
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
  /** 0: the slot is yours until `now + holdMs`; n: so many are before you. */
  request(now: Instant, session: string): number;
  release(session: string): void;
  /** Who had it last, or has it; null where nobody ever had. */
  holder(): string | null;
}

export function hardSlot(): HardSlot {
  /** In order of arrival, with the instant until which each keeps its place. */
  const queue = new Map<string, Instant>();
  let holder: string | null = null;
  return {
    request(now, session) {
      for (const [other, until] of queue) if (until <= now) queue.delete(other);
      if (!queue.has(session) && queue.size >= LIMITS.hardQueueMax) return LIMITS.hardQueueMax;
      queue.set(session, now + LIMITS.hardHoldMs);
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
}

export function device(): Device {
  return { budget: deviceBudget(), slot: hardSlot() };
}
