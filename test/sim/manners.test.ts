/** What others on the same line notice of a burst, with the real machines. */
import { expect, test } from 'vitest';
import { nodeCrypto } from '../../src/node/index.ts';
import { type PairScene, type PairSide, runPair } from '../../src/sim/index.ts';

/** So many probes in, a burst is under way that would last for more than 2 s. */
const BURST_BEGUN = 900;
/** security.md row 16. */
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
