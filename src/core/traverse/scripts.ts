/**
 * The methods as linear scripts, told from the client's side. A script yields what it waits for and is given the time. It
 * orders salvos of either side through the commander; it never knows which of the two it runs on.
 */
import type { Endpoint } from '../address.ts';
import type { Instant } from '../contract.ts';
import type { Commander, Volley } from './commander.ts';
import type { Engine } from './engine.ts';
import type { Role, TraversalConfig } from './interface.ts';
import type { Nature } from './nature.ts';
import { known, lowTtl } from './openers.ts';
import type { Plan } from './plan.ts';
import { birthdayHard, birthdayProbes, sandwich, takeSample, windowProbes } from './salvos.ts';

export interface Wait {
  readonly until: Instant;
  /** Go on earlier when this answers true. */
  readonly ready?: () => boolean;
}

export interface Stage {
  readonly attempt: number;
  readonly config: TraversalConfig;
  readonly boss: Commander;
  readonly side: Engine;
}

export type Script = Generator<Wait, void, Instant>;

/** A new socket on either side: two trips through the relay and the source's answer, with room for losses. */
const RENEW_MS = 1_200;
const SAMPLES_MS = 1_200;

export function scriptFor(plan: Plan, stage: Stage): Script {
  switch (plan.method) {
    case 'known':
      return knownScript(plan, stage);
    case 'window':
      return windowScript(plan, stage);
    case 'birthday':
      return birthdayScript(plan, stage);
    default:
      return nothingScript(plan);
  }
}

export function other(role: Role): Role {
  return role === 'client' ? 'host' : 'client';
}

function addressesOf(stage: Stage, role: Role): readonly string[] {
  return role === 'host' ? stage.config.permit.addresses : stage.config.own.profile.external;
}

function* nothingScript(plan: Plan): Script {
  const now = yield { until: 0 };
  yield { until: now + plan.durationMs };
}

/** A new punching socket on the sides named, and their endpoints as sources saw them. */
function* renewed(now: Instant, roles: readonly Role[], { boss }: Stage): Generator<Wait, Instant, Instant> {
  for (const role of roles) boss.renew(now, role);
  return yield { until: now + RENEW_MS, ready: () => roles.every((role) => boss.endpointOf(role) !== null) };
}

/** Attempt 1 is the openers of both sides, which need no step; later ones use new sockets, another TTL, and a common start. */
function* knownScript(plan: Plan, stage: Stage): Script {
  const { attempt, config, boss } = stage;
  let now = yield { until: 0 };
  if (attempt === 1) {
    yield { until: now + plan.durationMs };
    return;
  }
  now = yield* renewed(now, ['client', 'host'], stage);
  const client = boss.endpointOf('client');
  const host = boss.endpointOf('host');
  if (client === null || host === null) return;
  // Odd attempts open with a low TTL on the host's side, even ones start both at one instant with the full TTL: the first
  // fails where no router lies between the NATs, the second where the clocks of the relay trip deceive.
  const trip = config.relayRttMs / 2;
  const first =
    attempt % 2 === 1
      ? [
          { afterMs: 0, ttl: lowTtl(config.own.profile, attempt) },
          { afterMs: trip, ttl: null },
        ]
      : [{ afterMs: 0, ttl: null }];
  const rest = [60, 120, 200, 350].map((afterMs) => ({ afterMs, ttl: null }));
  boss.order(now, 'host', known([client.address], client.port, [...first, ...rest]));
  boss.order(now, 'client', known([host.address], host.port, [{ afterMs: 0, ttl: null }, ...rest]), trip);
  yield { until: now + trip + plan.durationMs };
}

/** The easy side's endpoint; on every attempt but the first from a new socket. */
function* easyEndpoint(now: Instant, easy: Role, stage: Stage): Generator<Wait, Endpoint | null, Instant> {
  if (stage.attempt > 1) yield* renewed(now, [easy], stage);
  return stage.boss.endpointOf(easy);
}

function* windowScript(plan: Plan, stage: Stage): Script {
  const { boss, config } = stage;
  const hard = plan.hard!;
  const nature = natureOf(plan, hard);
  let now = yield { until: 0 };
  const target = yield* easyEndpoint(now, other(hard), stage);
  if (target === null || nature.kind !== 'step') return;
  now = yield { until: 0 };
  const ttl = lowTtl(hard === 'client' ? config.own.profile : config.peer.profile, stage.attempt);
  const volley = boss.order(now, hard, sandwich(plan.mappings, target, ttl, config.relayRttMs));
  now = yield { until: now + SAMPLES_MS, ready: answered(volley) };
  const samples = volley.samples();
  if (samples === null || samples.length === 0) return;
  const probes = windowProbes(nature, samples, plan.mappings);
  if (probes !== null) boss.order(now, other(hard), probes);
  yield { until: now + plan.durationMs };
}

function* birthdayScript(plan: Plan, stage: Stage): Script {
  const { boss, config } = stage;
  const hard = plan.hard!;
  const nature = natureOf(plan, hard);
  let now = yield { until: 0 };
  const target = yield* easyEndpoint(now, other(hard), stage);
  if (target === null || nature.kind !== 'random') return;
  now = yield { until: 0 };
  const ttl = lowTtl(hard === 'client' ? config.own.profile : config.peer.profile, stage.attempt);
  const trip = config.relayRttMs / 2;
  const seed = config.random.int(0, 0xffff_ffff);
  const open = birthdayHard(plan, target, ttl);
  const probe = birthdayProbes(plan, nature, addressesOf(stage, hard), seed);
  boss.order(now, hard, open, hard === 'client' ? trip : 0);
  boss.order(now, other(hard), probe, hard === 'client' ? 0 : trip);
  yield { until: now + trip + probe.durationMs };
}

export function natureOf(plan: Plan, role: Role): Nature {
  return role === 'client' ? plan.client : plan.host;
}

export function answered(...volleys: readonly Volley[]): () => boolean {
  return () => volleys.every((volley) => volley.samples() !== null || volley.refused());
}

export { takeSample };
