/**
 * The first move of both sides, before any step: every candidate of the peer gets a few probes. The host's come first, when it
 * answers, with a low TTL where the peer's NAT could take an early packet amiss (docs/reference/nat-model.md §2.2): they open its own NAT and die
 * on the way. The client's follow when the answer reaches it, and by then the host's door is open; only then, one trip through the master
 * later, does the host send with the full TTL.
 */

import { familyOf, isPrivate } from '../../address.ts';
import type { Instant, SocketId } from '../../contract.ts';
import type { Candidate } from '../../model/pair.ts';
import type { NatProfile } from '../../nat/profile.ts';
import type { Pass, SidePlan } from '../plan/side-plan.ts';
import type { Executor } from '../run/executor.ts';
import type { TraversalConfig } from '../run/interface.ts';

/** After the first packet; sums to about a second and a half. */
const GAPS_MS: readonly number[] = [50, 100, 200, 350, 600];
/** By then all have left, or have given up waiting for a permit. */
export const OPENERS_MS = 2_000;
/**
 * Where the depth of the own NAT was not measured. Others use 7 and 4 (frp), 5 (hyperdht), 2-3 (RakNet), and each is wrong for
 * some: carriers' NATs lie at hops 2-5 and deeper (docs/reference/nat-model.md §1.2), and two NATs may have one router between them. So a deep and
 * a shallow one take turns (the first attempt takes the second of these): one that dies too early opens no door, one that goes too far
 * spoils the socket of somebody who accepts strangers.
 */
const TTLS: readonly number[] = [3, 7, 4, 10, 5, 13];

/**
 * What a side waits beyond the trip that is measured, before a packet that must not come first: timers, jitter of the lines, and
 * a process that is busy with a handshake. It delays nobody whose door is open already.
 */
export const LAST_MS = 25;
/**
 * And so much more where the peer's NAT has not been measured: its computer has just come into another network, whose round trip was
 * measured once, if at all, and which may take an early packet amiss (a VPN's server often accepts strangers).
 */
const UNMEASURED_MS = 100;

/** A TTL that leaves the own NAT and dies before the far one. */
export function lowTtl(own: NatProfile, attempt: number): number {
  return own.natHops === null ? TTLS[attempt % TTLS.length]! : own.natHops + 1;
}

/**
 * The very first packet, when the full TTL follows one trip later anyway: where the depth is not known it opens a NAT at hop 1
 * only, and is sure to die on the way.
 */
function openerTtl(own: NatProfile): number {
  return own.natHops === null ? 2 : own.natHops + 1;
}

export function openers(now: Instant, config: TraversalConfig, executor: Executor): void {
  const six = ({ kind }: Candidate): number => (kind === 'ipv6' ? 0 : 1);
  for (const candidate of config.peer.candidates.toSorted((left, right) => six(left) - six(right))) {
    const socket = socketFor(config, candidate);
    if (socket === null) continue;
    executor.launch(now, openerPlan(config, candidate), now, socket);
  }
}

/** The socket from which a candidate of the peer is tried; null where we have none of its family. */
export function socketFor(config: TraversalConfig, candidate: Candidate): SocketId | null {
  const family = familyOf(candidate.endpoint.address);
  if (family === config.family) return config.socket;
  return config.own.candidates.find((own) => familyOf(own.endpoint.address) === family)?.socket ?? null;
}

export function openerPlan(config: TraversalConfig, candidate: Candidate): SidePlan {
  const { address, port } = candidate.endpoint;
  const wary = config.role === 'host' && candidate.kind === 'reflexive' && !isPrivate(address);
  const { type, poisonable } = config.peer.profile;
  const unmeasured = type === 'unknown' && poisonable !== 'no';
  const first: readonly Pass[] = wary
    ? [
        { afterMs: 0, ttl: openerTtl(config.own.profile()) },
        { afterMs: config.viaMasterRttMs / 2 + LAST_MS + (unmeasured ? UNMEASURED_MS : 0), ttl: null },
      ]
    : [{ afterMs: 0, ttl: null }];
  return probesAt([address], port, [...first, ...GAPS_MS.map((afterMs) => ({ afterMs, ttl: null }))]);
}

/** Probes from the punching socket at one endpoint. */
export function probesAt(addresses: readonly string[], port: number, passes: readonly Pass[]): SidePlan {
  const lastMs = passes.reduce((sum, pass) => sum + pass.afterMs, 0);
  return {
    class: 'easy',
    from: 'punching',
    sockets: 1,
    tuples: addresses.length,
    addresses,
    ports: { kind: 'fixed', port },
    portEvery: 1,
    ratePerSecond: 50,
    passes,
    again: { mode: 'none', everyMs: 0 },
    sampleEvery: 0,
    durationMs: lastMs + 500,
  };
}
