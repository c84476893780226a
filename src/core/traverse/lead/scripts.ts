/**
 * The methods as linear scripts, told from the client's side. A script yields what it waits for and is given the time. It
 * orders salvos of either side through the commander; it never knows which of the two it runs on.
 */

import { type Endpoint, familyOf } from '../../address.ts';
import type { Instant } from '../../contract.ts';
import type { Role } from '../../model/pair.ts';
import type { NatProfile } from '../../nat/profile.ts';
import { PAY_LIMITS } from '../pay/limits.ts';
import { PLAN_LIMITS } from '../plan/limits.ts';
import { knownLife, lifetimeOf, type Nature, type RandomNature, type StepNature } from '../plan/nature.ts';
import { type Plan, roundsOf, watched } from '../plan/plan.ts';
import {
  type Aim,
  aimAt,
  basis,
  birthdayHard,
  birthdayProbes,
  crossSalvo,
  rollingSalvo,
  rowColumns,
  sandwich,
  settleProbe,
  strangersBetween,
  takeSample,
  windowProbes,
  windowRuns,
} from '../plan/salvos.ts';
import type { Sample } from '../plan/side-plan.ts';
import type { Executor } from '../run/executor.ts';
import type { TraversalConfig } from '../run/interface.ts';
import type { Commander, Volley } from './commander.ts';
import type { Depth } from './depth.ts';
import { LEAD_LIMITS } from './limits.ts';
import { LAST_MS, lowTtl, probesAt } from './openers.ts';
import { other } from './payments.ts';

export interface Pause {
  readonly until: Instant;
  /** Go on earlier when this answers true. */
  readonly ready?: () => boolean;
}

export interface ScriptContext {
  readonly attempt: number;
  readonly config: TraversalConfig;
  readonly commander: Commander;
  readonly executor: Executor;
  /** Of the whole session. */
  readonly depths: Readonly<Record<Role, Depth>>;
  /** An ADM side has just been made known; its socket must stay. */
  settled?: boolean;
}

/**
 * Answers whether the method was carried out at all: where an endpoint or a sample was missing, or the host had no room, the
 * failure says nothing about the networks, and there is nothing to rest from.
 */
export type Script = Generator<Pause, boolean, Instant>;
type Sampling = Generator<Pause, readonly Sample[], Instant>;

/** A new socket on either side: two trips through the master and the source's answer, with room for losses. */
const RENEW_MS = 1_200;
/** A credit is asked of the host, paid to the master and told to us: a trip and a half through the master, and one repetition. */
const PAID_MS = 800;
const SAMPLES_MS = 1_200;
/** The last round's repetition, for what was lost. */
const CROSS_TAIL_MS = 600;

export function* scriptFor(plan: Plan, context: ScriptContext): Script {
  if (plan.method !== 'row' && plan.method !== 'lattice') context.commander.reserve(plan.packets);
  if (plan.settle !== null) {
    const settling = yield* settled(plan, plan.settle, context);
    if (settling !== 'settled') return settling === 'in vain';
  }
  return yield* methodScript(plan, context);
}

function methodScript(plan: Plan, context: ScriptContext): Script {
  switch (plan.method) {
    case 'known':
      return knownScript(plan, context);
    case 'window':
      return windowScript(plan, context);
    case 'birthday':
      return birthdayScript(plan, context);
    case 'cross':
      return crossScript(plan, context);
    case 'row':
      return rowScript(plan, context);
    case 'lattice':
      return latticeScript(plan, context);
    default:
      return nothingScript(plan);
  }
}

/** Where the mappings of a side may turn up, as far as they may be probed: a client knows only of one that it is proven. */
function addressesOf(context: ScriptContext, role: Role): readonly string[] {
  const { commander, config, executor } = context;
  const first = commander.endpointOf(role)?.address;
  if (role === 'client') return [first ?? config.own.profile().external[0] ?? '0.0.0.0'];
  // Several only where the host's NAT spreads its mappings over them, and then those that its permit names.
  if (first !== undefined && config.peer.profile.pooling !== 'arbitrary') return [first];
  const isIpv4 = (address: string): boolean => familyOf(address) === 4;
  const permitted = executor.addresses().filter(isIpv4);
  const named = permitted.length > 0 ? permitted : executor.addressesNamed().filter(isIpv4);
  return named.length > 0 ? named : ['0.0.0.0'];
}

