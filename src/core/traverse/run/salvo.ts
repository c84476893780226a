/**
 * Runs one `SidePlan`: opens its sockets, sends its tuples pass by pass under the budget, takes samples of the own NAT between
 * them where the plan says so, and afterwards refreshes, replaces or advances until its time is over. The same executor runs
 * what the client plans for itself and what it asks of the host.
 */

import type { Endpoint } from '../../address.ts';
import { type Instant, NEVER, type SocketId } from '../../contract.ts';
import type { Range } from '../learn/range.ts';
import { PAY_LIMITS } from '../pay/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { EXPIRY_MARGIN_MS, type Sample, type SidePlan, type Tuple, tupleAt } from '../plan/side-plan.ts';

/** How long samples may take to come back before the salvo reports what it has. */
const SAMPLE_WAIT_MS = 400;
/** A sample that was not answered is asked again from its socket: the mapping is the same, so the answer is as good. */
const SAMPLE_AGAIN_MS = 120;

export interface Salvo {
  readonly plan: SidePlan;
  socket(now: Instant, socket: SocketId, ok: boolean): void;
  /** True where the socket was one that asked. */
  answered(now: Instant, socket: SocketId, observed: Endpoint): boolean;
  run(now: Instant): void;
  next(): Instant;
  sent(): number;
  /** Sockets that it has opened and not given back. */
  held(): number;
  /** Set once: all samples are in or given up. Null before. */
  samples(): readonly Sample[] | null;
  /** The passes are through; what follows is repetition. */
  passed(): boolean;
  over(): boolean;
  /** Closes what it opened, but for the socket of the path. */
  stop(keep: SocketId | null): void;
}

interface Slot {
  readonly id: SocketId;
  ready: boolean;
  /** Could not be opened: its packets count as lost, the plan stays as it is. */
  dead: boolean;
}

interface Asked {
  readonly before: number;
  readonly slot: Slot;
  observed: Endpoint | null;
  againAt: Instant;
}

type Action = { readonly kind: 'tuple'; readonly n: number } | { readonly kind: 'sample'; readonly before: number };

