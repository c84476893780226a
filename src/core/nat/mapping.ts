/**
 * What does a mapping depend on (RFC 4787 §4.1)? Two questions from one socket: to two ports of one address they tell APDM from
 * the rest, to two addresses they tell EIM. Answers of a source that contradicts all others are set aside first.
 */
import { normalised } from './distribution.ts';
import { addressesOf, type Observation } from './observation.ts';
import type { Mapping } from './profile.ts';

/** Share of users, home and mobile together (docs/reference/nat-model.md §3): what is believed before the first answer. */
const PRIOR = { eim: 0.76, adm: 0.02, apdm: 0.22 } as const;
/**
 * Several external addresses (docs/reference/nat-model.md §3, modifiers): none, one drawn for each mapping, boxes side by side, or
 * both at once.
 */
const POOL_PRIOR = { single: 0.93, drawn: 0.05, boxes: 0.017, drawnBoxes: 0.003 } as const;
/** More than one external address, from a NAT that has one: the line was renumbered meanwhile. */
const ODD_ADDRESS = 0.005;
/**
 * What is seen of two questions from one socket. `agree`: one mapping; `port`: another port; `address`: another external address.
 * Where they ought to share a mapping, a clash of 5-tuples, a poisoned tuple or an expired mapping is in the way of 2 in 100;
 * where they ought not, a port is met again by overloading a small block. A pool of four draws another address
 * three times in four; of two boxes, chosen by the ports (3 of 72 carriers, Wang 2011), half of the pairs use both.
 */
const SAME = {
  single: { agree: 0.98, port: 0.015, address: 0.005 },
  drawn: { agree: 0.98, port: 0.01, address: 0.01 },
  boxes: { agree: 0.495, port: 0.01, address: 0.495 },
  drawnBoxes: { agree: 0.49, port: 0.01, address: 0.5 },
} as const;
const DIFFERENT = {
  single: { agree: 0.005, port: 0.985, address: 0.01 },
  drawn: { agree: 0.005, port: 0.275, address: 0.72 },
  boxes: { agree: 0.005, port: 0.4975, address: 0.4975 },
  drawnBoxes: { agree: 0.005, port: 0.12, address: 0.875 },
} as const;
/** Beyond these pairs are copies of each other rather than evidence. */
const PAIRS_COUNTED_MAX = 8;

type Pool = keyof typeof POOL_PRIOR;
const POOLS = Object.keys(POOL_PRIOR) as readonly Pool[];
type Pairs = Record<'agree' | 'port' | 'address', number>;

export interface MappingBelief {
  readonly mapping: Mapping;
  /** Of EIM *or* ADM where no socket was answered by two addresses. */
  readonly probability: number;
  /** A socket was answered by two addresses: without that ADM looks like EIM. */
  readonly compared: boolean;
  /** Boxes side by side, each with mappings of its own: a socket has one mapping on each. */
  readonly boxes: boolean;
  /** Destination addresses that answered. */
  readonly addressesAsked: number;
}

