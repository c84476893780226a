/**
 * What does a mapping depend on (RFC 4787 §4.1)? Two questions from one socket: to two ports of one address they tell APDM from
 * the rest, to two addresses they tell EIM. Answers of a source that contradicts all others are set aside first.
 */
import { logSum } from './distribution.ts';
import type { Observation } from './observation.ts';
import type { Mapping } from './profile.ts';

/** Share of users, home and mobile together (nat-model 3): what is believed before the first answer. */
const PRIOR = { eim: 0.76, adm: 0.02, apdm: 0.22 } as const;
/** A pair that ought to agree differs: a clash of 5-tuples, a poisoned tuple, a mapping that expired. */
const ODD_DIFFERENCE = 0.02;
/** A pair that ought to differ agrees: port overloading, or a rule that keeps the port for once. */
const ODD_AGREEMENT = 0.04;
/** Beyond these pairs are copies of each other rather than evidence. */
const PAIRS_COUNTED_MAX = 8;
const PAIRS_WITHIN_MIN = 2;

export interface MappingBelief {
  readonly mapping: Mapping;
  readonly probability: number;
  /** Destination addresses that answered. */
  readonly addressesAsked: number;
}

interface Pairs {
  agree: number;
  differ: number;
}

/**
 * Boxes side by side that share the load by port numbers (3 of 72 carriers, Wang 2011) give each socket one mapping a box: where
 * several external addresses are seen, pairs on one address are the evidence, as far as there are enough of them.
 */
function pairsOf(observations: readonly Observation[]): { ports: Pairs; addresses: Pairs } {
  const all = { ports: { agree: 0, differ: 0 }, addresses: { agree: 0, differ: 0 } };
  for (const answers of bySocket(observations)) countPairs(answers, all.ports, all.addresses);
  const external = new Set(observations.flatMap(({ observed }) => observed?.address ?? []));
  if (external.size !== 2) return all;
  const within = { ports: { agree: 0, differ: 0 }, addresses: { agree: 0, differ: 0 } };
  for (const answers of bySocket(observations)) {
    for (const address of external) {
      const own = answers.filter(({ observed }) => observed!.address === address);
      countPairs(own, within.ports, within.addresses);
    }
  }
  const total = (pairs: Pairs) => pairs.agree + pairs.differ;
  const enough = (some: Pairs, every: Pairs) => total(every) === 0 || total(some) >= PAIRS_WITHIN_MIN;
  return enough(within.ports, all.ports) && enough(within.addresses, all.addresses) ? within : all;
}

export function believeMapping(observations: readonly Observation[]): MappingBelief {
  const { ports, addresses } = pairsOf(observations);
  const addressesAsked = new Set(observations.filter(({ observed }) => observed).map(({ group }) => group)).size;
  if (ports.agree + ports.differ + addresses.agree + addresses.differ === 0) {
    return { mapping: 'unknown', probability: 0, addressesAsked };
  }
  const logs = {
    eim: Math.log(PRIOR.eim) + same(ports) + same(addresses),
    adm: Math.log(PRIOR.adm) + same(ports) + different(addresses),
    apdm: Math.log(PRIOR.apdm) + different(ports) + different(addresses),
  };
  const total = logSum(Object.values(logs));
  const ranked = (['eim', 'adm', 'apdm'] as const).toSorted((left, right) => logs[right] - logs[left]);
  const mapping = ranked[0]!;
  return { mapping, probability: Math.exp(logs[mapping] - total), addressesAsked };
}

function same(pairs: Pairs): number {
  return (
    capped(pairs.agree, pairs) * Math.log(1 - ODD_DIFFERENCE) + capped(pairs.differ, pairs) * Math.log(ODD_DIFFERENCE)
  );
}

function different(pairs: Pairs): number {
  return (
    capped(pairs.differ, pairs) * Math.log(1 - ODD_AGREEMENT) + capped(pairs.agree, pairs) * Math.log(ODD_AGREEMENT)
  );
}

function capped(count: number, pairs: Pairs): number {
  return count * Math.min(1, PAIRS_COUNTED_MAX / (pairs.agree + pairs.differ));
}

function bySocket(observations: readonly Observation[]): Observation[][] {
  const sockets = new Map<number, Observation[]>();
  for (const observation of observations) {
    if (observation.observed === null) continue;
    sockets.set(observation.socket, [...(sockets.get(observation.socket) ?? []), observation]);
  }
  return [...sockets.values()];
}

/** Each further answer of a socket against its first one at the same address, and against its first one at all. */
function countPairs(answers: readonly Observation[], ports: Pairs, addresses: Pairs): void {
  const firstAt = new Map<string, Observation>();
  for (const answer of answers) {
    const neighbour = firstAt.get(answer.group);
    const other = [...firstAt.values()].find(({ group }) => group !== answer.group);
    if (neighbour === undefined) {
      firstAt.set(answer.group, answer);
      if (other !== undefined) tally(addresses, other, answer);
    } else if (neighbour.target.port !== answer.target.port) tally(ports, neighbour, answer);
  }
}

function tally(pairs: Pairs, left: Observation, right: Observation): void {
  const samePort = left.observed!.port === right.observed!.port;
  // Boxes side by side that share the load (3 of 72 carriers, Wang 2011) keep the local port on two addresses: still one port.
  const kept = samePort && left.observed!.port === left.localPort;
  if (kept || (samePort && left.observed!.address === right.observed!.address)) pairs.agree++;
  else pairs.differ++;
}

/**
 * Without the answers of a liar: an unauthenticated source that sees only external IP addresses which no other source sees, or,
 * where three or more were asked, one whose pairs all differ while those among the others agree.
 */
export function withoutLiars(observations: readonly Observation[]): Observation[] {
  const answered = observations.filter(({ observed }) => observed !== null);
  const suspects = new Set(answered.filter(({ trusted }) => !trusted).map(({ group }) => group));
  const liars = [...suspects].filter((group) => {
    const others = answered.filter((observation) => observation.group !== group);
    const own = answered.filter((observation) => observation.group === group);
    return seesAnotherAddress(own, others) || contradicts(answered, others);
  });
  return liars.length === 1 ? observations.filter(({ group }) => group !== liars[0]) : [...observations];
}

/** Others, who are to be believed together, agree on one address; this one has never seen it. */
function seesAnotherAddress(own: readonly Observation[], others: readonly Observation[]): boolean {
  const believable = others.some(({ trusted }) => trusted) || new Set(others.map(({ group }) => group)).size >= 2;
  const addresses = new Set(others.map(({ observed }) => observed!.address));
  if (!believable || others.length < 3 || addresses.size !== 1) return false;
  return own.every(({ observed }) => !addresses.has(observed!.address));
}

function contradicts(all: readonly Observation[], others: readonly Observation[]): boolean {
  const count = (observations: readonly Observation[]) => {
    const pairs = { agree: 0, differ: 0 };
    for (const answers of bySocket(observations)) countPairs(answers, { agree: 0, differ: 0 }, pairs);
    return pairs;
  };
  const among = count(others);
  return among.agree >= 2 && among.differ === 0 && count(all).differ >= 2;
}
