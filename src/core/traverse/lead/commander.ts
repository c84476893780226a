/**
 * Orders of the client to either side in the same words: a salvo of its own runs here, one of the host goes out as a step and
 * its samples come back as one. So a script is written once, whichever side is the hard one.
 */

import type { Endpoint } from '../../address.ts';
import { type Instant, NEVER } from '../../contract.ts';
import { LIMITS } from '../../limits.ts';
import type { Outputs } from '../../machine.ts';
import type { LogData } from '../../model/log.ts';
import type { Role } from '../../model/pair.ts';
import { PAY_LIMITS } from '../pay/limits.ts';
import { packetsOf, type Sample, type SidePlan } from '../plan/side-plan.ts';
import type { Engine } from '../run/engine.ts';
import type { TraversalConfig, TraversalEvent } from '../run/interface.ts';
import { RUN_LIMITS } from '../run/limits.ts';
import type { Salvo } from '../run/salvo.ts';
import { LEAD_LIMITS } from './limits.ts';
import { encodeStep, type Step } from './step.ts';

/** How often the sum of what each side still has to send is looked at, to pay for it in time. */
const PAY_POLL_MS = 500;

export interface Volley {
  /** Null until all samples are in. */
  samples(): readonly Sample[] | null;
  /** The host does not do it, or not yet: its limits, or others that it connects first. */
  refused(): boolean;
}

export interface Commander {
  /** A new attempt: what ran before ends with the first order. */
  begin(now: Instant, attempt: number): void;
  /** Buys ahead what a burst of both sides will need: credits take a trip more than the order. */
  reserve(packets: Readonly<Record<Role, number>>): void;
  /** Starts a plan on a side, `inMs` after it can be known there. */
  order(now: Instant, role: Role, plan: SidePlan, inMs?: number): Volley;
  /** A new punching socket on a side; the endpoint is read with `endpointOf`. */
  renew(now: Instant, role: Role): void;
  endpointOf(role: Role): Endpoint | null;
  assume(role: Role, endpoint: Endpoint): void;
  answer(now: Instant, step: Step): void;
  /** Round trip to the host: as the join measured it, or less, as its quickest answer has shown since. */
  relayRttMs(): number;
  /** From when the host would do what it has refused in this attempt, by its own word. */
  allowedAt(): Instant;
  /** Was the host asked something in this attempt, without a word from it since? */
  unanswered(): boolean;
  stop(): void;
  run(now: Instant): void;
  next(): Instant;
}

interface Remote {
  readonly sentAt: Instant;
  /** Taken out of what is paid for, and given back where the host does not do it; 0 once it has said that it does. */
  packets: number;
  samples: readonly Sample[] | null;
  refused: boolean;
}

/** A side that repeats or goes on for a long time is paid for as it goes. */
interface Lasting {
  readonly payer: Role;
  readonly perSecond: number;
  readonly until: Instant;
  owed: number;
  at: Instant;
}

export function other(role: Role): Role {
  return role === 'client' ? 'host' : 'client';
}

/** What is sent when, for the log: enough for a picture of the salvo as it flew. */
function salvoData(side: Role, plan: SidePlan, inMs: number): LogData {
  const { sockets, tuples, passes, ratePerSecond, again, durationMs } = plan;
  const spreadMs = passes.reduce((sum, { afterMs }) => sum + afterMs, 0);
  const againMs = again.mode === 'none' ? 0 : again.everyMs;
  const timing = { inMs: Math.round(inMs), ratePerSecond, spreadMs, againMs, durationMs };
  return { side, class: plan.class, sockets, tuples, passes: passes.length, ...timing };
}

