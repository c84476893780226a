/** The masterserver's real store on the simulator's disk; ten thousand such lives are `npm run bench:store`. */
import { expect, test } from 'vitest';
import { SimRecordFile } from '../../bench/store-disk.ts';
import { storeWorld } from '../../bench/store-world.ts';
import { createStore } from '../../src/master/index.ts';
import { SimDisk, simRandom } from '../../src/sim/index.ts';

const WORLDS = 100;

test(`nothing told is lost without being said: ${WORLDS} lives with kills at any write, power cuts, damage and full disks`, () => {
  let [crashes, lost] = [0, 0];
  for (let seed = 0; seed < WORLDS; seed += 1) {
    const world = storeWorld(seed);
    expect(world.fault, `npm run bench:store -- --worlds 1 --first ${seed}`).toBeNull();
    crashes += world.crashes;
    lost += world.lost;
  }
  // The rule would hold for a disk on which nothing happens, too.
  expect(crashes).toBe(4 * WORLDS);
  expect(lost).toBeGreaterThan(WORLDS);
});

test.each([
  [553, 'an empty reading must not be taken for a nearer one'],
  [727, 'a setting that a full disk delayed is checkpointed when it is written'],
  [1240, 'store and mark both gone'],
])('world %i: %s', (seed) => {
  expect(storeWorld(seed).fault).toBeNull();
});

test('a slow disk takes a twentieth of the time at most, and a ban is on it all the same', () => {
  const disk = new SimDisk(simRandom('slow'));
  let now = 1_700_000_000_000;
  const began = now;
  const record = new SimRecordFile(disk);
  const store = createStore({
    file: record,
    wallClock: () => now,
    clock: () => disk.busyMs,
    onProblem: (problem) => expect.unreachable(problem),
  });
  disk.syncMs = 200;
  const before = disk.busyMs;
  for (let i = 0; i < 3_000; i += 1) {
    now += 100;
    if (i % 2 === 0) store.holdName({ skeleton: `n${i % 500}`, hostKey: `k${i}`, seenAt: now, network: '203.0.113' });
    if (i % 10 === 0) store.tick();
  }
  const spent = (disk.busyMs - before) / (now - began);
  expect(spent).toBeGreaterThan(0.01);
  expect(spent).toBeLessThan(0.06);
  store.addBan({ kind: 'name', pattern: 'p', label: '', scope: 'ban', reason: '', createdAt: now, expiresAt: null });
  disk.restart('power');
  disk.cut('log', null);
  const said: string[] = [];
  const again = createStore({
    file: new SimRecordFile(disk),
    wallClock: () => now,
    clock: () => disk.busyMs,
    onProblem: (problem) => said.push(problem),
  });
  expect(again.bans()).toHaveLength(1);
  expect(said.join()).toMatch(/may be missing/);
});

test('what a full disk did not take is written by itself when there is room again, and a kill then takes nothing', () => {
  const disk = new SimDisk(simRandom('full'));
  let now = 1_700_000_000_000;
  const said: string[] = [];
  const open = () =>
    createStore({
      file: new SimRecordFile(disk),
      wallClock: () => now,
      clock: () => disk.busyMs,
      onProblem: (problem) => said.push(problem),
    });
  const store = open();
  disk.capacityBytes = 0;
  store.addBan({ kind: 'name', pattern: 'p', label: '', scope: 'ban', reason: '', createdAt: now, expiresAt: null });
  store.saveCode(now, { code: 'C', hostKey: new Uint8Array(32) });
  expect(store.unwritten()).toMatch(/ENOSPC/);
  expect(said).toHaveLength(1);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  now += 5_000;
  store.tick();
  expect([store.unwritten(), store.problem()]).toEqual([null, null]);
  disk.restart('kill');
  const again = open();
  expect([again.bans().length, again.codes().length]).toEqual([1, 1]);
  expect(said).toHaveLength(1);
});
