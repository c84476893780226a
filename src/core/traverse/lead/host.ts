/**
 * The host's side: it answers the client's openers, does what the client's steps ask within its own limits, and says so. What it lets
 * in is told by `admission.ts`, when it has the device for a hard pair by `turn.ts`.
 */
import { familyOf } from '../../address.ts';
import type { Instant } from '../../contract.ts';
import { knownLife, type Life } from '../plan/nature.ts';
import type { SidePlan } from '../plan/side-plan.ts';
import type { Salvo } from '../run/salvo.ts';
import { admit, type Load, NONE_OPENED, withOpened } from './admission.ts';
import { openersBeside } from './beside.ts';
import { LEAD_LIMITS } from './limits.ts';
import { openers } from './openers.ts';
import { encodeStep, type Step } from './step.ts';
import { Lead, type Means, type Strategy } from './strategy.ts';
import { Turn } from './turn.ts';

/** A burst may well wait so long for the last of its mappings. */
const ROOM_MS = 1_000;

interface Order {
  readonly order: number;
  readonly plan: SidePlan;
  readonly startInMs: number;
}

export class HostStrategy extends Lead implements Strategy {
  readonly method = 'host';
  private readonly turn: Turn;
  /** Orders that were seen, and the newest of them. */
  private readonly seen = new Set<number>();
  private newest = 0;
  /** Each attempt of the client but the first ends what was ordered before. */
  private attempt = 1;
  /** Salvos whose samples the client waits for. */
  private reporting: readonly { readonly order: number; readonly salvo: Salvo }[] = [];
  /** The order for a new punching socket whose endpoint the client waits for. */
  private renewal: number | null = null;
  private ports = NONE_OPENED;
  private hardSalvos: readonly Salvo[] = [];
  /** The latest order that they carry out. */
  private hardOrder = 0;
  /** Whoever runs the host has been told that this client waits. */
  private toldWaiting = false;
  private ended = false;
  /** As `MappingLives` has it: what is known of the own mappings when the session begins. */
  private readonly life: Life;

  constructor(means: Means) {
    super(means);
    const { config, log } = means;
    this.life = knownLife(config.own.profile());
    this.turn = new Turn(config.device.slot, [...config.sid.subarray(0, 8)].join('.'), log);
  }

  get attempts(): number {
    return this.attempt;
  }

  start(now: Instant): void {
    openers(now, this.config, this.executor);
  }

  step(now: Instant, step: Step): void {
    if (this.ended || this.seen.has(step.order)) return;
    this.seen.add(step.order);
    if (this.seen.size > LEAD_LIMITS.stepsRemembered) this.seen.delete(this.seen.values().next().value!);
    // A step that was delayed ends only what is older than itself.
    const isNewest = step.order > this.newest;
    this.newest = Math.max(this.newest, step.order);
    if (step.stop && isNewest) {
      this.attempt++;
      this.stop();
      openersBeside(now, this.config, this.executor);
    }
    if (step.pay !== undefined) {
      const credits = Math.min(step.pay, LEAD_LIMITS.creditsAtOnce);
      this.out.event({ ev: 'pay', credits, socket: this.executor.punching.socket });
    }
    if (step.restun) {
      this.executor.punching.renew();
      this.renewal = step.order;
    }
    if (step.run) this.admit(now, { order: step.order, plan: step.run.side, startInMs: step.run.startInMs });
  }

  run(now: Instant): void {
    if (this.ended) return;
    this.report();
    if (this.executor.starving(now)) this.tell({ order: this.newest, pay: LEAD_LIMITS.creditsWhenUnpaid });
    const before = this.turn.run(
      now,
      this.hardSalvos.some((salvo) => !salvo.over),
    );
    if (before > 0) this.queue(this.hardOrder, before);
  }

  next(): Instant {
    return this.turn.next();
  }

  end(): void {
    this.ended = true;
    this.turn.end();
  }

