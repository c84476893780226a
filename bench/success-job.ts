/** One world of the success benchmark: the real machines and, on the same two users, the plain punch. */
import { nodeCrypto } from '../src/node/index.ts';
import {
  type AccessKind,
  type Families,
  familiesOf,
  pairResult,
  pairUsers,
  plainPunch,
  type SceneOptions,
  type SimClassId,
} from '../src/sim/index.ts';
import { meetAndTalk } from './connection-population.ts';

/** One pair of classes, one world number. */
export interface Job {
  readonly left: SimClassId;
  readonly right: SimClassId;
  readonly n: number;
}

export interface JobResult {
  readonly job: Job;
  readonly leftAccess: AccessKind;
  readonly rightAccess: AccessKind;
  /** What the two have of the families of addresses. */
  readonly families: readonly [Families, Families];
  /** Directly, and after which time from the join; else the end of the run. */
  readonly connected: boolean;
  readonly elapsedMs: number;
  /** Until both games had data of each other, over whatever way; Infinity: never. */
  readonly dataMs: number;
  readonly attempts: number;
  /** Of the side that sent more. */
  readonly packets: number;
  readonly mappingsPeak: number;
  readonly plain: boolean;
  /** A check that failed or an exception, with the replay command; null = none. */
  readonly fault: string | null;
}

const ACCESS: readonly (readonly [AccessKind, AccessKind])[] = [
  ['home', 'home'],
  ['home', 'mobile'],
  ['mobile', 'home'],
  ['mobile', 'mobile'],
];

/** For all worlds of a run. `left`: the families of the first of the two, whatever is drawn; with `ipv6` only. */
export interface JobOptions extends Pick<SceneOptions, 'ipv6' | 'relay'> {
  readonly left?: Families;
}

/** The world number decides the access networks and which side joins, so that every cell has a quarter of each. */
export function runJob(
  job: Job,
  seed: string,
  limitMs: number,
  { left: leftFamilies, ...more }: JobOptions = {},
): JobResult {
  const [leftAccess, rightAccess] = ACCESS[job.n % ACCESS.length] as readonly [AccessKind, AccessKind];
  const swapped = Math.floor(job.n / ACCESS.length) % 2 === 1;
  const sides = {
    clientClass: swapped ? job.right : job.left,
    hostClass: swapped ? job.left : job.right,
    clientAccess: swapped ? rightAccess : leftAccess,
    hostAccess: swapped ? leftAccess : rightAccess,
  };
  const { clientClass, clientAccess, hostClass, hostAccess } = sides;
  const worldSeed = `${seed}-${job.left}-${job.right}-${job.n}`;
  const pair = `${clientClass}@${clientAccess},${hostClass}@${hostAccess}`;
  const replay = `sallyport sim --pair ${pair} --seed ${worldSeed} --timeout ${limitMs / 1000}`;
  const leftSide = swapped ? 'host' : 'client';
  const families = leftFamilies === undefined ? {} : { [leftSide]: leftFamilies };
  const options = { ...sides, seed: worldSeed, crypto: nodeCrypto, replay, families, ...more };
  const users = pairUsers(options);
  const plain = plainPunch(users.client, users.host, options.seed).connected;
  const has = swapped
    ? ([familiesOf(users.host), familiesOf(users.client)] as const)
    : ([familiesOf(users.client), familiesOf(users.host)] as const);
  const common = { job, leftAccess, rightAccess, families: has, plain };
  try {
    const { meeting, scene } = meetAndTalk(options, limitMs);
    const { dataMs, directMs } = meeting;
    const connected = directMs < Number.POSITIVE_INFINITY;
    const elapsedMs = connected ? directMs : limitMs;
    const { agreed, attempts, packets, mappingsPeak } = pairResult(scene, elapsedMs);
    const larger = Math.max(packets.client, packets.host);
    const fault = agreed ? null : `the client has a path and the host has none; ${replay}`;
    return { ...common, connected, elapsedMs, dataMs, attempts, packets: larger, mappingsPeak, fault };
  } catch (error) {
    const times = { elapsedMs: limitMs, dataMs: Number.POSITIVE_INFINITY };
    const nothing = { connected: false, ...times, attempts: 0, packets: 0, mappingsPeak: 0 };
    return { ...common, ...nothing, fault: `${error instanceof Error ? error.message : error}; ${replay}` };
  }
}