function* nothingScript(plan: Plan): Script {
  const now = yield { until: 0 };
  yield { until: now + plan.durationMs };
  return true;
}

/**
 * A new punching socket on the sides named, and their endpoints as sources saw them. Nobody may probe an address that has paid
 * nothing: where a NAT draws one for each socket, the new socket pays first.
 */
function* renewed(
  start: Instant,
  roles: readonly Role[],
  { commander }: ScriptContext,
): Generator<Pause, Instant, Instant> {
  for (const role of roles) commander.renew(role);
  const known = (): boolean => roles.every((role) => commander.endpointOf(role) !== null);
  const now = yield { until: start + RENEW_MS, ready: known };
  const unpaid = roles.filter((role) => commander.payFromNew(role));
  if (unpaid.length === 0) return now;
  return yield { until: now + PAID_MS, ready: () => !unpaid.includes('host') || commander.mayProbeHost() };
}

/** Attempt 1 is the openers of both sides, which need no step; later ones use new sockets, another TTL, and a common start. */
function* knownScript(plan: Plan, context: ScriptContext): Script {
  const { attempt, config, commander } = context;
  let now = yield { until: 0 };
  if (attempt === 1) {
    const target = plan.hard === null ? null : commander.endpointOf(other(plan.hard));
    if (plan.hard !== null && target !== null)
      commander.launch(now, plan.hard, sandwich(plan.mappings, target, null, 0));
    yield { until: now + plan.durationMs };
    return true;
  }
  now = yield* renewed(now, ['client', 'host'], context);
  const client = commander.endpointOf('client');
  const host = commander.endpointOf('host');
  if (client === null || host === null) return false;
  // Odd attempts open with a low TTL on the host's side, even ones start both at one instant with the full TTL: the first
  // fails where no router lies between the NATs, the second where the clocks of the trip through the master deceive.
  const trip = commander.viaMasterRttMs() / 2;
  const wary = attempt % 2 === 1;
  const first = wary
    ? [
        { afterMs: 0, ttl: lowTtl(config.peer.profile, attempt) },
        { afterMs: trip + 2 * LAST_MS, ttl: null },
      ]
    : [{ afterMs: 0, ttl: null }];
  const rest = [60, 120, 200, 350].map((afterMs) => ({ afterMs, ttl: null }));
  commander.launch(now, 'host', probesAt([client.address], client.port, [...first, ...rest]));
  const startMs = wary ? trip + LAST_MS : trip;
  commander.launch(
    now,
    'client',
    probesAt(hostAddresses(host, context), host.port, [{ afterMs: 0, ttl: null }, ...rest]),
    startMs,
  );
  if (plan.hard !== null)
    commander.launch(now, plan.hard, sandwich(plan.mappings, plan.hard === 'client' ? host : client, null, 0));
  yield { until: now + trip + plan.durationMs };
  return true;
}

/**
 * One port, at each address that may be probed where the host's NAT draws one for each destination: then the one that a source has
 * seen is only one of them, and where everybody is let in any will do.
 */
function hostAddresses(host: Endpoint, { config, executor }: ScriptContext): readonly string[] {
  if (config.peer.profile.pooling !== 'arbitrary') return [host.address];
  const paid = executor.addresses().filter((address) => familyOf(address) === 4 && address !== host.address);
  return [host.address, ...paid];
}

/** The easy side's endpoint; on every attempt but the first, and where the answer that names it was lost, from a new socket. */
function* easyEndpoint(
  now: Instant,
  easy: Role,
  anew: boolean,
  context: ScriptContext,
): Generator<Pause, Endpoint | null, Instant> {
  const unknown = context.commander.endpointOf(easy) === null;
  if (anew || unknown || (context.attempt > 1 && !context.settled)) yield* renewed(now, [easy], context);
  return context.commander.endpointOf(easy);
}

