/**
 * The host's side: it answers the client's openers, does what the client's steps ask within its own limits, and says so. Many
 * ports are opened for one client once per rest, whatever is asked (S15), and one hard session at a time has the device (S18).
 */
import { familyOf } from '../../address.ts';
import type { Instant } from '../../contract.ts';
import type { Outputs } from '../../machine.ts';
import type { NatProfile } from '../../nat/profile.ts';
import { PAY_LIMITS } from '../pay/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { knownLife } from '../plan/nature.ts';
import { type SidePlan, socketsOf } from '../plan/side-plan.ts';
import type { Engine } from '../run/engine.ts';
import type { TraversalConfig, TraversalEvent } from '../run/interface.ts';
import type { Salvo } from '../run/salvo.ts';
import { LEAD_LIMITS } from './limits.ts';
import { openers } from './openers.ts';
import { encodeStep, type Step } from './step.ts';

export interface Strategy {
  start(now: Instant): void;
  step(now: Instant, step: Step): void;
  profile(profile: NatProfile): void;
  /** Called after every input: does what has become due. */
  run(now: Instant): void;
  next(): Instant;
  /** The path is up, or it is all over. */
  end(now: Instant, result: 'path' | 'aborted'): void;
  readonly attempts: number;
  readonly method: string;
}

/** More sockets than this at once are "many ports", whatever class a plan says it is of. */
const MANY_SOCKETS = 64;
const HOLD_POLL_MS = 1_000;
/** A burst may well wait so long for the last of its mappings. */
const ROOM_MS = 1_000;
const NOTHING: Instant = Number.POSITIVE_INFINITY;

function isMany(plan: SidePlan): boolean {
  return plan.from === 'fresh' && plan.sockets > MANY_SOCKETS;
}

/** What no rest and no waiting makes fit to be done. */
function isNever({ class: kind, sockets, durationMs }: SidePlan): boolean {
  const most = kind === 'birthday' ? PLAN_LIMITS.birthdayMappings : PLAN_LIMITS.predictionMappings;
  return sockets > most || durationMs > LEAD_LIMITS.salvoMs;
}

