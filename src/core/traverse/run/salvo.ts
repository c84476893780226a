/**
 * Runs one `SidePlan`: opens its sockets, sends its tuples pass by pass under the budget, takes samples of the own NAT between
 * them where the plan says so, and afterwards refreshes or replaces its mappings until its time is over. The same executor runs
 * what the client plans for itself and what it asks of the host.
 */

import type { Endpoint } from '../../address.ts';
import { type Instant, NEVER, type SocketId } from '../../contract.ts';
import { PAY_LIMITS } from '../pay/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { EXPIRY_MARGIN_MS, type ProbeClass, type Sample, type SidePlan, tupleAt } from '../plan/side-plan.ts';

/** How long samples may take to come back before the salvo reports what it has. */
const SAMPLE_WAIT_MS = 400;
/** A sample that was not answered is asked again from its socket: the mapping is the same, so the answer is as good. */
const SAMPLE_AGAIN_MS = 120;
/** How often it is looked whether the sockets are open, where nobody says so. */
const OPEN_POLL_MS = 50;

/** What a salvo needs of the executor that runs it. */
export interface SalvoContext {
  open(): SocketId;
  giveBack(socket: SocketId): void;
  /** Sends a probe and answers null, or the instant from which to try again. */
  probe(now: Instant, plan: SidePlan, socket: SocketId, to: Endpoint, ttl: number | null): Instant | null;
  /** Asks a source for the mapping of the socket; the answer comes through `answered`. Null = sent, else from when to try again. */
  sample(now: Instant, kind: ProbeClass, socket: SocketId): Instant | null;
  /** How long the mappings of a birthday of this side live, as far as it is known now. */
  lifetimeMs(): number;
}

interface Slot {
  readonly id: SocketId;
  /** `dead`: could not be opened. Its packets count as lost, the plan stays as it is. */
  fate: 'unknown' | 'open' | 'dead';
}

interface AskedSample {
  readonly before: number;
  readonly slot: Slot;
  observed: Endpoint | null;
  againAt: Instant;
}

type Action = { readonly kind: 'tuple'; readonly n: number } | { readonly kind: 'sample'; readonly before: number };

export class Salvo {
  readonly plan: SidePlan;
  private readonly context: SalvoContext;
  private readonly startAt: Instant;
  private readonly endAt: Instant;
  private readonly firstPass: readonly Action[];
  private readonly intervalMs: number;
  /** What may go at one instant; the budget holds the sum. */
  private readonly headStartMs: number;
  /** The socket that plans with `from: 'punching'` send from. */
  private readonly punching: SocketId;
  private readonly opened = new Map<SocketId, Slot>();
  /** Of those, how many the driver has not told the fate of. */
  private awaited = 0;
  /** One for each socket of the plan, and one for each sample. */
  private readonly slots: Slot[] = [];
  private readonly sampleSlots: Slot[] = [];
  private readonly asked: AskedSample[] = [];
  private finished: readonly Sample[] | null;
  private samplesUntil: Instant = NEVER;
  /** When each tuple was sent last, for repetition. */
  private readonly sentAt: Instant[] = [];
  /** Tuples whose socket was replaced and has not sent yet. */
  private readonly replaced = new Set<number>();
  /** Each turn of replacements shifts the ports by one. */
  private generation = 0;
  private pass = 0;
  /** The next action of the pass, or the next tuple to be repeated. */
  private at = 0;
  private passStart: Instant;
  private dueAt: Instant;
  private nextAt: Instant;
  private sentCount = 0;
  private ended = false;

  constructor(context: SalvoContext, plan: SidePlan, startAt: Instant, punching: SocketId) {
    this.context = context;
    this.plan = plan;
    this.startAt = startAt;
    this.endAt = startAt + plan.durationMs;
    this.firstPass = firstPass(plan);
    // No class has a higher peak; what is not held back by the budget, because it can't be sent, goes no faster either.
    this.intervalMs = 1000 / Math.min(Math.max(1, plan.ratePerSecond), PLAN_LIMITS.predictionPerSecond);
    const atOnce = plan.class === 'prediction' ? PLAN_LIMITS.predictionAtOnce : PAY_LIMITS.probesAtOnce;
    this.headStartMs = this.intervalMs * atOnce;
    this.punching = punching;
    this.finished = plan.sampleEvery === 0 ? [] : null;
    this.passStart = startAt;
    this.dueAt = startAt - this.headStartMs;
    this.nextAt = startAt;
  }