export function believeMapping(observations: readonly Observation[]): MappingBelief {
  const ports = { agree: 0, port: 0, address: 0 };
  const addresses = { agree: 0, port: 0, address: 0 };
  for (const answers of bySocket(observations)) countPairs(answers, ports, addresses);
  const addressesAsked = addressesOf(observations.filter(({ observed }) => observed)).size;
  if (total(ports) + total(addresses) === 0)
    return { mapping: 'unknown', probability: 0, compared: false, boxes: false, addressesAsked };
  const external = new Set(observations.flatMap(({ observed }) => observed?.address ?? []));
  const hypotheses = (['eim', 'adm', 'apdm'] as const).flatMap((mapping) =>
    POOLS.map((pool) => ({
      ...{ mapping, pool },
      log:
        Math.log(PRIOR[mapping] * POOL_PRIOR[pool]) +
        logOf(ports, (mapping === 'apdm' ? DIFFERENT : SAME)[pool]) +
        logOf(addresses, (mapping === 'eim' ? SAME : DIFFERENT)[pool]) +
        (pool === 'single' && external.size > 1 ? Math.log(ODD_ADDRESS) : 0),
    })),
  );
  const weights = normalised(hypotheses.map(({ log }) => log));
  const chance = (of: (hypothesis: { mapping: Mapping; pool: Pool }) => boolean) =>
    hypotheses.reduce((sum, hypothesis, i) => sum + (of(hypothesis) ? weights[i]! : 0), 0);
  const compared = total(addresses) > 0;
  const chances = (compared ? (['eim', 'adm', 'apdm'] as const) : (['eim', 'apdm'] as const)).map((mapping) => ({
    mapping,
    probability: chance(
      (hypothesis) =>
        hypothesis.mapping === mapping || (!compared && mapping === 'eim' && hypothesis.mapping === 'adm'),
    ),
  }));
  const best = chances.toSorted((left, right) => right.probability - left.probability)[0]!;
  return {
    ...best,
    compared,
    boxes: chance(({ pool }) => pool === 'boxes' || pool === 'drawnBoxes') > 0.5,
    addressesAsked,
  };
}

function total({ agree, port, address }: Pairs): number {
  return agree + port + address;
}

function logOf(pairs: Pairs, chances: Readonly<Pairs>): number {
  const share = Math.min(1, PAIRS_COUNTED_MAX / Math.max(1, total(pairs)));
  const log = (kind: keyof Pairs) => pairs[kind] * Math.log(chances[kind]);
  return share * (log('agree') + log('port') + log('address'));
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
    const { address, port } = answer.target;
    const neighbour = firstAt.get(address);
    const other = [...firstAt.values()].find(({ target }) => target.address !== address);
    if (neighbour === undefined) {
      firstAt.set(address, answer);
      if (other !== undefined) tally(addresses, other, answer);
    } else if (neighbour.target.port !== port) tally(ports, neighbour, answer);
  }
}

function tally(pairs: Pairs, left: Observation, right: Observation): void {
  const samePort = left.observed!.port === right.observed!.port;
  const sameAddress = left.observed!.address === right.observed!.address;
  // The local port kept on two addresses is still one port.
  if (samePort && (sameAddress || left.observed!.port === left.localPort)) pairs.agree++;
  else pairs[sameAddress ? 'port' : 'address']++;
}

/**
 * Without the answers of a liar: an unauthenticated source that sees only external IP addresses which no other source sees, or,
 * where three or more were asked, one whose pairs all differ while those among the others agree.
 */
export function withoutLiars(observations: readonly Observation[]): Observation[] {
  const answered = observations.filter(({ observed }) => observed !== null);
  const suspects = addressesOf(answered.filter(({ trusted }) => !trusted));
  const liars = [...suspects].filter((address) => {
    const others = answered.filter(({ target }) => target.address !== address);
    const own = answered.filter(({ target }) => target.address === address);
    return seesAnotherAddress(own, others) || contradicts(answered, others);
  });
  return liars.length === 1 ? observations.filter(({ target }) => target.address !== liars[0]) : [...observations];
}

/** Others, who are to be believed together, agree on one address; this one has never seen it. */
function seesAnotherAddress(own: readonly Observation[], others: readonly Observation[]): boolean {
  const believable = others.some(({ trusted }) => trusted) || addressesOf(others).size >= 2;
  const addresses = new Set(others.map(({ observed }) => observed!.address));
  if (!believable || others.length < 3 || addresses.size !== 1) return false;
  return own.every(({ observed }) => !addresses.has(observed!.address));
}

function contradicts(all: readonly Observation[], others: readonly Observation[]): boolean {
  const count = (observations: readonly Observation[]) => {
    const pairs = { agree: 0, port: 0, address: 0 };
    for (const answers of bySocket(observations)) countPairs(answers, { agree: 0, port: 0, address: 0 }, pairs);
    return { agree: pairs.agree, differ: pairs.port + pairs.address };
  };
  const among = count(others);
  return among.agree >= 2 && among.differ === 0 && count(all).differ >= 2;
}
