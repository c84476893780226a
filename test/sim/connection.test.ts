/** The short form of `npm run bench:connection`: what a game feels of what happens to its connection. */
import { expect, test } from 'vitest';
import { HAPPENINGS, runHappening, runSwitch } from '../../bench/connection-rows.ts';

test.each(HAPPENINGS)('the game goes on: $name', (happening) => {
  const { gapMs, twice } = runHappening({ ...happening, spanMs: 10_000 }, 'ci');
  expect(gapMs, `npm run bench:connection -- --only '${happening.name}'`).toBeLessThanOrEqual(happening.worstMs);
  expect(twice).toBe(0);
});

test('from a relay to the direct path the game loses nothing and gets nothing twice', () => {
  for (let n = 0; n < 5; n++) {
    const { switched, lost, twice, lateMs } = runSwitch(`ci ${n}`);
    expect({ switched, lost, twice }).toEqual({ switched: true, lost: 0, twice: 0 });
    expect(lateMs).toBeLessThanOrEqual(40);
  }
});