function* windowScript(plan: Plan, context: ScriptContext): Script {
  const { commander } = context;
  const hard = plan.hard!;
  const nature = natureOf(plan, hard);
  const target = yield* easyEndpoint(yield { until: 0 }, other(hard), false, context);
  if (target === null || nature.kind !== 'step') return false;
  const samples = yield* opened(plan, nature, target, context);
  const probes = windowProbes(nature, samples, plan.mappings, addressesOf(context, hard));
  if (probes === null) return false;
  const now = yield { until: 0 };
  commander.launch(now, other(hard), probes);
  yield { until: now + plan.durationMs };
  return true;
}

/**
 * A full TTL reaches the far NAT before that has sent anything, and may poison its socket towards everybody; so the openers die on
 * the way. One TTL a sandwich: a single packet that arrives would spoil what the others have kept. Where it has died before the own NAT
 * the next one follows at once.
 */
function* opened(plan: Plan, nature: StepNature, target: Endpoint, context: ScriptContext): Sampling {
  const { commander, depths } = context;
  const hard = plan.hard!;
  const wary = profileOf(context, other(hard)).poisonable !== 'no';
  for (;;) {
    const now = yield { until: 0 };
    const ttl = wary ? depths[hard].ttl(profileOf(context, hard), nature) : null;
    const volley = commander.launch(now, hard, sandwich(plan.mappings, target, ttl, commander.viaMasterRttMs()));
    yield { until: now + SAMPLES_MS, ready: answered(volley) };
    const samples = volley.samples() ?? [];
    if (ttl === null || depths[hard].learn(ttl, nature, samples)) return samples;
    commander.reserve(plan.packets);
  }
}

/**
 * Twice, from new sockets: a mapping that was opened before the other side probes its port is met whatever its TTL; one opened
 * after is met only by a packet that arrives. So the full TTL meets twice as many pairs at once, and goes first. Where an early
 * packet poisons the other NAT it loses half of them for good: then the openers die on the way, and are repeated at the end.
 */
function* birthdayScript(plan: Plan, context: ScriptContext): Script {
  const { commander, config } = context;
  const hard = plan.hard!;
  const nature = natureOf(plan, hard);
  let now = yield { until: 0 };
  for (const round of [1, 2]) {
    const anew = round === 2 && !context.settled;
    const target = yield* easyEndpoint(now, other(hard), anew, context);
    if (target === null || nature.kind !== 'random') return round > 1;
    now = yield { until: 0 };
    const trip = commander.viaMasterRttMs() / 2;
    const wary = round === 2 || profileOf(context, other(hard)).poisonable === 'yes';
    const open = birthdayHard(plan, target, wary ? lowTtl(profileOf(context, hard), context.attempt) : null);
    const probe = birthdayProbes(plan, nature, addressesOf(context, hard), config.random.int(0, 0xffff_ffff));
    const opening = commander.launch(now, hard, open, hard === 'client' ? trip : 0);
    const probing = commander.launch(now, other(hard), probe, hard === 'client' ? 0 : trip);
    const refused = (): boolean => opening.refused() || probing.refused();
    now = yield { until: now + trip + open.durationMs, ready: refused };
    if (refused()) return round > 1;
  }
  return true;
}

/**
 * An ADM side has one port for all ports of the peer. A new socket sends one probe between two samples: where just one port
 * lies between them, that is it, and the side is as good as easy from here on.
 */
