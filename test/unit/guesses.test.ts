import { expect, test } from 'vitest';
import { type Caller, Guesses } from '../../src/core/peer/host/guesses.ts';
import { DOOR } from '../../src/core/testing.ts';

const caller = (address: string, known = false): Caller => ({ address, friend: `key of ${address}`, known });

/** Everybody guesses as soon as they may, for so long; how many guesses were looked at. */
function guess(guesses: Guesses, callers: readonly Caller[], fromMs: number, forMs: number): number {
  let looked = 0;
  for (let now = fromMs; now < fromMs + forMs; now += 1_000) {
    for (const one of callers) {
      if (guesses.take(now, one) > 0) continue;
      looked++;
      guesses.wrong(now, one);
    }
  }
  return looked;
}

const sixty = Array.from({ length: 60 }, (_, n) => caller(`60.${n}.1.9`));
const HOUR = 3_600_000;

test('sixty addresses that guess for an hour get some four hundred guesses, then fewer', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const first = guess(guesses, sixty, 0, HOUR);
  // 18 a second were 64,800.
  expect(first).toBeLessThan(500);
  expect(guess(guesses, sixty, HOUR, HOUR)).toBeLessThan(first);
  expect(guesses.total).toBeGreaterThan(60);
});

test('meanwhile who comes for the first time waits for nobody, nor does a friend who was here before', () => {
  const guesses = new Guesses(new Uint8Array(16));
  guess(guesses, sixty, 0, 60_000);
  // All turns of those that have guessed wrong are taken just now.
  let now = 60_000;
  while (sixty.some((one) => guesses.take(now, one) === 0)) now += 1;
  for (let n = 0; n < 5; n++) expect(guesses.take(now, caller(`203.0.${n}.5`))).toBe(0);
  expect(guesses.take(now, caller('60.1.1.9', true))).toBe(0);
});

test('a /48 is one guesser, however many addresses it has; its neighbours in the provider hardly wait', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const crowd = Array.from({ length: 100 }, (_, n) => caller(`2001:db8:7:${n.toString(16)}::1`));
  expect(guess(guesses, crowd, 0, 60_000)).toBeLessThan(40);
  expect(guesses.take(70_000, caller('2001:db8:8::1'))).toBeLessThanOrEqual(DOOR.guessWaitMs * 64);
});

test('a known key that guesses waits for its own guesses alone, and ten calm minutes halve them', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const friend = caller('203.0.113.1', true);
  expect(guess(guesses, [friend], 0, 600_000)).toBeLessThan(15);
  expect(guesses.take(600_000, caller('203.0.113.2', true))).toBe(0);
  expect(guesses.take(600_000 + 4 * DOOR.guessHalfMs, friend)).toBe(0);
});