  socket(now: Instant, socket: SocketId, ok: boolean): void {
    const slot = this.opened.get(socket);
    if (slot === undefined) return;
    if (slot.fate === 'unknown') this.awaited--;
    slot.fate = ok ? 'open' : 'dead';
    if (!ok) this.opened.delete(socket);
    this.nextAt = Math.min(this.nextAt, now);
  }

  /** True where the socket was one that asked. */
  answered(now: Instant, socket: SocketId, observed: Endpoint): boolean {
    const one = this.asked.find((candidate) => candidate.slot.id === socket);
    if (one === undefined) return false;
    one.observed ??= observed;
    this.settleSamples(now);
    return true;
  }

  run(now: Instant): void {
    if (this.ended) return;
    if (now >= this.endAt) {
      this.ended = true;
      return;
    }
    this.prepare();
    if (now < this.startAt) {
      this.nextAt = this.startAt;
      return;
    }
    if (this.pass === 0 && this.at === 0 && this.awaited > 0) {
      this.nextAt = Math.min(this.endAt, now + OPEN_POLL_MS);
      return;
    }
    if (!this.passed) this.runPasses(now);
    if (this.passed) this.repeat(now);
    this.askAgain(now);
    this.settleSamples(now);
  }

  next(): Instant {
    return this.ended ? NEVER : Math.min(this.nextAt, this.nextSampleAt(), this.endAt);
  }

  get sent(): number {
    return this.sentCount;
  }

  /** Sockets that it has opened and not given back. */
  get held(): number {
    return this.opened.size;
  }

  /** Set once: all samples are in or given up. Null before. */
  get samples(): readonly Sample[] | null {
    return this.finished;
  }

  get over(): boolean {
    return this.ended;
  }

  /** Gives back what it has opened, but for the socket of the path. */
  stop(keep: SocketId | null): void {
    this.ended = true;
    for (const slot of [...this.opened.values()]) {
      if (slot.id === keep) this.opened.delete(slot.id);
      else this.retire(slot);
    }
  }

  /** The passes are through; what follows is repetition. */
  private get passed(): boolean {
    return this.pass >= this.plan.passes.length;
  }

  private prepare(): void {
    const { plan, slots } = this;
    if (slots.length > 0) return;
    if (plan.from === 'punching') slots.push({ id: this.punching, fate: 'open' });
    else for (let n = 0; n < plan.sockets; n++) slots.push(this.openSlot());
    for (const action of this.firstPass) if (action.kind === 'sample') this.sampleSlots.push(this.openSlot());
  }

  private openSlot(): Slot {
    const slot: Slot = { id: this.context.open(), fate: 'unknown' };
    this.opened.set(slot.id, slot);
    this.awaited++;
    return slot;
  }

  private retire(slot: Slot): void {
    if (this.opened.delete(slot.id)) this.context.giveBack(slot.id);
  }

  private runPasses(now: Instant): void {
    while (!this.passed) {
      // The head start is for many packets of one pass; it does not bring the next pass forward.
      const due = Math.max(this.dueAt, this.passStart);
      if (now < due) {
        this.nextAt = due;
        return;
      }
      const wait = this.act(now);
      if (wait !== null) {
        this.nextAt = wait;
        return;
      }
      this.advance(now);
      if (this.at >= (this.pass === 0 ? this.firstPass.length : this.plan.tuples)) this.nextPass(now);
    }
    this.nextAt = now;
  }

  /** One action of the passes; null = done, else when to try again. */
  private act(now: Instant): Instant | null {
    const { ttl } = this.plan.passes[this.pass]!;
    const action: Action = this.pass === 0 ? this.firstPass[this.at]! : { kind: 'tuple', n: this.at };
    return action.kind === 'tuple' ? this.sendTuple(now, action.n, ttl) : this.takeSample(now, action.before);
  }