function* settled(
  plan: Plan,
  role: Role,
  context: ScriptContext,
): Generator<Pause, 'settled' | 'in vain' | 'lost', Instant> {
  const { commander } = context;
  const nature = natureOf(plan, role);
  if (nature.kind !== 'step') return 'in vain';
  for (let tries = 0; tries < LEAD_LIMITS.settleTries; tries++) {
    let now = yield { until: 0 };
    now = yield* renewed(now, [role], context);
    const peer = commander.endpointOf(other(role));
    if (commander.endpointOf(role) === null) return 'lost';
    const target = peer ?? { address: addressesOf(context, other(role))[0]!, port: 9 };
    const volley = commander.launch(now, role, settleProbe(target));
    yield { until: now + SAMPLES_MS, ready: answered(volley) };
    const samples = volley.samples() ?? [];
    const [run] = windowRuns(nature, samples, 1);
    if (samples.length < 2 || run === undefined || run.count !== 1) continue;
    commander.assume(role, { address: samples[0]!.observed.address, port: run.start });
    context.settled = true;
    return 'settled';
  }
  return 'in vain';
}

interface Taken {
  readonly samples: readonly Sample[];
  /** When the side's NAT saw them, on our clock. */
  readonly at: Instant;
}

/** Samples of both sides that are as fresh as can be: the host's are asked for first, the client's when those are on the way. */
function* freshSamples(context: ScriptContext): Generator<Pause, Record<Role, Taken>, Instant> {
  const { commander } = context;
  const start = yield { until: 0 };
  const host = commander.launch(start, 'host', takeSample(addressesOf(context, 'client')[0]!));
  const now = yield { until: start + commander.viaMasterRttMs() * 0.9 };
  const client = commander.launch(now, 'client', takeSample(addressesOf(context, 'host')[0]!));
  yield { until: now + SAMPLES_MS, ready: answered(host, client) };
  return {
    client: { samples: client.samples() ?? [], at: now },
    host: { samples: host.samples() ?? [], at: start + commander.viaMasterRttMs() / 2 },
  };
}

/**
 * Each side aims mappings at the one port that the other is about to get, until the other must have passed it; both meet where
 * nobody else took either port. The samples that end a burst aim the next one.
 */
function* crossScript(plan: Plan, context: ScriptContext): Script {
  const { commander, config } = context;
  let client = plan.client as StepNature;
  let host = plan.host as StepNature;
  const round = { client: 2 * plan.mappings, host: 2 * plan.mappings };
  commander.reserve(round);
  let taken = yield* freshSamples(context);
  for (let n = 0; n < roundsOf(client, host); n++) {
    const start = yield { until: 0 };
    const room = config.device.budget.room(start, 'prediction', plan.mappings + 2, knownLife(config.own.profile()));
    if (room > start) {
      yield { until: room };
      commander.reserve(round);
      taken = yield* freshSamples(context);
    }
    const now = yield { until: 0 };
    const trip = commander.viaMasterRttMs() / 2;
    const fireAt = now + trip;
    const mine = aimAt(client, taken.client.samples, fireAt - taken.client.at);
    const yours = aimAt(host, taken.host.samples, fireAt - taken.host.at);
    if (mine === null || yours === null) return n > 0;
    const [here, there] = [placeOf(mine, 'client', n, context), placeOf(yours, 'host', n, context)];
    const hostVolley = commander.launch(now, 'host', crossSalvo(yours.count, here));
    const clientVolley = commander.launch(now, 'client', crossSalvo(mine.count, there), trip);
    commander.reserve(round);
    yield { until: fireAt + SAMPLES_MS + yours.count, ready: answered(hostVolley, clientVolley) };
    const seen = {
      client: { samples: clientVolley.samples() ?? [], at: fireAt },
      host: { samples: hostVolley.samples() ?? [], at: fireAt },
    };
    client = wiser(client, taken.client, seen.client, mine.count);
    host = wiser(host, taken.host, seen.host, yours.count);
    taken = seen;
  }
  yield { until: (yield { until: 0 }) + CROSS_TAIL_MS };
  return true;
}

/**
 * Of several addresses a mapping gets any. Aimed at is the one that the last sample got (boxes side by side count each for
 * themselves), where it may be probed; else another one each round.
 */
function placeOf(aim: Aim, role: Role, round: number, context: ScriptContext): Endpoint {
  const addresses = addressesOf(context, role);
  const address = addresses.includes(aim.address) ? aim.address : addresses[round % addresses.length]!;
  return { address, port: aim.port };
}

