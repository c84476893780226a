/**
 * Orders of the client to either side in the same words: a salvo of its own runs here, one of the host goes out as a step and
 * its samples come back as one. So a script is written once, whichever side is the hard one.
 */

import { type Endpoint, familyOf } from '../../address.ts';
import type { Instant } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { LogData } from '../../model/log.ts';
import type { Role } from '../../model/pair.ts';
import { PAY_LIMITS } from '../pay/limits.ts';
import { packetsOf, type Sample, type SidePlan } from '../plan/side-plan.ts';
import { RUN_LIMITS } from '../run/limits.ts';
import type { Salvo } from '../run/salvo.ts';
import { LEAD_LIMITS } from './limits.ts';
import { Payments } from './payments.ts';
import { encodeStep, type Step } from './step.ts';
import { Lead, type Means } from './strategy.ts';

/** What has become of an order. */
export interface Volley {
  /** Null until all samples are in. */
  samples(): readonly Sample[] | null;
  /** The host does not do it, or not yet: its limits, or others that it connects first. */
  refused(): boolean;
}

interface Remote {
  readonly sentAt: Instant;
  /** Taken out of what is paid for, and given back where the host does not do it; 0 once it has said that it does. */
  packets: number;
  samples: readonly Sample[] | null;
  refused: boolean;
}

type Phase =
  | { readonly in: 'unasked' }
  | { readonly in: 'asking' }
  /** `allowedAt`: from when the host would do what it has refused, by its own word. */
  | { readonly in: 'heard'; allowedAt: Instant };

