/** What others on the same line notice of a burst, with the real machines. */
import { expect, test } from 'vitest';
import { nodeCrypto } from '../../src/node/index.ts';
import {
  mappingBudget,
  NATS,
  type NatBehaviour,
  type PairScene,
  type PairSide,
  PORTS_ALL,
  runPair,
  type SimClassId,
  type SimUser,
} from '../../src/sim/index.ts';

/** So many probes in, a burst is under way that would last for more than 2 s. */
const BURST_BEGUN = 900;
/** SECURITY.md row 16. */
const BACK_OFF_MS = 2_000;
const REST_MS = 5_000;

/** Probes of one side by time, after its line has gone dead in the midst of a burst. */
function probesAfterDeath(side: PairSide, seed: string): number[] {
  const times: number[] = [];
  let sent = 0;
  let diedAt = Number.POSITIVE_INFINITY;
  const onJoin = ({ world, peers }: PairScene): void => {
    const box = world.gateways.find(({ name, behind }) => name.startsWith(`${side}.nat`) && behind === null)!;
    const servers = world.hosts.filter(({ server }) => server).flatMap(({ addresses }) => addresses);
    world.watch(({ at, where, packet }) => {
      if (where !== peers[side].place.name || servers.includes(packet.to.address)) return;
      if (at > diedAt) times.push(at - diedAt);
      if (++sent !== BURST_BEGUN) return;
      diedAt = at;
      for (const link of [box.outer.up, box.outer.down]) link.change({ blackHole: true });
    }, 'sent');
  };
  const users = { clientClass: 'S4', hostClass: 'S4', seed, crypto: nodeCrypto } as const;
  runPair({ ...users, limitMs: 40_000, onJoin });
  expect(diedAt, `${side}, ${seed}: there was no burst`).toBeLessThan(Number.POSITIVE_INFINITY);
  return times;
}

test('a burst on a line that has gone dead stops within 2 s, and rests', () => {
  for (const side of ['client', 'host'] as const) {
    for (const seed of ['a', 'b', 'c']) {
      const times = probesAfterDeath(side, seed);
      expect(times.length, 'it had not stopped anyway').toBeGreaterThan(20);
      expect(times.filter((ms) => ms > BACK_OFF_MS && ms < REST_MS)).toEqual([]);
    }
  }
});

const APDM = { mapping: 'address-and-port', filtering: 'address-and-port' } as const;
const kept = (unrepliedMs: number) => ({ timeouts: { unrepliedMs, establishedMs: 200_000 } });
const full = (unrepliedMs: number): NatBehaviour => ({
  ...APDM,
  ...kept(unrepliedMs),
  allocation: { random: PORTS_ALL },
});
const block = (size: number, unrepliedMs: number): NatBehaviour => ({
  ...APDM,
  ...kept(unrepliedMs),
  allocation: { block: { size, order: 'random', blocksMax: 1 } },
});

function behind(id: SimClassId, ...boxes: readonly NatBehaviour[]): SimUser {
  const line = { delayMs: 10, jitterMs: 1, lossRate: 0, coreRouters: 3, ownRouters: 0 };
  return { class: id, access: 'home', chain: boxes.map((nat) => ({ nat, routers: 1 })), exposed: false, ...line };
}

/** Sockets of the link, of detection and of the attempts before, beside a birthday: as the checked worlds are held to. */
const OTHERS = 128;
/** Two lives of the longest, and what finding it out takes. */
const WATCHED_MS = 290_000;

// Both draw from all ports and do not meet: mappings are replaced until the end.
test.each([
  ['forgets soon', [full(30_000)], 1_536, 10_000],
  ['keeps unanswered mappings for a minute', [full(60_000)], 1_536, 4_500],
  ['keeps unanswered mappings for two minutes', [full(120_000)], 1_536, 3_000],
  ['lies behind a router that keeps them for longer', [NATS.linux, block(4_096, 10_000)], 1_536, 9_000],
  ['has a block and keeps them for two minutes', [block(1_024, 120_000)], 512, 1_000],
] as const)('mappings are replaced and stay below the cap where a NAT %s', (_name, boxes, cap, madeMin) => {
  const users = { client: behind('S4', ...boxes), host: behind('S4', full(30_000)) };
  const options = { clientClass: 'S4', hostClass: 'S4', seed: 'cap', crypto: nodeCrypto, limitMs: WATCHED_MS } as const;
  const { connected, world } = runPair({ ...options, users });
  expect(connected).toBe(false);
  expect(mappingBudget(1_536 + OTHERS)(world)).toBeNull();
  const stats = world.gateways.filter(({ name }) => name.startsWith('client')).map(({ nat }) => nat.stats(world.now));
  expect(Math.max(...stats.map(({ mappingsPeak }) => mappingsPeak))).toBeLessThanOrEqual(cap + OTHERS);
  expect(Math.min(...stats.map(({ mappingsMade }) => mappingsMade))).toBeGreaterThan(madeMin);
});

test('two boxes side by side that keep the local port, taken for one that draws, hold no more than the cap', () => {
  const sides = { clientClass: 'P2', clientAccess: 'mobile', hostClass: 'S2', hostAccess: 'home' } as const;
  const { connected, mappingsPeak } = runPair({ ...sides, seed: '1-P2-S2-70', crypto: nodeCrypto, limitMs: 90_000 });
  expect(connected, 'there was no birthday').toBe(false);
  expect(mappingsPeak).toBeGreaterThan(1_000);
  expect(mappingsPeak).toBeLessThanOrEqual(1_536 + OTHERS);
});