export function hostStrategy(config: TraversalConfig, side: Engine, out: Outputs<TraversalEvent>): Strategy {
  const session = [...config.sid.subarray(0, 8)].join('.');
  const seen = new Set<number>();
  let order = 0;
  /** Each attempt of the client but the first ends what was ordered before. */
  let attempts = 1;
  /** Salvos whose samples the client waits for. */
  let reporting: readonly { readonly order: number; readonly salvo: Salvo }[] = [];
  let renewing: number | null = null;
  /** When the hard slot is asked for again, to keep it. */
  let holdAt: Instant = NOTHING;
  /** When this session's turn at the hard slot is over, while it has it. */
  let turnUntil: Instant = NOTHING;
  /** The slot came from another session, whose mappings may still fill the device's table. */
  let inherited = false;
  /** Until then the slot is kept for an order that waits for them to expire. */
  let awaitedUntil: Instant = 0;
  /** It has been in this turn. */
  let awaited = false;
  let manyAllowedAt: Instant = 0;
  let manyRestMs: number = PLAN_LIMITS.manyPortsRestMs;
  /** Ports opened since the last rest. */
  let opened = 0;
  let hardSalvos: readonly Salvo[] = [];
  /** The latest order that they carry out. */
  let hardOrder = 0;
  /** Whoever runs the host has been told that this client waits. */
  let queued = false;
  let ended = false;

  const tell = (step: Step): void => out.event({ ev: 'step', bytes: encodeStep(step) });

  function admit(now: Instant, asked: number, plan: SidePlan, startInMs: number): void {
    const early = isMany(plan) && now < manyAllowedAt && opened + plan.sockets > PLAN_LIMITS.birthdayMappings;
    const never = isNever(plan);
    if (never || early || isFull(plan)) {
      refuse(asked, plan, early && !never ? manyAllowedAt - now : null);
      return;
    }
    const before = isHard(plan) ? hold(now) : 0;
    const roomAt = before === 0 && inherited ? roomFor(now, plan) : now;
    if (before > 0) queue(asked, before);
    else if (roomAt > now + ROOM_MS) {
      awaitedUntil = roomAt + PAY_LIMITS.hardHoldMs;
      // Once: those who go on making mappings would put off the end of this turn for ever.
      if (!awaited) turnUntil = roomAt + LEAD_LIMITS.hardTurnMs;
      awaited = true;
      refuse(asked, plan, roomAt - now);
    } else {
      inherited = false;
      fire(now, asked, plan, startInMs);
    }
  }

  /** Together with what runs it would need more than a session may have, or than all sessions may. */
  function isFull(plan: SidePlan): boolean {
    const { sockets, plans } = side.held();
    const more = socketsOf(plan);
    const all = [...config.device.held].reduce((sum, held) => sum + held(), more);
    return (
      plans >= LEAD_LIMITS.plansAtOnce ||
      sockets + more > PLAN_LIMITS.birthdayMappings ||
      all > LEAD_LIMITS.plannedSocketsMax
    );
  }

  /** Takes the device's one hard slot while it runs: for itself, or because many small ones run beside it. */
  function isHard(plan: SidePlan): boolean {
    const burst = plan.sockets > MANY_SOCKETS || plan.tuples > MANY_SOCKETS;
    return burst || side.held().sockets + socketsOf(plan) > PLAN_LIMITS.predictionMappings;
  }

  function refuse(asked: number, plan: SidePlan, allowedInMs: number | null): void {
    tell({ order: asked, refused: { allowedInMs } });
    log('refused', { sockets: plan.sockets, allowedInMs });
  }

  /** When the device's table has room for its mappings. */
  function roomFor(now: Instant, plan: SidePlan): Instant {
    const mappings = plan.from === 'fresh' ? plan.sockets : 1;
    return config.device.budget.room(now, plan.class, mappings, knownLife(config.own.profile));
  }

  /** What runs ends: the slot is another's now. */
  function queue(asked: number, before: number): void {
    if (hardSalvos.length > 0) stop();
    tell({ order: asked, queued: Math.min(255, before) });
    log('queued', { before });
    if (!queued) out.event({ ev: 'waiting', why: { because: 'host-connects-others', ahead: before } });
    queued = true;
  }

  /**
   * Asks for the device's one hard slot, or keeps it. Who has to wait keeps a place in the queue by asking again: a burst that
   * began when the slot is free would come too late for the other side's. After its turn a session goes behind those that wait,
   * so that one of the hardest pairs, which goes on for ever, never keeps out those that need a second.
   */
  function hold(now: Instant): number {
    if (now >= turnUntil) release();
    const last = config.device.slot.holder();
    const before = config.device.slot.request(now, session);
    if (before > 0) turnUntil = NOTHING;
    else if (turnUntil === NOTHING) {
      turnUntil = now + LEAD_LIMITS.hardTurnMs;
      awaited = false;
      inherited = last !== null && last !== session;
    }
    holdAt = before === 0 ? now + HOLD_POLL_MS : NOTHING;
    return before;
  }

  /**
   * A client whose NAT draws an address for each mapping knows where it was seen when it joined; its credits may have proven another
   * since. What may not be probed is not: the order is carried out where its mappings are as likely, and the permit holds.
   */
  function permitted(plan: SidePlan): SidePlan {
    const addresses = side.addresses().filter((address) => familyOf(address) === 4);
    const named = plan.addresses.filter((address) => addresses.includes(address));
    return addresses.length === 0 ? plan : { ...plan, addresses: named.length > 0 ? named : addresses };
  }

  function fire(now: Instant, asked: number, plan: SidePlan, startInMs: number): void {
    if (isMany(plan)) {
      if (now >= manyAllowedAt) {
        opened = 0;
        manyAllowedAt = now + manyRestMs - LEAD_LIMITS.manyPortsEarlyMs;
        manyRestMs = Math.min(LEAD_LIMITS.manyPortsRestMsMax, manyRestMs * PLAN_LIMITS.hardRestGrowth);
      }
      opened += plan.sockets;
    }
    const hard = isHard(plan);
    const salvo = side.launch(now, permitted(plan), now + startInMs);
    if (hard) {
      hardSalvos = [...hardSalvos.filter((one) => !one.over()), salvo];
      hardOrder = asked;
    }
    if (plan.sampleEvery > 0) reporting = [...reporting, { order: asked, salvo }].slice(-LEAD_LIMITS.reportsMax);
    // Samples are an answer; without them the client would not know that anybody obeys.
    if (plan.sampleEvery === 0) tell({ order: asked });
    log('run', { class: plan.class, sockets: plan.sockets, tuples: plan.tuples, ports: plan.ports.kind });
  }

  function report(): void {
    for (const { order: asked, salvo } of reporting) {
      const samples = salvo.samples();
      if (samples !== null) tell({ order: asked, samples });
    }
    reporting = reporting.filter(({ salvo }) => salvo.samples() === null);
    if (renewing !== null && !side.renewing()) {
      const endpoint = side.endpoint();
      tell(endpoint === null ? { order: renewing, refused: { allowedInMs: null } } : { order: renewing, endpoint });
      renewing = null;
    }
  }

  function release(): void {
    config.device.slot.release(session);
    holdAt = NOTHING;
    turnUntil = NOTHING;
  }

  function stop(): void {
    side.stopSalvos();
    reporting = [];
    hardSalvos = [];
  }

  function log(what: string, data: Readonly<Record<string, string | number | boolean | null>>): void {
    out.event({ ev: 'log', attempt: attempts, what, data });
  }

  return {
    start: (now) => openers(now, config, side),
    profile: () => {},
    step(now, step) {
      if (ended || seen.has(step.order)) return;
      seen.add(step.order);
      if (seen.size > LEAD_LIMITS.stepsRemembered) seen.delete(seen.values().next().value!);
      // A step that was delayed ends only what is older than itself.
      const newest = step.order > order;
      order = Math.max(order, step.order);
      if (step.stop && newest) {
        attempts++;
        stop();
      }
      if (step.pay !== undefined) {
        out.event({ ev: 'pay', credits: Math.min(step.pay, LEAD_LIMITS.creditsAtOnce), socket: side.known() });
      }
      if (step.restun) {
        side.renew(now);
        renewing = step.order;
      }
      if (step.run) admit(now, step.order, step.run.side, step.run.startInMs);
    },
    run(now) {
      if (ended) return;
      report();
      if (side.starving(now)) tell({ order, pay: LEAD_LIMITS.creditsWhenUnpaid });
      if (now < holdAt) return;
      const busy = now < awaitedUntil || hardSalvos.some((one) => !one.over());
      const before = busy ? hold(now) : 0;
      if (before > 0) queue(hardOrder, before);
      else if (!busy) release();
    },
    next: () => (ended ? NOTHING : holdAt),
    end() {
      ended = true;
      release();
    },
    get attempts() {
      return attempts;
    },
    method: 'host',
  };
}
