/** The story of the playground: each pair meets in the way of which its sentences tell, and the picture stands at what there is to see. */
import { expect, test } from 'vitest';
import { flightsOf, gateAt, momentOf, positionAt } from '../../src/web/playground/flight.ts';
import { CHAPTERS, type Chapter, tell } from '../../src/web/playground/story.ts';

const METHODS: Readonly<Record<Chapter, string | null>> = {
  home: 'known',
  counts: 'window',
  both: 'cross',
  random: 'birthday',
  shut: null,
};

test.each(CHAPTERS)('the chapter %s', (chapter) => {
  const done = tell(chapter);
  const attempt = done.events.find(({ event }) => event.ev === 'attempt')?.event;
  expect(attempt?.ev === 'attempt' ? attempt.plan.method : null).toBe(METHODS[chapter]);
  expect(done.connected).toBe(chapter !== 'shut');
  const joined = done.events.find(({ event }) => event.ev === 'stage')?.at ?? 0;
  const flights = flightsOf(done.lines, false);
  const moment = momentOf(flights, joined);
  const end = done.lines.at(-1)?.at ?? 0;
  expect(moment).toBeGreaterThan(joined);
  expect(moment).toBeLessThanOrEqual(end);
  expect(flights.filter((flight) => positionAt(flight, moment) !== null).length).toBeGreaterThan(0);
  // At the moment the way is not yet open on both sides; at the end it is, where the two meet.
  const open = (at: number): boolean =>
    gateAt(flights, 'client', at) === 'open' && gateAt(flights, 'host', at) === 'open';
  expect(open(moment)).toBe(false);
  expect(open(end)).toBe(done.connected);
});

test('where nothing gets out, the wall of the friend stays shut', () => {
  const done = tell('shut');
  const end = done.lines.at(-1)?.at ?? 0;
  expect(gateAt(flightsOf(done.lines, false), 'client', end)).toBe('shut');
});
