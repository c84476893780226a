/** The short form of `npm run bench:connection`: what a game feels of what happens to its connection. */
import { expect, test } from 'vitest';
import { HAPPENINGS, runHappening, runSwitch, SWITCHES } from '../../bench/connection-rows.ts';

test.each(HAPPENINGS)('the game goes on: $name', (happening) => {
  const { gapMs, twice } = runHappening({ ...happening, spanMs: 10_000 }, 'ci');
  expect(gapMs, `npm run bench:connection -- --only '${happening.name}'`).toBeLessThanOrEqual(happening.worstMs);
  expect(twice).toBe(0);
});

test.each(SWITCHES.map(({ name }, row) => ({ name, row })))(
  'the game loses nothing and gets nothing twice while its way changes: $name',
  ({ name, row }) => {
    for (let n = 0; n < 5; n++) {
      const { switched, lost, twice, lateMs } = runSwitch(row, `ci ${n}`);
      const replay = `npm run bench:connection -- --only '${name}'`;
      expect({ switched, lost, twice }, replay).toEqual({ switched: true, lost: 0, twice: 0 });
      expect(lateMs, replay).toBeLessThanOrEqual(40);
    }
  },
);

test('a friend who knocks anew while its way by the relay is sick keeps its connection', () => {
  const row = HAPPENINGS.find(({ name }) => name === "the friend's NAT has a new address, by relay")!;
  const gaps = Array.from({ length: 12 }, (_, n) => runHappening({ ...row, spanMs: 10_000 }, `relay ${n}`).gapMs);
  expect(Math.max(...gaps), gaps.join(' ')).toBeLessThanOrEqual(row.worstMs);
});
