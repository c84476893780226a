/**
 * Worlds in which something goes wrong while two people join: every pair that can connect does, once the fault has passed.
 * FAULT_WORLDS=10000 is the long run; CHECK_WORLDS that of the checkers over the whole population. FAULT_SEED replays from there.
 */
import { expect, test } from 'vitest';
import { nodeCrypto } from '../../src/node/index.ts';
import {
  type AccessKind,
  drawClass,
  type PairScene,
  packetRate,
  runPair,
  type SimClassId,
  type SimRandom,
  STANDARD_CHECKS,
  simRandom,
} from '../../src/sim/index.ts';
import { FAULTS } from './faults.ts';

const FIRST = Number(process.env.FAULT_SEED ?? 0);
const WORLDS = Number(process.env.FAULT_WORLDS ?? 190);
const CHECKED = Number(process.env.CHECK_WORLDS ?? 120);

/** Pairs that a second or two suffice for; what is hard without any fault says nothing about faults. */
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

/** Longer than a first birthday of two rounds and the beginning of the second. */
const CHECKED_MS = 25_000;
/** A birthday goes at 400/s, the burst of a prediction at 300 at once; answers to valid probes come on top. */
const PACKETS_PER_SECOND_MAX = 700;

interface Outcome {
  readonly name: string;
  readonly seed: string;
  readonly fault: string | null;
}

function faultWorld(n: number): Outcome {
  const names = Object.keys(FAULTS);
  const name = names[n % names.length]!;
  const seed = `fault ${n}`;
  const random = simRandom(seed);
  const [clientClass, hostClass] = random.pick(PAIRS);
  let passedAt = 0;
  const onJoin = (scene: PairScene): void => begin(scene, name, random, (at) => (passedAt = at));
  const limitMs = BEGIN_MS + LAST_MS + RECOVERY_MS;
  const users = { clientClass, hostClass, seed, crypto: nodeCrypto };
  const result = runPair({ ...users, limitMs, joinsMax: JOINS_MAX, agreeMs: limitMs, trace: true, onJoin });
  const late = result.connected && result.elapsedMs - passedAt > RECOVERY_MS;
  const checks = STANDARD_CHECKS.map((check) => check(result.world)).filter((found) => found !== null);
  const fault =
    !result.connected || late ? `no path, ${result.attempts} attempts, ${result.method}` : (checks[0] ?? null);
  return { name, seed: `${seed}: ${clientClass} joins ${hostClass}, ${name}`, fault };
}

/** One join of two people as they come; whether they meet is the benchmark's question. */
function checkedWorld(n: number): string | null {
  const seed = `checked ${n}`;
  const random = simRandom(seed);
  const [clientAccess, hostAccess] = [0, 1].map(() => random.pick(['home', 'mobile'] as const)) as [
    AccessKind,
    AccessKind,
  ];
  const [clientClass, hostClass] = [drawClass(clientAccess, random, false), drawClass(hostAccess, random, false)];
  const { world } = runPair({
    ...{ clientClass, hostClass, clientAccess, hostAccess, seed, crypto: nodeCrypto, limitMs: CHECKED_MS, trace: true },
  });
  const found = [...STANDARD_CHECKS, packetRate(PACKETS_PER_SECOND_MAX, 1_000)].map((check) => check(world));
  const first = found.find((one) => one !== null);
  return first === undefined ? null : `${seed}, ${clientClass} joins ${hostClass}: ${first}`;
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

/** Worlds in which pairs never met, before: a host whose session at the master was new, was away, or had moved. */
const FOUND = [141, 220, 423, 670, 771, 788];

test(`${WORLDS} worlds with a fault each: who can connect does once it has passed, and no packet breaks a rule`, {
  timeout: 50_000 + 600 * WORLDS,
}, () => {
  const numbers = [...FOUND, ...Array.from({ length: WORLDS }, (_, n) => FIRST + n)];
  const outcomes = numbers.map(faultWorld);
  const failed = outcomes.filter(({ fault }) => fault !== null);
  expect(failed.map(({ seed, fault }) => `${seed}: ${fault}`)).toEqual([]);
});

test('a host whose answer is told again and again has stopped telling it when its socket is replaced', () => {
  // Each ended in a datagram from a closed socket.
  for (const seed of ['crash 20', 'crash 50', 'crash 55', 'crash 59']) {
    const users = { clientClass: 'S4', hostClass: 'S1', seed, crypto: nodeCrypto } as const;
    const { world } = runPair({ ...users, limitMs: 12_000, lines: { lossRate: 0.3 }, trace: true });
    world.check(...STANDARD_CHECKS);
  }
});

test(`${CHECKED} pairs of the population: no packet to an unproven address, no amplification, no rate above the budget`, {
  timeout: 50_000 + 600 * CHECKED,
}, () => {
  const found = Array.from({ length: CHECKED }, (_, n) => checkedWorld(FIRST + n)).filter((one) => one !== null);
  expect(found).toEqual([]);
});
