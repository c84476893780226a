/** The short form of `npm run bench:streams`: what comes out of a stream is what went in, and a game beside it hardly feels it. */
import { expect, test } from 'vitest';
import type { Play } from '../../bench/connection-play.ts';
import { HAPPENINGS } from '../../bench/connection-rows.ts';
import { runStreamed } from '../../bench/streams-happenings.ts';
import { lineRow, ROWS } from '../../bench/streams-rows.ts';
import { runTransfer } from '../../bench/streams-transfers.ts';

test('transfers over lines that lose, overtake, repeat and change are exact to the byte', () => {
  let [bytes, resets, switches] = [0, 0, 0];
  for (let n = 0; n < 40; n++) {
    const transferred = runTransfer(`ci ${n}`);
    expect(transferred.wrong, transferred.seed).toBeNull();
    bytes += transferred.bytes;
    resets += transferred.resets;
    switches += transferred.switches;
  }
  expect(bytes).toBeGreaterThan(1_000_000);
  expect(resets).toBeGreaterThan(0);
  expect(switches).toBeGreaterThan(10);
});

test('a path that has become narrower than was measured carries on with small datagrams', () => {
  // Draws bodies of 1,440 bytes, which with their headers no Ethernet carries.
  const { wrong, elapsedMs } = runTransfer('1-972');
  expect(wrong).toBeNull();
  expect(elapsedMs).toBeLessThan(10_000);
});

test.each(ROWS)('$name', (row) => {
  const { megabits, gameP99Ms } = lineRow({ ...row, seconds: 12 }, 'ci');
  expect(megabits).toBeGreaterThanOrEqual(row.megabitsMin);
  expect(gameP99Ms).toBeLessThanOrEqual(row.gameP99MsMax);
});

const KILLED = HAPPENINGS.filter(({ name }) => name.includes('killed'));

test.each(HAPPENINGS.filter((one) => !KILLED.includes(one)))('a stream each way goes on: $name', (happening) => {
  expect(runStreamed(happening, 'ci')).toEqual({ exact: true, resets: [] });
});

test.each(KILLED)('a connection in place of the former one begins without streams: $name', (happening) => {
  const { exact, resets } = runStreamed(happening, 'ci');
  expect({ exact, resets }).toEqual({ exact: false, resets: ['client: lost'] });
});

test('a stream on which nothing is said for hours goes on, as TCP’s does', () => {
  const nothing = { relay: false, happen: () => {} };
  expect(runStreamed(nothing, 'ci', 2 * 3_600_000)).toEqual({ exact: true, resets: [] });
});

test('where the other side vanishes without a word, both ends of a stream hear that it is lost', () => {
  const vanishes = { relay: true, happen: ({ scene }: Play) => scene.world.internet.obstruct(() => true) };
  const { exact, resets } = runStreamed(vanishes, 'ci');
  expect(exact).toBe(false);
  expect(resets.toSorted()).toEqual(['client: lost', 'host: lost']);
});