  private advance(now: Instant): void {
    this.dueAt = Math.max(this.dueAt, now - this.headStartMs) + this.intervalMs;
    this.at++;
  }

  private nextPass(now: Instant): void {
    if (this.pass === 0 && this.finished === null) this.samplesUntil = now + SAMPLE_WAIT_MS;
    this.pass++;
    this.at = 0;
    const following = this.plan.passes[this.pass];
    if (following === undefined) return;
    this.passStart = Math.max(this.passStart + following.afterMs, now);
    this.dueAt = this.passStart - this.headStartMs;
  }

  private sendTuple(now: Instant, n: number, ttl: number | null): Instant | null {
    const { plan } = this;
    const { address, port } = tupleAt(plan, n + this.generation);
    const slot = this.slots[plan.from === 'punching' ? 0 : n % plan.sockets]!;
    if (slot.fate !== 'dead') {
      const wait = this.context.probe(now, plan, slot.id, { address, port }, ttl);
      // A tuple that must wait has not been sent: counted as sent, it would hold up all that follow for another life of a mapping.
      if (wait !== null) return wait;
      this.sentCount++;
    }
    this.sentAt[n] = now;
    return null;
  }

  private takeSample(now: Instant, before: number): Instant | null {
    const slot = this.sampleSlots[this.asked.length]!;
    const wait = slot.fate === 'dead' ? null : this.context.sample(now, this.plan.class, slot.id);
    if (wait !== null) return wait;
    this.asked.push({ before, slot, observed: null, againAt: now + SAMPLE_AGAIN_MS });
    return null;
  }

  private repeat(now: Instant): void {
    const { mode } = this.plan.again;
    if (mode === 'none') {
      this.nextAt = NEVER;
      return;
    }
    // Whoever ordered the plan may not know when these mappings end.
    const everyMs = mode === 'replace' ? this.context.lifetimeMs() + EXPIRY_MARGIN_MS : this.plan.again.everyMs;
    for (;;) {
      const n = this.at % this.plan.tuples;
      const due = Math.max(this.dueAt, (this.sentAt[n] ?? now) + everyMs);
      if (now < due) {
        this.nextAt = due;
        return;
      }
      if (mode === 'replace' && !this.renewed(n)) {
        this.nextAt = now + 1;
        return;
      }
      const wait = this.sendTuple(now, n, null);
      if (wait !== null) {
        this.nextAt = wait;
        return;
      }
      this.advance(now);
    }
  }

  /** Has the tuple a new socket that can send? It gets one the first time that this is asked. */
  private renewed(n: number): boolean {
    const index = n % this.plan.sockets;
    if (!this.replaced.has(n)) {
      this.replaced.add(n);
      this.retire(this.slots[index]!);
      this.slots[index] = this.openSlot();
      if (index === 0) this.generation++;
    }
    if (this.slots[index]!.fate === 'unknown') return false;
    this.replaced.delete(n);
    return true;
  }

  private settleSamples(now: Instant): void {
    if (this.finished !== null || this.pass === 0) return;
    if (this.asked.some((one) => one.observed === null) && now < this.samplesUntil) return;
    this.finished = this.asked.flatMap(({ before, observed }) => (observed === null ? [] : [{ before, observed }]));
    for (const slot of this.sampleSlots) this.retire(slot);
  }

  private askAgain(now: Instant): void {
    if (this.finished !== null) return;
    for (const one of this.asked) {
      if (one.observed !== null || now < one.againAt) continue;
      this.context.sample(now, this.plan.class, one.slot.id);
      one.againAt = now + SAMPLE_AGAIN_MS;
    }
  }

  private nextSampleAt(): Instant {
    if (this.finished !== null) return NEVER;
    let next = this.samplesUntil;
    for (const one of this.asked) if (one.observed === null && one.againAt < next) next = one.againAt;
    return next;
  }
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