/** `known`: the socket that plans with `from: 'known'` send from. */
export function salvo(range: Range, plan: SidePlan, startAt: Instant, known: SocketId): Salvo {
  const opened = new Map<SocketId, Slot>();
  /** Of those, how many the driver has not told the fate of. */
  let awaited = 0;
  const slots: Slot[] = [];
  const spares: Slot[] = [];
  const asked: Asked[] = [];
  const endAt = startAt + plan.durationMs;
  const first = firstPass(plan);
  // No class has a higher peak; what is not held back by the budget, because it can't be sent, goes no faster either.
  const interval = 1000 / Math.min(Math.max(1, plan.ratePerSecond), PLAN_LIMITS.predictionPerSecond);
  /** When each tuple was sent last, for repetition. */
  const lastSent: Instant[] = [];
  let generation = 0;
  let pass = 0;
  let at = 0;
  let passStart = startAt;
  /** What may go at one instant; the budget holds the sum. */
  const headStart = interval * (plan.class === 'prediction' ? PLAN_LIMITS.predictionAtOnce : PAY_LIMITS.probesAtOnce);
  let dueAt = startAt - headStart;
  let nextAt = startAt;
  let sent = 0;
  let finished: readonly Sample[] | null = plan.sampleEvery === 0 ? [] : null;
  let samplesUntil: Instant = NEVER;
  let over = false;

  function openSlot(): Slot {
    const slot: Slot = { id: range.open(), ready: false, dead: false };
    opened.set(slot.id, slot);
    awaited++;
    return slot;
  }

  function prepare(): void {
    if (slots.length > 0) return;
    if (plan.from === 'known') slots.push({ id: known, ready: true, dead: false });
    else for (let n = 0; n < plan.sockets; n++) slots.push(openSlot());
    for (const action of first) if (action.kind === 'sample') spares.push(openSlot());
  }

  function shootTuple(now: Instant, n: number, ttl: number | null): Instant | null {
    const tuple = tupleAt(plan, n + generation);
    const slot = slots[plan.from === 'known' ? 0 : n % plan.sockets]!;
    const wait = fire(now, slot, tuple, ttl);
    // A tuple that must wait has not been sent: counted as sent, it would hold up all that follow for another life of a mapping.
    if (wait === null) lastSent[n] = now;
    return wait;
  }

  function fire(now: Instant, slot: Slot, tuple: Tuple, ttl: number | null): Instant | null {
    if (slot.dead) return null;
    const wait = range.shoot(now, plan, slot.id, { address: tuple.address, port: tuple.port }, ttl);
    if (wait === null) sent++;
    return wait;
  }

  function takeSample(now: Instant, before: number): Instant | null {
    const slot = spares[asked.length]!;
    const wait = slot.dead ? null : range.ask(now, plan.class, slot.id);
    if (wait !== null) return wait;
    asked.push({ before, slot, observed: null, againAt: now + SAMPLE_AGAIN_MS });
    return null;
  }

  /** One action of the passes; null = done, else when to try again. */
  function act(now: Instant): Instant | null {
    const ttl = plan.passes[pass]!.ttl;
    const action: Action = pass === 0 ? first[at]! : { kind: 'tuple', n: at };
    return action.kind === 'tuple' ? shootTuple(now, action.n, ttl) : takeSample(now, action.before);
  }

  function runPasses(now: Instant): void {
    while (pass < plan.passes.length) {
      // The head start is for many packets of one pass; it does not bring the next pass forward.
      const due = Math.max(dueAt, passStart);
      if (now < due) {
        nextAt = due;
        return;
      }
      const wait = act(now);
      if (wait !== null) {
        nextAt = wait;
        return;
      }
      dueAt = Math.max(dueAt, now - headStart) + interval;
      at++;
      if (at >= (pass === 0 ? first.length : plan.tuples)) nextPass(now);
    }
    nextAt = now;
  }

  function nextPass(now: Instant): void {
    if (pass === 0 && finished === null) samplesUntil = now + SAMPLE_WAIT_MS;
    pass++;
    at = 0;
    const following = plan.passes[pass];
    if (following === undefined) return;
    passStart = Math.max(passStart + following.afterMs, now);
    dueAt = passStart - headStart;
  }

  function repeat(now: Instant): void {
    const { mode } = plan.again;
    // Whoever ordered the plan may not know when these mappings end.
    const everyMs = mode === 'replace' ? range.lifetimeMs() + EXPIRY_MARGIN_MS : plan.again.everyMs;
    if (mode === 'none') {
      nextAt = NEVER;
      return;
    }
    for (;;) {
      const n = at % plan.tuples;
      const due = Math.max(dueAt, (lastSent[n] ?? now) + everyMs);
      if (now < due) {
        nextAt = due;
        return;
      }
      if (mode === 'replace' && !renewed(n)) {
        nextAt = now + 1;
        return;
      }
      const wait = shootTuple(now, n, null);
      if (wait !== null) {
        nextAt = wait;
        return;
      }
      dueAt = Math.max(dueAt, now - headStart) + interval;
      at++;
    }
  }

  /** The tuple has a socket that has not sent yet. One turn of the wheel shifts the ports by one. */
  const fresh = new Set<number>();
  function renewed(n: number): boolean {
    if (!fresh.has(n)) {
      fresh.add(n);
      const index = n % plan.sockets;
      retire(slots[index]!);
      slots[index] = openSlot();
      if (index === 0) generation++;
    }
    if (!slots[n % plan.sockets]!.ready) return false;
    fresh.delete(n);
    return true;
  }

  function retire(slot: Slot): void {
    if (!opened.delete(slot.id)) return;
    range.close(slot.id);
  }

  function settleSamples(now: Instant): void {
    if (finished !== null || pass === 0) return;
    if (asked.some((one) => one.observed === null) && now < samplesUntil) return;
    finished = asked.flatMap(({ before, observed }) => (observed === null ? [] : [{ before, observed }]));
    for (const slot of spares) retire(slot);
  }

  function askAgain(now: Instant): void {
    if (finished !== null) return;
    for (const one of asked) {
      if (one.observed !== null || now < one.againAt) continue;
      range.ask(now, plan.class, one.slot.id);
      one.againAt = now + SAMPLE_AGAIN_MS;
    }
  }

  function nextSampleAt(): Instant {
    if (finished !== null) return NEVER;
    let next = samplesUntil;
    for (const one of asked) if (one.observed === null && one.againAt < next) next = one.againAt;
    return next;
  }

  return {
    plan,
    socket(now, socket, ok) {
      const slot = opened.get(socket);
      if (slot === undefined) return;
      if (!slot.ready) awaited--;
      slot.ready = true;
      slot.dead = !ok;
      if (!ok) opened.delete(socket);
      nextAt = Math.min(nextAt, now);
    },
    answered(now, socket, observed) {
      const one = asked.find((candidate) => candidate.slot.id === socket);
      if (one === undefined) return false;
      one.observed ??= observed;
      settleSamples(now);
      return true;
    },
    run(now) {
      if (over) return;
      if (now >= endAt) {
        over = true;
        return;
      }
      prepare();
      if (now < startAt) {
        nextAt = startAt;
        return;
      }
      if (pass === 0 && at === 0 && awaited > 0) {
        nextAt = Math.min(endAt, now + 50);
        return;
      }
      if (pass < plan.passes.length) runPasses(now);
      if (pass >= plan.passes.length) repeat(now);
      askAgain(now);
      settleSamples(now);
    },
    next: () => (over ? NEVER : Math.min(nextAt, nextSampleAt(), endAt)),
    sent: () => sent,
    held: () => opened.size,
    samples: () => finished,
    passed: () => pass >= plan.passes.length,
    over: () => over,
    stop(keep) {
      over = true;
      for (const slot of [...opened.values()]) {
        if (slot.id === keep) opened.delete(slot.id);
        else retire(slot);
      }
    },
  };
}

/** The order of the first pass: a sample, `sampleEvery` tuples, a sample, ... and a sample at the end. */
function firstPass(plan: SidePlan): readonly Action[] {
  const actions: Action[] = [];
  for (let n = 0; n < plan.tuples; n++) {
    if (plan.sampleEvery > 0 && n % plan.sampleEvery === 0) actions.push({ kind: 'sample', before: n });
    actions.push({ kind: 'tuple', n });
  }
  if (plan.sampleEvery > 0) actions.push({ kind: 'sample', before: plan.tuples });
  return actions;
}
