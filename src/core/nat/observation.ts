/**
 * What detection hands to inference: one line per question asked from a socket, answered or not, and the *mappings* these
 * lines stand for once it is known what a mapping depends on.
 */
import { type Endpoint, endpointKey, sameEndpoint } from '../address.ts';
import type { Instant } from '../contract.ts';
import { isLocalAddress, scopeOf } from '../scope.ts';
import type { Mapping } from './profile.ts';

export interface Observation {
  /** Names the socket; two observations with the same number left from the same local port. */
  readonly socket: number;
  readonly localPort: number;
  readonly target: Endpoint;
  /** The answer is authenticated (the master's probe ports). */
  readonly trusted: boolean;
  readonly sentAt: Instant;
  /** Asked again since `sentAt`: which of the packets made the mapping is not known. */
  readonly repeated: boolean;
  /** Null: no answer (yet), but the question may have made a mapping. */
  readonly observed: Endpoint | null;
  /** From question to answer; null where there was none, or which question was answered is not known. */
  readonly roundTripMs: number | null;
}

/** Destination IP addresses: with one of them ADM looks like EIM. */
export function addressesOf(asked: readonly { readonly target: Endpoint }[]): ReadonlySet<string> {
  return new Set(asked.map(({ target }) => target.address));
}

export function sameObservation(left: Observation, right: Observation): boolean {
  if (left.observed === null || right.observed === null) {
    if (left.observed !== right.observed) return false;
  } else if (!sameEndpoint(left.observed, right.observed)) return false;
  return (
    left.socket === right.socket &&
    left.localPort === right.localPort &&
    left.trusted === right.trusted &&
    left.sentAt === right.sentAt &&
    left.repeated === right.repeated &&
    left.roundTripMs === right.roundTripMs &&
    sameEndpoint(left.target, right.target)
  );
}

/**
 * Without what says nothing of the way out. A local address that was seen by somebody on the Internet has been rewritten on the way (a
 * container's proxy, a load balancer, a router that loops back); one that was seen from within a network is no news where somebody
 * outside has answered too.
 */
export function seenFromOutside(observations: readonly Observation[]): readonly Observation[] {
  const local = (endpoint: Endpoint) => isLocalAddress(endpoint.address);
  const fromOutside = observations.some(({ observed }) => observed !== null && scopeOf(observed.address) === 'public');
  return observations.filter(({ observed, target }) =>
    local(target) ? !fromOutside : observed === null || !local(observed),
  );
}

/** A mapping that the NAT made at `at`; `port` null where no answer told it. */
export interface MappingMade {
  readonly at: Instant;
  readonly localPort: number;
  readonly port: number | null;
  readonly address: string | null;
  readonly repeated: boolean;
  readonly roundTripMs: number | null;
}

/**
 * The mappings behind the observations, oldest first: one per socket (EIM), per socket and address (ADM) or per question (APDM);
 * where boxes stand side by side, one on each box that is met.
 */
export function mappingsMade(observations: readonly Observation[], mapping: Mapping, boxes = false): MappingMade[] {
  const made = new Map<string, MappingMade>();
  for (const observation of [...observations].sort((left, right) => left.sentAt - right.sentAt)) {
    const box = boxes ? (observation.observed?.address ?? '') : '';
    const key = `${observation.socket} ${destinationKey(observation, mapping)} ${box}`;
    const before = made.get(key);
    made.set(key, {
      at: before?.at ?? observation.sentAt,
      localPort: observation.localPort,
      port: before?.port ?? observation.observed?.port ?? null,
      address: before?.address ?? observation.observed?.address ?? null,
      repeated: (before?.repeated ?? false) || observation.repeated,
      roundTripMs: before?.roundTripMs ?? observation.roundTripMs,
    });
  }
  return [...made.values()];
}

function destinationKey(observation: Observation, mapping: Mapping): string {
  if (mapping === 'adm') return observation.target.address;
  return mapping === 'apdm' ? endpointKey(observation.target) : '';
}
