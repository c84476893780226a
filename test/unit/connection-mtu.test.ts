import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CONNECTION_LIMITS } from '../../src/core/index.ts';
import { MTU_PHASES, type MtuState, mtuSearchMax, PathMtu } from '../../src/core/testing.ts';

const { mtuBaseBytes, mtuStepBytes, mtuTriesMax, mtuConfirmMs, mtuRaiseMs } = CONNECTION_LIMITS;

/** A way that carries so much, as seen by whoever asks over it. */
interface Way {
  carries: number;
  readonly rttMs: number;
  readonly lossRate: number;
  readonly random: () => number;
}

interface Ran {
  readonly asked: { readonly at: number; readonly size: number }[];
  readonly answers: { readonly at: number; readonly size: number }[];
  now: number;
}

/** Asks whenever a question is due, until `untilMs`; the application sends `sends` bytes, or less where the path takes less. */
function run(mtu: PathMtu, way: Way, ran: Ran, untilMs: number, sends = 0): void {
  const { answers } = ran;
  for (; ran.now <= untilMs; ran.now += 50) {
    while (answers[0] !== undefined && answers[0].at <= ran.now) mtu.answered(ran.now, answers.shift()!.size);
    mtu.sent(Math.min(sends, mtu.bytes));
    const size = mtu.probeDue(ran.now);
    if (size === null) continue;
    ran.asked.push({ at: ran.now, size });
    if (size <= way.carries && way.random() >= way.lossRate) answers.push({ at: ran.now + way.rttMs, size });
  }
}

const clear = (carries: number, rttMs = 40): Way => ({ carries, rttMs, lossRate: 0, random: () => 1 });
const begun = (): Ran => ({ asked: [], answers: [], now: 0 });

test('a path that carries the largest size is known after one question', () => {
  const mtu = new PathMtu(0, 1_472);
  const ran = begun();
  expect(mtu.bytes).toBe(mtuBaseBytes);
  run(mtu, clear(9_000), ran, 60_000);
  expect(mtu.bytes).toBe(1_472);
  expect(ran.asked.map(({ size }) => size)).toEqual([1_472]);
  expect(mtu.state).toBe('complete');
});

test('whatever a path carries is found to 8 bytes, and more is never believed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_200, max: 1_500 }), fc.constantFrom(1_200, 1_452, 1_472), (carries, max) => {
      const mtu = new PathMtu(0, max);
      const ran = begun();
      run(mtu, clear(carries), ran, 60_000);
      const best = Math.min(carries, max);
      expect(mtu.state).toBe('complete');
      expect(mtu.bytes).toBeLessThanOrEqual(best);
      expect(mtu.bytes).toBeGreaterThan(best - mtuStepBytes);
      expect(ran.asked.every(({ size }) => size > mtuBaseBytes && size <= max)).toBe(true);
      expect(ran.asked.length, 'six steps of three questions').toBeLessThanOrEqual(6 * mtuTriesMax + 6);
    }),
  );
});

test('a size is given up after three questions, and confirmed by one answer', () => {
  const mtu = new PathMtu(0, 1_472);
  const ran = begun();
  run(mtu, clear(1_300), ran, 60_000);
  for (const size of new Set(ran.asked.map((one) => one.size))) {
    expect(ran.asked.filter((one) => one.size === size)).toHaveLength(size > 1_300 ? mtuTriesMax : 1);
  }
});

test('loss and long lines make it slower, never wrong', () => {
  const odds = fc.infiniteStream(fc.nat(999));
  const rtt = fc.constantFrom(5, 300, 900, 1_600);
  fc.assert(
    fc.property(fc.integer({ min: 1_200, max: 1_500 }), rtt, odds, (carries, rttMs, stream) => {
      const mtu = new PathMtu(0, 1_472);
      const ran = begun();
      const random = (): number => (stream.next().value as number) / 1_000;
      run(mtu, { carries, rttMs, lossRate: 0.1, random }, ran, 120_000, 1_400);
      expect(mtu.bytes).toBeGreaterThanOrEqual(mtuBaseBytes);
      expect(mtu.bytes).toBeLessThanOrEqual(Math.max(mtuBaseBytes, carries));
      expect(ran.asked.length).toBeLessThan(150);
    }),
  );
});