  private admit(now: Instant, order: Order): void {
    const admission = admit(now, order.plan, this.load(), this.ports);
    if (admission.do === 'refuse') {
      this.refuse(order, admission.allowedInMs);
      return;
    }
    const isHard = admission.do === 'run in turn';
    const before = isHard ? this.turn.take(now) : 0;
    if (before > 0) {
      this.queue(order.order, before);
      return;
    }
    const roomAt = this.turn.isInherited ? this.roomFor(now, order.plan) : now;
    if (roomAt > now + ROOM_MS) {
      this.turn.awaitRoom(roomAt);
      this.refuse(order, roomAt - now);
      return;
    }
    this.turn.began();
    this.fire(now, order, isHard);
  }

  private load(): Load {
    const deviceSockets = [...this.config.device.held].reduce((sum, held) => sum + held(), 0);
    return { ...this.executor.held(), deviceSockets };
  }

  /** When the device's table has room for its mappings. */
  private roomFor(now: Instant, plan: SidePlan): Instant {
    const mappings = plan.from === 'fresh' ? plan.sockets : 1;
    return this.config.device.budget.room(now, plan.class, mappings, this.life);
  }

  private refuse({ order, plan }: Order, allowedInMs: number | null): void {
    this.tell({ order, refused: { allowedInMs } });
    this.log('refused', { sockets: plan.sockets, allowedInMs });
  }

  /** What runs ends: the slot is another's now. */
  private queue(order: number, before: number): void {
    if (this.hardSalvos.length > 0) this.stop();
    this.tell({ order, queued: Math.min(255, before) });
    this.log('queued', { before });
    if (!this.toldWaiting) this.out.event({ ev: 'waiting', why: { because: 'host-connects-others', ahead: before } });
    this.toldWaiting = true;
  }

  private fire(now: Instant, { order, plan, startInMs }: Order, isHard: boolean): void {
    this.ports = withOpened(now, this.ports, plan);
    const salvo = this.executor.launch(now, this.permitted(plan), now + startInMs);
    if (isHard) {
      this.hardSalvos = [...this.hardSalvos.filter((one) => !one.over), salvo];
      this.hardOrder = order;
    }
    if (plan.sampleEvery > 0) this.reporting = [...this.reporting, { order, salvo }].slice(-LEAD_LIMITS.reportsMax);
    // Samples are an answer; without them the client would not know that anybody obeys.
    else this.tell({ order });
    this.log('run', { class: plan.class, sockets: plan.sockets, tuples: plan.tuples, ports: plan.ports.kind });
  }

  /**
   * A client whose NAT draws an address for each mapping knows where it was seen when it joined; its credits may have proven another
   * since. What may not be probed is not: the order is carried out where its mappings are as likely, and the permit holds.
   */
  private permitted(plan: SidePlan): SidePlan {
    const addresses = this.executor.addresses().filter((address) => familyOf(address) === 4);
    const named = plan.addresses.filter((address) => addresses.includes(address));
    return addresses.length === 0 ? plan : { ...plan, addresses: named.length > 0 ? named : addresses };
  }

  private report(): void {
    for (const { order, salvo } of this.reporting) {
      if (salvo.samples !== null) this.tell({ order, samples: salvo.samples });
    }
    this.reporting = this.reporting.filter(({ salvo }) => salvo.samples === null);
    const { punching } = this.executor;
    if (this.renewal === null || punching.renewing()) return;
    const endpoint = punching.endpoint();
    const answer = endpoint === null ? { refused: { allowedInMs: null } } : { endpoint };
    this.tell({ order: this.renewal, ...answer });
    this.renewal = null;
  }

  private stop(): void {
    this.executor.stopSalvos();
    this.reporting = [];
    this.hardSalvos = [];
  }

  private tell(step: Step): void {
    this.out.event({ ev: 'step', bytes: encodeStep(step) });
  }
}
