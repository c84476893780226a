/**
 * What a host does with an order, before anything is opened for it: pure rules on the plan, on what runs already, and on the ports
 * that were opened for this client before. Many ports are opened for one client once per rest, whatever is asked (docs/seed.md S15).
 */
import type { Instant } from '../../contract.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { type SidePlan, socketsOf } from '../plan/side-plan.ts';
import { LEAD_LIMITS } from './limits.ts';

/** More sockets than this at once are "many ports", whatever class a plan says it is of. */
const MANY_SOCKETS = 64;

/** What runs now: plans of this session, the sockets that they hold, and those of all sessions of the device. */
export interface Load {
  readonly plans: number;
  readonly sockets: number;
  readonly deviceSockets: number;
}

/** Of the orders of one client that have opened many ports. */
export interface ManyPorts {
  /** From when a rest is over, and how long the next one is. */
  readonly allowedAt: Instant;
  readonly restMs: number;
  /** Ports opened since the last rest. */
  readonly opened: number;
}

export const NONE_OPENED: ManyPorts = { allowedAt: 0, restMs: PLAN_LIMITS.manyPortsRestMs, opened: 0 };

export type Admission =
  | { readonly do: 'run' }
  /** Only while the session has the device's one slot for hard pairs: else it is queued. */
  | { readonly do: 'run in turn' }
  /** In so many ms it would be admitted; null where it never is, or where nobody can say. */
  | { readonly do: 'refuse'; readonly allowedInMs: number | null };

export function admit(now: Instant, plan: SidePlan, load: Load, ports: ManyPorts): Admission {
  if (isNever(plan)) return { do: 'refuse', allowedInMs: null };
  const early = now < ports.allowedAt && ports.opened + plan.sockets > PLAN_LIMITS.birthdayMappings;
  if (isMany(plan) && early) return { do: 'refuse', allowedInMs: ports.allowedAt - now };
  if (isFull(plan, load)) return { do: 'refuse', allowedInMs: null };
  return { do: isHard(plan, load) ? 'run in turn' : 'run' };
}

/** After an order was carried out. */
export function withOpened(now: Instant, { allowedAt, restMs, opened }: ManyPorts, plan: SidePlan): ManyPorts {
  if (!isMany(plan)) return { allowedAt, restMs, opened };
  if (now < allowedAt) return { allowedAt, restMs, opened: opened + plan.sockets };
  return {
    allowedAt: now + restMs - LEAD_LIMITS.manyPortsEarlyMs,
    restMs: Math.min(LEAD_LIMITS.manyPortsRestMsMax, restMs * PLAN_LIMITS.hardRestGrowth),
    opened: plan.sockets,
  };
}

function isMany({ from, sockets }: SidePlan): boolean {
  return from === 'fresh' && sockets > MANY_SOCKETS;
}

/** What no rest and no waiting makes fit to be done. */
function isNever({ class: kind, sockets, durationMs }: SidePlan): boolean {
  const most = kind === 'birthday' ? PLAN_LIMITS.birthdayMappings : PLAN_LIMITS.predictionMappings;
  return sockets > most || durationMs > LEAD_LIMITS.salvoMs;
}

/** Together with what runs it would need more than a session may have, or than all sessions may. */
function isFull(plan: SidePlan, { plans, sockets, deviceSockets }: Load): boolean {
  const more = socketsOf(plan);
  return (
    plans >= LEAD_LIMITS.plansAtOnce ||
    sockets + more > PLAN_LIMITS.birthdayMappings ||
    deviceSockets + more > LEAD_LIMITS.plannedSocketsMax
  );
}

/** A burst, or many small ones beside each other. */
function isHard(plan: SidePlan, { sockets }: Load): boolean {
  const burst = plan.sockets > MANY_SOCKETS || plan.tuples > MANY_SOCKETS;
  return burst || sockets + socketsOf(plan) > PLAN_LIMITS.predictionMappings;
}