test('a black hole is noticed within 17 s of large datagrams, and only sizes that pass are used afterwards', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_200, max: 1_440 }), fc.integer({ min: 0, max: 40_000 }), (narrower, after) => {
      const mtu = new PathMtu(0, 1_472);
      const ran = begun();
      const way = clear(1_472);
      run(mtu, way, ran, 5_000 + after, 1_472);
      expect(mtu.bytes).toBe(1_472);
      way.carries = narrower;
      const holeAt = ran.now;
      while (mtu.bytes > narrower && ran.now < holeAt + 60_000) run(mtu, way, ran, ran.now + 50, 1_472);
      expect(ran.now - holeAt).toBeLessThan(17_000);
      for (let n = 0; n < 600; n++) {
        run(mtu, way, ran, ran.now + 50, 1_472);
        expect(mtu.bytes).toBeLessThanOrEqual(narrower);
      }
      expect(mtu.bytes).toBeGreaterThan(narrower - mtuStepBytes);
    }),
    { numRuns: 30 },
  );
});

test('a path on which nothing comes back any more is asked about its size thirty times, not for ever', () => {
  const mtu = new PathMtu(0, 1_472);
  const ran = begun();
  run(mtu, clear(1_472), ran, 1_000, 1_472);
  run(mtu, clear(0), ran, 300_000, 1_472);
  expect([mtu.bytes, mtu.state]).toEqual([mtuBaseBytes, 'complete']);
  expect(ran.asked.length).toBeLessThan(30);
});

test('one lost confirmation costs two seconds of small datagrams, not the size', () => {
  const mtu = new PathMtu(0, 1_472);
  const ran = begun();
  let losses = 0;
  const way = { ...clear(1_472), lossRate: 0.5, random: () => (losses-- > 0 ? 0 : 1) };
  run(mtu, way, ran, 1_000, 1_472);
  losses = 1;
  while (ran.asked.length < 2 && ran.now < 60_000) run(mtu, way, ran, ran.now, 1_472);
  expect(ran.now).toBeGreaterThan(mtuConfirmMs);
  run(mtu, way, ran, ran.now + 800, 1_472);
  expect([mtu.state, mtu.bytes], 'asked, and not yet late').toEqual(['complete', 1_472]);
  run(mtu, way, ran, ran.now + 300, 1_472);
  expect([mtu.state, mtu.bytes]).toEqual(['doubted', mtuBaseBytes]);
  run(mtu, way, ran, ran.now + 900, 1_472);
  expect([mtu.state, mtu.bytes]).toEqual(['complete', 1_472]);
});

test('small datagrams need no confirmation; large ones one each 15 s', () => {
  const mtu = new PathMtu(0, 1_472);
  const ran = begun();
  run(mtu, clear(1_472), ran, 300_000, 1_200);
  expect(ran.asked).toHaveLength(1);
  run(mtu, clear(1_472), ran, 600_000, 1_201);
  expect(ran.asked.length - 1).toBeGreaterThanOrEqual(19);
  expect(ran.asked.length - 1).toBeLessThanOrEqual(21);
  const { length } = ran.asked;
  run(mtu, clear(1_472), ran, 900_000, 1_200);
  expect(ran.asked.length - length).toBeLessThanOrEqual(1);
});

test('a path that has become wider is found out ten minutes later', () => {
  const mtu = new PathMtu(0, 1_472);
  const ran = begun();
  const way = clear(1_300);
  run(mtu, way, ran, 60_000);
  const { length } = ran.asked;
  way.carries = 1_472;
  run(mtu, way, ran, mtuRaiseMs - 1_000);
  expect(ran.asked).toHaveLength(length);
  run(mtu, way, ran, mtuRaiseMs + 60_000);
  expect(mtu.bytes).toBe(1_472);
});

test('a changed way counts as 1,200 at once, and its old size is asked about first', () => {
  const mtu = new PathMtu(0, 1_472);
  const ran = begun();
  run(mtu, clear(1_472), ran, 1_000);
  mtu.suspect(ran.now);
  expect(mtu.bytes).toBe(mtuBaseBytes);
  mtu.answered(ran.now, 1_472);
  expect(mtu.bytes, 'an answer to a question from before').toBe(mtuBaseBytes);
  run(mtu, clear(1_472), ran, 2_000);
  expect(mtu.bytes).toBe(1_472);
  expect(ran.asked.map(({ size }) => size)).toEqual([1_472, 1_472]);
});

