/** One world of the success benchmark: the real machines and, on the same two users, the plain punch. */
import { nodeCrypto } from '../src/node/index.ts';
import { type AccessKind, pairUsers, plainPunch, runPair, type SimClassId } from '../src/sim/index.ts';

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
  readonly connected: boolean;
  readonly elapsedMs: number;
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

/** The world number decides the access networks and which side joins, so that every cell has a quarter of each. */
export function runJob(job: Job, seed: string, limitMs: number): JobResult {
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
  const options = { ...sides, seed: worldSeed, crypto: nodeCrypto, limitMs, replay };
  const users = pairUsers(options);
  const plain = plainPunch(users.client, users.host, options.seed).connected;
  const common = { job, leftAccess, rightAccess, plain };
  try {
    const { connected, agreed, elapsedMs, attempts, packets, mappingsPeak } = runPair(options);
    const larger = Math.max(packets.client, packets.host);
    const fault = agreed ? null : `the client has a path and the host has none; ${replay}`;
    return { ...common, connected, elapsedMs, attempts, packets: larger, mappingsPeak, fault };
  } catch (error) {
    const nothing = { connected: false, elapsedMs: limitMs, attempts: 0, packets: 0, mappingsPeak: 0 };
    return { ...common, ...nothing, fault: `${error instanceof Error ? error.message : error}; ${replay}` };
  }
}
