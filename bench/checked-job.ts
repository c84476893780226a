/**
 * Worlds whose every packet is checked: people as they come, a part of them with something going wrong meanwhile, and pairs that
 * could do without a fault and must meet once it has passed.
 */
import { nodeCrypto } from '../src/node/index.ts';
import {
  type AccessKind,
  drawClass,
  FAULTS,
  fewSocketsAfterPath,
  mappingBudget,
  type PairScene,
  packetRate,
  runPair,
  type SimClassId,
  type SimRandom,
  STANDARD_CHECKS,
  simRandom,
  type WorldCheck,
} from '../src/sim/index.ts';

export interface CheckedWorld {
  /** The pair and what went wrong with it. */
  readonly what: string;
  readonly connected: boolean;
  /** The check that failed, or the exception; null = all is well. */
  readonly found: string | null;
}

/** Longer than a first birthday of two rounds and the beginning of the second. */
const CHECKED_MS = 25_000;
/** A birthday goes at 400/s, the burst of a prediction at 300 at once; answers to valid probes come on top. */
const PACKETS_PER_SECOND_MAX = 700;
/** The depth of a birthday and what 100/s add to it in the time; answers to valid probes come on top. */
const PACKETS_PER_RUN_MAX = 2_048 + (100 * CHECKED_MS) / 1_000 + 200;
/**
 * Live mappings: a birthday's 1536, detection before it (about 50) and the links to master and sources. Worlds with a NAT that loses
 * all mappings are not held to it: the program takes that for a short life of mappings, and opens new ones while it counts old ones as dead.
 */
const MAPPINGS_MAX = 1_536 + 128;
/**
 * So long after the path all sockets but a few must have been closed. A fault may have a new detection begin beside the measure of
 * a mapping's life, or a path fall silent, which is punched anew until it answers again or its consent is over (30 s, RFC 7675).
 */
const SETTLE_MS = 1_000;
const SETTLE_AFTER_FAULT_MS = 35_000;
/** Control and path; about a dozen of detection, and the ten with which it measures how long a mapping lives. */
const SOCKETS_AFTER_PATH = 32;

const CHECKS: readonly WorldCheck[] = [
  ...STANDARD_CHECKS,
  packetRate(PACKETS_PER_SECOND_MAX, 1_000),
  packetRate(PACKETS_PER_RUN_MAX, CHECKED_MS),
];
const FORGETFUL: readonly string[] = ['NAT reboot', 'new public address'];

/** Pairs that meet within a second or two without a fault, so that one that fails fails because of the fault. */
const PAIRS: readonly (readonly [SimClassId, SimClassId])[] = [
  ['P3', 'P3'],
  ['P1', 'P5'],
  ['P4', 'P3'],
  ['P2', 'P4'],
  ['P3', 'S2'],
  ['P5', 'P3'],
  ['S2', 'P3'],
  ['P3', 'S5'],
];
/** The fault begins so soon after the join, and passes so long after that. */
const BEGIN_MS = 1_500;
const LAST_MS = 15_000;
/** From the end of the fault to the path: a birthday rests, a mapping that was poisoned dies, an address is proven anew. */
const RECOVERY_MS = 120_000;
/** A join may end because the master is away or the host is not listed; people try again. */
const JOINS_MAX = 20;
/** One world in so many of the population has a fault. */
const FAULT_EVERY = 4;

function nameOf(n: number): string {
  const names = Object.keys(FAULTS);
  return names[n % names.length]!;
}

function begin(scene: PairScene, name: string, random: SimRandom, passed: (at: number) => void): void {
  const { world } = scene;
  const joinedAt = world.now;
  const ms = random.int(200, LAST_MS);
  world.after(random.int(0, BEGIN_MS), () => {
    const end = FAULTS[name]!(scene, random, ms);
    world.after(ms, () => {
      end();
      passed(world.now - joinedAt);
    });
  });
}

/** Two people with a fault between them: there is a path within two minutes of its end, and no packet breaks a rule. */
export function faultWorld(n: number, name = nameOf(n)): CheckedWorld {
  const seed = `fault ${n}`;
  const random = simRandom(seed);
  const [clientClass, hostClass] = random.pick(PAIRS);
  let passedAt = 0;
  const onJoin = (scene: PairScene): void => begin(scene, name, random, (at) => (passedAt = at));
  const limitMs = BEGIN_MS + LAST_MS + RECOVERY_MS;
  const users = { clientClass, hostClass, seed, crypto: nodeCrypto };
  return checked(`${seed}: ${clientClass} joins ${hostClass}, ${name}`, () => {
    const result = runPair({ ...users, limitMs, joinsMax: JOINS_MAX, agreeMs: limitMs, trace: true, onJoin });
    const late = result.connected && result.elapsedMs - passedAt > RECOVERY_MS;
    const { connected, attempts, method, world } = result;
    if (!connected || late) return { connected, found: `no path, ${attempts} attempts, ${method}` };
    return { connected, found: STANDARD_CHECKS.map((check) => check(world)).find((one) => one !== null) ?? null };
  });
}

/** One join of two people as they come; whether they meet is the success benchmark's question. */
export function checkedWorld(n: number): CheckedWorld {
  const seed = `checked ${n}`;
  const random = simRandom(seed);
  const [clientAccess, hostAccess] = [0, 1].map(() => random.pick(['home', 'mobile'] as const)) as [
    AccessKind,
    AccessKind,
  ];
  const [clientClass, hostClass] = [drawClass(clientAccess, random, false), drawClass(hostAccess, random, false)];
  const faulty = n % FAULT_EVERY === FAULT_EVERY - 1;
  const name = faulty ? nameOf(Math.floor(n / FAULT_EVERY)) : 'no fault';
  const onJoin = (scene: PairScene): void => {
    if (faulty) begin(scene, name, random, () => {});
  };
  const users = { clientClass, hostClass, clientAccess, hostAccess, seed, crypto: nodeCrypto };
  // One side may have its path just when the line goes dead; the other side learns of it when the line is back.
  const agreeMs = faulty ? LAST_MS + RECOVERY_MS : undefined;
  return checked(`${seed}: ${clientClass} joins ${hostClass}, ${name}`, () => {
    const { connected, world } = runPair({
      ...{ ...users, limitMs: CHECKED_MS, trace: true, onJoin },
      ...(agreeMs === undefined ? {} : { agreeMs }),
    });
    const checks = FORGETFUL.includes(name) ? CHECKS : [...CHECKS, mappingBudget(MAPPINGS_MAX)];
    const found = checks.map((check) => check(world)).find((one) => one !== null) ?? null;
    if (found !== null) return { connected, found };
    world.run(SETTLE_MS);
    const few = fewSocketsAfterPath(SOCKETS_AFTER_PATH);
    if (faulty) world.runUntil(() => few(world) === null, { limitMs: SETTLE_AFTER_FAULT_MS });
    return { connected, found: few(world) };
  });
}

function checked(what: string, run: () => Omit<CheckedWorld, 'what'>): CheckedWorld {
  try {
    return { what, ...run() };
  } catch (error) {
    return { what, connected: false, found: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
