/**
 * What one device sends in all, whatever the master or the peer says (docs/reference/security.md §3.3, docs/reference/design.md §6).
 * With the purse of each session it is the one place where a probe is paid for.
 *
 * A device keeps one debt: every packet adds one, 100 a second are paid back. A class may send while the debt is below its
 * depth, no faster than its peak. So a prediction burst of 300 goes at 1000/s, and then 100/s is all there is.
 */

import type { Instant } from '../../contract.ts';
import { WIRE_LIMITS } from '../../wire/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import type { Life } from '../plan/nature.ts';
import type { ProbeClass } from '../plan/side-plan.ts';
import { PAY_LIMITS } from './limits.ts';

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

/** So much earlier than due may a first packet go, as `probesAtOnce` of them may. */
const FIRST_SLACK_MS = (PAY_LIMITS.probesAtOnce * 1000) / PAY_LIMITS.easyFirstPerSecond;

/** What the traversals of one device share. */
export interface DeviceBudget {
  /**
   * The instant from which one packet may go (`now` where at once); `mapping` names the NAT mapping it makes or refreshes. Null: it makes
   * none, over IPv6. Then it waits neither for room among mappings nor for what many of them have cost: it is the better way.
   */
  when(now: Instant, kind: ProbeClass, mapping: string | null, life: Life): Instant;
  /** Takes the packet. Only after `when` has said now. */
  take(now: Instant, kind: ProbeClass, mapping: string | null): void;
  /** A packet that must go (an answer to a valid probe): counted, but never refused, nor do others wait for it longer than for a birthday. */
  count(now: Instant): void;
  /** The instant from which so many packets of the class may go as one burst, each a new mapping. */
  room(now: Instant, kind: ProbeClass, packets: number, life: Life): Instant;
  /** The network suffers: nothing goes before `until`. */
  pause(until: Instant): void;
}

export function deviceBudget(): DeviceBudget {
  return new Debt();
}

class Debt implements DeviceBudget {
  private debt = 0;
  private debtAt: Instant = 0;
  private pausedUntil: Instant = 0;
  /** Per class: the instant at which its next packet is due at the peak rate. */
  private readonly due: Record<ProbeClass, Instant> = { easy: 0, prediction: 0, birthday: 0 };
  /** The same for first packets of the class `easy`. */
  private firstDue: Instant = 0;
  private readonly mappings = new MappingTable();

  when(now: Instant, kind: ProbeClass, mapping: string | null, life: Life): Instant {
    this.settle(now);
    if (now < this.pausedUntil) return this.pausedUntil;
    if (mapping === null) return Math.max(now, this.firstDue - FIRST_SLACK_MS);
    const isLive = this.mappings.isLive(now, mapping, life.lifetimeMs);
    const freeAt = isLive ? now : this.freeAt(1, kind, life);
    if (freeAt > now) return Math.max(now + 1, freeAt);
    // The first packet to somebody opens the way, so it goes although others, who may not answer at all, have used up the rest.
    const first = kind === 'easy' && !isLive;
    const depth = CLASSES[kind].depth + (first ? PAY_LIMITS.easyFirstBurst : 0);
    if (this.debt + 1 > depth) return now + Math.max(1, ((this.debt + 1 - depth) * 1000) / PAY_LIMITS.probesPerSecond);
    const perSecond = first ? PAY_LIMITS.easyFirstPerSecond : CLASSES[kind].perSecond;
    const atOnce = kind === 'prediction' ? PLAN_LIMITS.predictionAtOnce : PAY_LIMITS.probesAtOnce;
    const slackMs = (atOnce * 1000) / perSecond;
    const dueAt = first ? this.firstDue : this.due[kind];
    return dueAt - slackMs > now ? dueAt - slackMs : now;
  }

  take(now: Instant, kind: ProbeClass, mapping: string | null): void {
    this.settle(now);
    if (mapping === null) this.count(now);
    else this.debt += 1;
    if (mapping === null || (kind === 'easy' && !this.mappings.has(mapping)))
      this.firstDue = Math.max(this.firstDue, now) + 1000 / PAY_LIMITS.easyFirstPerSecond;
    else this.due[kind] = Math.max(this.due[kind], now) + 1000 / CLASSES[kind].perSecond;
    if (mapping !== null) this.mappings.use(now, mapping);
  }

  count(now: Instant): void {
    this.settle(now);
    this.debt = Math.max(this.debt, Math.min(this.debt + 1, PLAN_LIMITS.birthdayBurst));
  }

  room(now: Instant, kind: ProbeClass, packets: number, life: Life): Instant {
    this.settle(now);
    const { depth } = CLASSES[kind];
    const excess = this.debt + Math.min(packets, depth) - depth;
    const paid = excess <= 0 ? now : now + (excess * 1000) / PAY_LIMITS.probesPerSecond;
    return Math.max(paid, this.freeAt(packets, kind, life));
  }

  pause(until: Instant): void {
    this.pausedUntil = Math.max(this.pausedUntil, until);
  }

  private settle(now: Instant): void {
    if (now === this.debtAt) return;
    this.debt = Math.max(0, this.debt - ((now - this.debtAt) * PAY_LIMITS.probesPerSecond) / 1000);
    this.debtAt = now;
    this.mappings.forget(now);
  }

  /**
   * When so many new mappings are below the cap of the class, whose mappings a router in front may keep for longer than the NAT that
   * forgets first; and never above half of a known quota: the other half is the user's.
   */
  private freeAt(count: number, kind: ProbeClass, { quota, lifetimeMs }: Life): Instant {
    const routerMs = Math.max(lifetimeMs, PAY_LIMITS.routerLifetimeMs);
    const classAt = this.mappings.roomAt(count, CLASSES[kind].mappings, routerMs);
    if (quota === null) return classAt;
    return Math.max(classAt, this.mappings.roomAt(count, Math.floor(quota / 2), lifetimeMs));
  }
}

/** When each mapping of the device was used last. */
class MappingTable {
  /** The oldest first; and the instants alone, to find one among thousands. */
  private readonly used = new Map<string, Instant>();
  private readonly instants: Instant[] = [];

  has(mapping: string): boolean {
    return this.used.has(mapping);
  }

  isLive(now: Instant, mapping: string, lifetimeMs: number): boolean {
    const at = this.used.get(mapping);
    return at !== undefined && at + lifetimeMs > now;
  }

  use(now: Instant, mapping: string): void {
    const before = this.used.get(mapping);
    if (before !== undefined) this.instants.splice(this.after(before) - 1, 1);
    this.used.delete(mapping);
    this.used.set(mapping, now);
    this.instants.push(now);
  }

  /** Those that no NAT keeps that long. */
  forget(now: Instant): void {
    for (const [mapping, at] of this.used) {
      if (at + WIRE_LIMITS.mappingLifetimeMsMax > now) break;
      this.used.delete(mapping);
      this.instants.shift();
    }
  }

  /** When so many new mappings have room below a cap. */
  roomAt(count: number, cap: number, lifetimeMs: number): Instant {
    const last = this.instants[this.instants.length - 1 - cap + Math.min(count, cap)];
    return last === undefined ? 0 : last + lifetimeMs;
  }

  /** The first of those that were used after `at`. */
  private after(at: Instant): number {
    let [low, high] = [0, this.instants.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.instants[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The hard sessions of a device, one at a time, first come first served (docs/seed.md S18). The holder must renew, so that a session that
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