export function commander(config: TraversalConfig, side: Engine, out: Outputs<TraversalEvent>): Commander {
  const remotes = new Map<number, Remote>();
  /** Salvos of our own in this attempt, with what was taken out of what is paid for. */
  let locals: { readonly salvo: Salvo; readonly packets: number }[] = [];
  let lasting: Lasting[] = [];
  let order = 0;
  let attempt = 1;
  let stopFirst = false;
  /** What the host has been asked in this attempt; less than nothing once it has said a word. */
  let asked = 0;
  let allowedAt: Instant = 0;
  let renewOrder = 0;
  let payAt: Instant = NEVER;
  /** Probes that each payer has already paid for beyond what was used; the JOIN paid the first, some of them for answers. */
  const first = LIMITS.probesPerCredit - PAY_LIMITS.answersReserved;
  const prepaid: Record<Role, number> = { client: first, host: first };
  /** When each payer last bought: a credit also renews the permit of the other side. */
  const paidAt: Record<Role, Instant> = { client: 0, host: 0 };
  let clock: Instant = 0;
  /** A JOIN that was lost and repeated makes the trip look longer, and early packets poison. */
  let { relayRttMs } = config;
  let askedAt: Instant = Number.NEGATIVE_INFINITY;
  let hostEndpoint: Endpoint | null =
    config.peer.candidates.find(({ kind }) => kind === 'reflexive' || kind === 'public')?.endpoint ?? null;

  function send(step: Omit<Step, 'order'>): number {
    order = (order + 1) & 0xffff;
    const stop = stopFirst ? ({ stop: true } as const) : {};
    stopFirst = false;
    out.event({ ev: 'step', bytes: encodeStep({ order, ...stop, ...step }) });
    return order;
  }

  /** Has the side that is probed buy what is missing, so that the sender may send so many probes more. */
  function ensure(sender: Role, probes: number): void {
    const payer = other(sender);
    const missing = Math.ceil((probes - prepaid[payer]) / LIMITS.probesPerCredit);
    // The permit may run out in a rest: one credit renews it, whatever is left of its probes.
    const renewing = clock - paidAt[payer] >= LEAD_LIMITS.permitRenewMs ? 1 : 0;
    const credits = Math.min(LEAD_LIMITS.creditsAtOnce, Math.max(missing, renewing));
    if (credits <= 0) return;
    prepaid[payer] += credits * LIMITS.probesPerCredit;
    paidAt[payer] = clock;
    if (payer === 'client') out.event({ ev: 'pay', credits, socket: side.known() });
    else send({ pay: credits });
  }

  function use(sender: Role, probes: number): void {
    ensure(sender, probes);
    prepaid[other(sender)] -= probes;
  }

  function last(now: Instant, sender: Role, plan: SidePlan): void {
    const { mode, everyMs } = plan.again;
    if (mode === 'none') return;
    const perSecond = (plan.tuples * 1000) / everyMs;
    lasting.push({
      payer: sender === 'client' ? 'host' : 'client',
      perSecond,
      until: now + plan.durationMs,
      owed: 0,
      at: now,
    });
    payAt = Math.min(payAt, now + PAY_POLL_MS);
  }

  function payLasting(now: Instant): void {
    payAt = NEVER;
    lasting = lasting.filter((one) => now < one.until);
    for (const one of lasting) {
      one.owed += ((now - one.at) * one.perSecond) / 1000;
      one.at = now;
      const renew = now - paidAt[one.payer] >= LEAD_LIMITS.permitRenewMs;
      if (one.owed < LIMITS.probesPerCredit && !renew) continue;
      use(other(one.payer), Math.floor(one.owed));
      one.owed = 0;
    }
    if (lasting.length > 0) payAt = now + PAY_POLL_MS;
  }

  function local(now: Instant, plan: SidePlan, inMs: number): Volley {
    const packets = packetsOf(plan);
    use('client', packets);
    const salvo = side.launch(now, plan, now + inMs);
    locals.push({ salvo, packets });
    return { samples: () => salvo.samples(), refused: () => false };
  }

  /** What a salvo that was stopped has not sent is still paid for. */
  function settle(): void {
    for (const { salvo, packets } of locals) prepaid.host += Math.max(0, packets - salvo.sent());
    locals = [];
  }

  function remote(plan: SidePlan, inMs: number): Volley {
    const packets = packetsOf(plan);
    use('host', packets);
    asked++;
    const answer: Remote = { sentAt: clock, packets, samples: null, refused: false };
    remotes.set(send({ run: { startInMs: Math.max(0, Math.round(inMs)), side: plan } }), answer);
    if (remotes.size > 32) remotes.delete(remotes.keys().next().value!);
    return { samples: () => answer.samples, refused: () => answer.refused };
  }

  return {
    begin(now, next) {
      clock = now;
      attempt = next;
      asked = 0;
      allowedAt = 0;
      if (attempt === 1) {
        paidAt.client = now;
        paidAt.host = now;
        return;
      }
      side.stopSalvos();
      settle();
      lasting = [];
      stopFirst = true;
    },
    reserve(packets) {
      ensure('client', packets.client);
      ensure('host', packets.host);
    },
    order(now, role, plan, inMs = 0) {
      clock = now;
      last(now, role, plan);
      out.event({ ev: 'log', attempt, what: 'salvo', data: salvoData(role, plan, inMs) });
      return role === 'client' ? local(now, plan, inMs) : remote(plan, inMs);
    },
    renew(now, role) {
      if (role === 'client') {
        side.renew(now);
        return;
      }
      hostEndpoint = null;
      asked++;
      renewOrder = send({ restun: true });
    },
    endpointOf: (role) => (role === 'client' ? side.endpoint() : hostEndpoint),
    assume(role, endpoint) {
      if (role === 'client') side.assume(endpoint);
      else hostEndpoint = endpoint;
    },
    relayRttMs: () => relayRttMs,
    allowedAt: () => allowedAt,
    unanswered: () => asked > 0,
    answer(now, step) {
      asked = Number.NEGATIVE_INFINITY;
      if (step.endpoint && step.order === renewOrder) hostEndpoint = step.endpoint;
      // The host's probes at us wait for credits. That is our line, so it is our say: at most so many a second.
      if (step.pay !== undefined && now - askedAt >= RUN_LIMITS.unpaidMs) {
        askedAt = now;
        out.event({ ev: 'pay', credits: Math.min(step.pay, LEAD_LIMITS.creditsWhenUnpaid), socket: side.known() });
      }
      const answer = remotes.get(step.order);
      if (step.queued !== undefined) {
        out.event({ ev: 'waiting', why: { because: 'host-connects-others', ahead: step.queued } });
      }
      if (answer === undefined) return;
      relayRttMs = Math.max(1, Math.min(relayRttMs, now - answer.sentAt));
      if (step.samples) answer.samples = step.samples;
      if (step.refused?.allowedInMs != null) allowedAt = Math.max(allowedAt, now + step.refused.allowedInMs);
      if (step.refused || step.queued !== undefined) {
        answer.refused = true;
        prepaid.client += answer.packets;
      }
      answer.packets = 0;
    },
    stop() {
      lasting = [];
    },
    run(now) {
      clock = now;
      if (side.starving(now)) send({ pay: LEAD_LIMITS.creditsWhenUnpaid });
      if (now >= payAt) payLasting(now);
    },
    next: () => payAt,
  };
}