/** What the host has been asked and has said in the attempt under way: which phase may follow which, and when. */
export const COMMANDER_PHASES = {
  unasked: {
    asking: 'the host is ordered something',
    heard: 'the host says something by itself',
  },
  asking: {
    heard: 'the host says something',
    unasked: 'the next attempt begins',
  },
  heard: {
    unasked: 'the next attempt begins',
  },
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

/** What is sent when, for the log: enough for a picture of the salvo as it flew. */
function salvoData(role: Role, plan: SidePlan, inMs: number): LogData {
  const { sockets, tuples, passes, ratePerSecond, again, durationMs } = plan;
  const spreadMs = passes.reduce((sum, { afterMs }) => sum + afterMs, 0);
  const againMs = again.mode === 'none' ? 0 : again.everyMs;
  const timing = { inMs: Math.round(inMs), ratePerSecond, spreadMs, againMs, durationMs };
  return { side: role, class: plan.class, sockets, tuples, passes: passes.length, ...timing };
}

/** Orders whose answers are waited for; an attempt has five. */
const REMOTES_MAX = 32;

export class Commander extends Lead {
  private readonly payments: Payments;
  private readonly remotes = new Map<number, Remote>();
  /** Salvos of our own in this attempt, with what was taken out of what is paid for. */
  private locals: { readonly salvo: Salvo; readonly packets: number }[] = [];
  private phase: Phase = { in: 'unasked' };
  private attempt = 1;
  private order = 0;
  /** The attempt of the latest step: the first one of another attempt ends what the host does for those before. */
  private attemptOfStep = 1;
  private hostEndpoint: Endpoint | null;
  /** The order whose answer names the endpoint of the host's new punching socket. */
  private renewal: number | null = null;
  /** When the host was last sold what its waiting probes ask for. */
  private soldAt: Instant | null = null;
  private rttMs: number;
  /** Our addresses that have paid, as far as the punching socket was seen there: JOIN is the first to do so. */
  private readonly paidFrom = new Set<string>();
  /** Of the turn under way. */
  private clock: Instant = 0;

  constructor(means: Means) {
    super(means);
    const { config } = means;
    this.rttMs = config.viaMasterRttMs;
    this.payments = new Payments((payer, credits) => {
      if (payer === 'client') this.pay(credits);
      else this.send({ pay: credits });
    });
    const seen = config.peer.candidates.find(
      ({ kind, endpoint }) =>
        (kind === 'reflexive' || kind === 'public') && familyOf(endpoint.address) === config.family,
    );
    this.hostEndpoint = seen?.endpoint ?? null;
    this.hasPaid();
  }

  /** A new attempt: what ran before ends with the first order. */
  begin(now: Instant, attempt: number): void {
    this.clock = now;
    this.attempt = attempt;
    if (this.phase.in !== 'unasked') this.enter({ in: 'unasked' });
    if (attempt === 1) {
      this.payments.joined(now);
      return;
    }
    this.executor.stopSalvos();
    // What a salvo that was stopped has not sent is still paid for.
    for (const { salvo, packets } of this.locals) this.payments.giveBack('client', Math.max(0, packets - salvo.sent));
    this.locals = [];
    this.payments.stopPaying();
  }

  /** The host learns that there is another attempt. */
  poke(): void {
    this.send({});
  }

  /** Buys ahead what a burst of both sides will need: credits take a trip more than the order. */
  reserve(packets: Readonly<Record<Role, number>>): void {
    this.payments.ensure(this.clock, 'client', packets.client);
    this.payments.ensure(this.clock, 'host', packets.host);
  }

  /** Starts a plan on a side, `inMs` after it can be known there. */
  launch(now: Instant, role: Role, plan: SidePlan, inMs = 0): Volley {
    this.clock = now;
    this.payments.keepPaying(now, role, plan);
    this.log('salvo', salvoData(role, plan, inMs));
    return role === 'client' ? this.launchHere(now, plan, inMs) : this.orderFromHost(now, plan, inMs);
  }

  /** A new punching socket on a side; the endpoint is read with `endpointOf`. */
  renew(role: Role): void {
    if (role === 'client') {
      this.executor.punching.renew();
      return;
    }
    this.hostEndpoint = null;
    this.asked();
    this.renewal = this.send({ restun: true });
  }

  /** Where the new punching socket has an address that has paid nothing, it pays; true where it had to. */
  payFromNew(role: Role): boolean {
    const address = this.endpointOf(role)?.address;
    if (address === undefined) return false;
    if (role === 'host') {
      if (this.mayProbeHost() || this.config.peer.profile.pooling !== 'arbitrary') return false;
      this.send({ pay: 1 });
      return true;
    }
    if (this.paidFrom.has(address) || this.config.own.profile().pooling !== 'arbitrary') return false;
    this.pay(1);
    return true;
  }

  mayProbeHost(): boolean {
    return this.hostEndpoint !== null && this.executor.addresses().includes(this.hostEndpoint.address);
  }

  endpointOf(role: Role): Endpoint | null {
    return role === 'client' ? this.executor.punching.endpoint() : this.hostEndpoint;
  }

  assume(role: Role, endpoint: Endpoint): void {
    if (role === 'client') this.executor.punching.assume(endpoint);
    else this.hostEndpoint = endpoint;
  }

  answer(now: Instant, step: Step): void {
    const heard = this.phase.in === 'heard' ? this.phase : this.enter({ in: 'heard', allowedAt: 0 });
    if (step.endpoint && step.order === this.renewal) this.hostEndpoint = step.endpoint;
    if (step.pay !== undefined) this.sell(now, step.pay);
    if (step.queued !== undefined)
      this.out.event({ ev: 'waiting', why: { because: 'host-connects-others', ahead: step.queued } });
    const remote = this.remotes.get(step.order);
    if (remote === undefined) return;
    // A JOIN that was lost and repeated made the trip look longer, and early packets poison.
    this.rttMs = Math.max(1, Math.min(this.rttMs, now - remote.sentAt));
    if (step.samples) remote.samples = step.samples;
    if (step.refused?.allowedInMs != null) heard.allowedAt = Math.max(heard.allowedAt, now + step.refused.allowedInMs);
    if (step.refused || step.queued !== undefined) {
      remote.refused = true;
      this.payments.giveBack('host', remote.packets);
    }
    remote.packets = 0;
  }

  /** Round trip to the host: as the join measured it, or less, as its quickest answer has shown since. */
  viaMasterRttMs(): number {
    return this.rttMs;
  }

  /** From when the host would do what it has refused in this attempt, by its own word. */
  allowedAt(): Instant {
    return this.phase.in === 'heard' ? this.phase.allowedAt : 0;
  }

  /** Was the host asked something in this attempt, without a word from it since? */
  unanswered(): boolean {
    return this.phase.in === 'asking';
  }

  /** The attempt is over. */
  stop(): void {
    this.payments.stopPaying();
  }

  run(now: Instant): void {
    this.clock = now;
    if (this.executor.starving(now)) this.send({ pay: LEAD_LIMITS.creditsWhenUnpaid });
    this.payments.run(now);
  }

  next(): Instant {
    return this.payments.next();
  }

  private launchHere(now: Instant, plan: SidePlan, inMs: number): Volley {
    const packets = packetsOf(plan);
    this.payments.use(now, 'client', packets);
    const salvo = this.executor.launch(now, plan, now + inMs);
    this.locals.push({ salvo, packets });
    return { samples: () => salvo.samples, refused: () => false };
  }

  private orderFromHost(now: Instant, plan: SidePlan, inMs: number): Volley {
    const packets = packetsOf(plan);
    this.payments.use(now, 'host', packets);
    this.asked();
    const remote: Remote = { sentAt: now, packets, samples: null, refused: false };
    const order = this.send({ run: { startInMs: Math.max(0, Math.round(inMs)), side: plan } });
    this.remotes.set(order, remote);
    if (this.remotes.size > REMOTES_MAX) this.remotes.delete(this.remotes.keys().next().value!);
    return { samples: () => remote.samples, refused: () => remote.refused };
  }

  /** The host's probes at us wait for credits. That is our line, so it is our say: at most so many a second. */
  private sell(now: Instant, credits: number): void {
    if (this.soldAt !== null && now - this.soldAt < RUN_LIMITS.unpaidMs) return;
    this.soldAt = now;
    this.pay(Math.min(credits, LEAD_LIMITS.creditsWhenUnpaid));
  }

  private pay(credits: number): void {
    const { punching } = this.executor;
    this.hasPaid();
    this.out.event({ ev: 'pay', credits, socket: punching.socket });
  }

  /** The address of the punching socket; of so many as the host keeps accounts of. */
  private hasPaid(): void {
    const address = this.executor.punching.endpoint()?.address;
    if (address === undefined) return;
    if (this.paidFrom.size >= PAY_LIMITS.accountsMax) this.paidFrom.clear();
    this.paidFrom.add(address);
  }

  private asked(): void {
    if (this.phase.in === 'unasked') this.enter({ in: 'asking' });
  }

  private send(step: Omit<Step, 'order'>): number {
    this.order = (this.order + 1) & 0xffff;
    const stop = this.attemptOfStep < this.attempt ? ({ stop: true } as const) : {};
    this.attemptOfStep = this.attempt;
    this.out.event({ ev: 'step', bytes: encodeStep({ order: this.order, ...stop, ...step }) });
    return this.order;
  }

  private enter<Next extends Phase>(phase: Next): Next {
    const from = this.phase.in;
    assert(phase.in in COMMANDER_PHASES[from], `a commander goes from ${from} to ${phase.in}`);
    this.phase = phase;
    this.log('commander', { from, to: phase.in });
    return phase;
  }
}