test('a changed way may carry less, more, or be limited by its interface', () => {
  const mtu = new PathMtu(0, 1_372);
  const ran = begun();
  run(mtu, clear(1_472), ran, 1_000);
  expect(mtu.bytes).toBe(1_372);
  mtu.suspect(ran.now, 1_472);
  run(mtu, clear(1_472), ran, 10_000);
  expect(mtu.bytes).toBe(1_472);
  mtu.suspect(ran.now, 1_232);
  const before = ran.asked.length;
  run(mtu, clear(1_472), ran, 20_000);
  expect(mtu.bytes).toBe(1_232);
  expect(ran.asked.slice(before).map(({ size }) => size)).toEqual([1_232]);
  mtu.suspect(ran.now, 900);
  run(mtu, clear(1_472), ran, 30_000);
  expect([mtu.bytes, mtu.state], 'the base is sure').toEqual([mtuBaseBytes, 'complete']);
});

test('who knows sooner that a question is lost need not wait for a second', () => {
  const mtu = new PathMtu(0, 1_472);
  let now = 0;
  for (; mtu.state !== 'complete' && now < 60_000; now += 10) {
    const size = mtu.probeDue(now);
    if (size !== null) mtu.lost(now, size);
  }
  expect(mtu.bytes).toBe(mtuBaseBytes);
  expect(now).toBeLessThan(6_000);
});

test('answers and losses of sizes that nobody asked with change nothing', () => {
  const mtu = new PathMtu(0, 1_472);
  mtu.answered(0, 1_472);
  mtu.lost(0, 1_472);
  mtu.answered(0, 9_000);
  expect([mtu.bytes, mtu.probeDue(0)]).toEqual([mtuBaseBytes, 1_472]);
  mtu.lost(0, 1_300);
  mtu.answered(10, 1_473);
  expect(mtu.bytes).toBe(mtuBaseBytes);
  mtu.answered(10, 1_472);
  mtu.answered(20, 1_300);
  expect(mtu.bytes).toBe(1_472);
});

test('whatever is called in whatever order, its table of states holds', () => {
  const step = fc.oneof(
    fc.record({ call: fc.constant('probe' as const), after: fc.nat(20_000) }),
    fc.record({
      call: fc.constantFrom('answered' as const, 'lost' as const),
      size: fc.integer({ min: 0, max: 1_600 }),
    }),
    fc.record({ call: fc.constantFrom('answer-it' as const, 'lose-it' as const) }),
    fc.record({ call: fc.constant('suspect' as const), max: fc.integer({ min: 0, max: 1_472 }) }),
    fc.record({ call: fc.constant('sent' as const), size: fc.nat(1_500) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const mtu = new PathMtu(0, 1_472);
      let now = 0;
      let max = 1_472;
      let asked: number | null = null;
      const states = new Set<MtuState>();
      for (const one of steps) {
        if (one.call === 'probe') {
          now += one.after;
          asked = mtu.probeDue(now) ?? asked;
          if (asked !== null) expect(asked).toBeLessThanOrEqual(1_472);
        } else if (one.call === 'answered') mtu.answered(now, one.size);
        else if (one.call === 'lost') mtu.lost(now, one.size);
        else if (one.call === 'answer-it' && asked !== null) mtu.answered(now, asked);
        else if (one.call === 'lose-it' && asked !== null) mtu.lost(now, asked);
        else if (one.call === 'suspect') {
          max = Math.max(mtuBaseBytes, one.max);
          mtu.suspect(now, max);
        } else if (one.call === 'sent') mtu.sent(one.size);
        states.add(mtu.state);
        expect(mtu.bytes).toBeGreaterThanOrEqual(mtuBaseBytes);
        expect(mtu.bytes).toBeLessThanOrEqual(max);
      }
      for (const state of states) expect(Object.keys(MTU_PHASES)).toContain(state);
    }),
  );
});

test('no size above 1,452 is tried where nobody keeps datagrams whole, and none above the interface', () => {
  expect([mtuSearchMax(4, null), mtuSearchMax(6, null)]).toEqual([1_452, 1_452]);
  expect([mtuSearchMax(4, 1_500), mtuSearchMax(6, 1_500)]).toEqual([1_472, 1_452]);
  expect([mtuSearchMax(4, 65_536), mtuSearchMax(6, 65_536)], 'Ethernet is behind it').toEqual([1_472, 1_452]);
  expect([mtuSearchMax(4, 1_420), mtuSearchMax(6, 1_420)]).toEqual([1_392, 1_372]);
  expect([mtuSearchMax(4, 576), mtuSearchMax(6, 1_280)]).toEqual([mtuBaseBytes, 1_232]);
});
