/**
 * Worlds in which something goes wrong while two people join: every pair that can connect does, once the fault has passed.
 * FAULT_WORLDS=10000 is the long run; CHECK_WORLDS that of the checkers over the whole population. FAULT_SEED replays from there.
 */
import { expect, test } from 'vitest';
import { type CheckedWorld, checkedWorld, faultWorld } from '../../bench/checked-job.ts';
import { nodeCrypto } from '../../src/node/index.ts';
import { runPair, STANDARD_CHECKS } from '../../src/sim/index.ts';

const FIRST = Number(process.env.FAULT_SEED ?? 0);
const WORLDS = Number(process.env.FAULT_WORLDS ?? 190);
const CHECKED = Number(process.env.CHECK_WORLDS ?? 120);

function broken(worlds: readonly CheckedWorld[]): readonly string[] {
  return worlds.flatMap(({ what, found }) => (found === null ? [] : [`${what}: ${found}`]));
}

/**
 * Worlds in which pairs never met, before: a host whose session at the master was new, was away, or had moved; a socket of a second
 * attempt that its NAT gave another address of a pool than the one that may be probed.
 */
const FOUND: readonly (readonly [number, string])[] = [
  [141, 'one-way black hole'],
  [220, 'new public address'],
  [423, 'delay to 5 s'],
  [670, 'delay to 5 s'],
  [771, 'new public address'],
  [788, 'black hole'],
  [700_205, 'stall of a peer'],
];

test(`${WORLDS} worlds with a fault each: who can connect does once it has passed, and no packet breaks a rule`, {
  timeout: 50_000 + 600 * WORLDS,
}, () => {
  const found = FOUND.map(([n, name]) => faultWorld(n, name));
  expect(broken([...found, ...Array.from({ length: WORLDS }, (_, n) => faultWorld(FIRST + n))])).toEqual([]);
});

test('a host whose answer is told again and again has stopped telling it when its socket is replaced', () => {
  // Each ended in a datagram from a closed socket.
  for (const seed of ['crash 20', 'crash 50', 'crash 55', 'crash 59']) {
    const users = { clientClass: 'S4', hostClass: 'S1', seed, crypto: nodeCrypto } as const;
    const { world } = runPair({ ...users, limitMs: 12_000, lines: { lossRate: 0.3 }, trace: true });
    world.check(...STANDARD_CHECKS);
  }
});

/**
 * A new address while another life of a mapping is measured; a path that falls silent and answers again; one that is lost for long;
 * a client that has said to the master that it has its path when the host's answer comes there again.
 */
const CHECKED_FOUND: readonly number[] = [302_451, 306_671, 306_615, 502_308];

test(`${CHECKED} pairs of the population: no packet to an unproven address, no amplification, no rate above the budget`, {
  timeout: 50_000 + 600 * CHECKED,
}, () => {
  const all = [...CHECKED_FOUND, ...Array.from({ length: CHECKED }, (_, n) => FIRST + n)];
  expect(broken(all.map(checkedWorld))).toEqual([]);
});