/** What a burst has shown of the strangers: all ports between two samples that were not our own. */
function wiser(nature: StepNature, before: Taken, after: Taken, count: number): StepNature {
  const [from, to] = [basis(nature, before.samples), basis(nature, after.samples)];
  if (from === null || to === null || after.at <= before.at) return nature;
  const own = nature.timed ? 0 : count + 2;
  const strangers = strangersBetween(nature, from, to, own);
  const ms = after.at - before.at;
  // A lost answer or a range that came round would teach nonsense.
  if (strangers < -2 || strangers > 20 + (10 * nature.background * ms) / 1000) return nature;
  return watched(nature, strangers, ms);
}

/**
 * The stepping side makes a few mappings towards one port of the other, between samples, so that its own ports are known, and
 * keeps them. Every mapping of the other side that lands on that one port is a path.
 */
function* rowScript(plan: Plan, context: ScriptContext): Script {
  const { commander, config } = context;
  const hard = plan.hard!;
  const step = natureOf(plan, other(hard)) as StepNature;
  const draw = natureOf(plan, hard) as RandomNature;
  let now = yield { until: 0 };
  const target = { address: addressesOf(context, hard)[0]!, port: config.random.int(draw.low, draw.high) };
  const columns = commander.launch(now, other(hard), rowColumns(plan.probes, target, plan.durationMs));
  now = yield { until: now + SAMPLES_MS, ready: answered(columns) };
  const samples = columns.samples() ?? [];
  if (samples.length < 2) return false;
  const [first, ...rest] = windowRuns(step, samples, plan.probes);
  // A gap with strangers in it is worth less than one without; the shortest ones only.
  const runs = [first!, ...rest.filter((run) => run.count === first!.count)];
  const ports = { kind: 'runs', runs } as const;
  const from = addressesOf(context, other(hard));
  const rolling = commander.launch(
    now,
    hard,
    rollingSalvo(
      plan.mappings,
      from,
      ports,
      from.length,
      PLAN_LIMITS.birthdayPerSecond,
      lifetimeOf(profileOf(context, hard)),
      plan.durationMs,
    ),
  );
  yield { until: now + plan.durationMs, ready: rolling.refused };
  return !rolling.refused();
}

/**
 * Both draw: each aims all its mappings at one port of the other and replaces them as they expire. At the sustained rate: what
 * is worth most are the old ones of one side against the new ones of the other, and at 400/s too many would have expired while a
 * packet is under way, or because the end of a life is known to a tenth of a second only.
 */
function* latticeScript(plan: Plan, context: ScriptContext): Script {
  const { commander, config } = context;
  const now = yield { until: 0 };
  const aims = { client: plan.client, host: plan.host } as Record<Role, RandomNature>;
  const at = (role: Role) => ({ kind: 'fixed', port: config.random.int(aims[role].low, aims[role].high) }) as const;
  const [row, column] = [at('host'), at('client')];
  const trip = commander.viaMasterRttMs() / 2;
  const salvo = (role: Role, count: number) =>
    rollingSalvo(
      count,
      addressesOf(context, other(role)).slice(0, 1),
      role === 'client' ? row : column,
      count,
      PAY_LIMITS.probesPerSecond,
      lifetimeOf(profileOf(context, role)),
      plan.durationMs,
    );
  const theirs = commander.launch(now, 'host', salvo('host', plan.probes));
  commander.launch(now, 'client', salvo('client', plan.mappings), trip);
  yield { until: now + trip + plan.durationMs, ready: theirs.refused };
  return !theirs.refused();
}

function profileOf({ config }: ScriptContext, role: Role): NatProfile {
  return role === 'client' ? config.own.profile() : config.peer.profile;
}

function natureOf(plan: Plan, role: Role): Nature {
  return role === 'client' ? plan.client : plan.host;
}

function answered(...volleys: readonly Volley[]): () => boolean {
  return () => volleys.every((volley) => volley.samples() !== null || volley.refused());
}
