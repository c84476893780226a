import { expect, test } from 'vitest';
import { type Caller, Guesses } from '../../src/core/peer/host/guesses.ts';
import { DOOR_LIMITS } from '../../src/core/testing.ts';

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
  // Nor does a friend when so many come for the first time that these wait as well, not even after a slip of its own.
  for (let n = 0; guesses.take(now, caller(`198.18.${n >> 8}.${n & 255}`)) === 0; n++);
  guesses.wrong(now - DOOR_LIMITS.guessWaitMs, caller('203.0.113.7', true));
  for (const address of ['203.0.113.7', '203.0.113.8']) expect(guesses.take(now, caller(address, true))).toBe(0);
});

test('a /48 is one guesser, however many addresses it has; its neighbours in the provider hardly wait', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const crowd = Array.from({ length: 100 }, (_, n) => caller(`2001:db8:7:${n.toString(16)}::1`));
  expect(guess(guesses, crowd, 0, 60_000)).toBeLessThan(40);
  expect(guesses.take(70_000, caller('2001:db8:8::1'))).toBeLessThanOrEqual(DOOR_LIMITS.guessWaitMs * 64);
});

test('a known key that guesses waits for its own guesses alone, and ten calm minutes halve them', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const friend = caller('203.0.113.1', true);
  expect(guess(guesses, [friend], 0, 600_000)).toBeLessThan(15);
  expect(guesses.take(600_000, caller('203.0.113.2', true))).toBe(0);
  expect(guesses.take(600_000 + 4 * DOOR_LIMITS.guessHalfMs, friend)).toBe(0);
});

test('somebody mistypes as often as it is free, then waits for one second, twice as long each time, up to five minutes', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const friend = caller('203.0.113.1', true);
  for (let n = 0; n < DOOR_LIMITS.guessesFree.narrow; n++) {
    expect(guesses.take(0, friend)).toBe(0);
    guesses.wrong(0, friend);
  }
  for (let waitMs: number = DOOR_LIMITS.guessWaitMs; waitMs < DOOR_LIMITS.guessWaitMsMax; waitMs *= 2) {
    expect(guesses.take(0, friend)).toBe(waitMs);
    guesses.wrong(0, friend);
  }
  expect(guesses.take(0, friend)).toBe(DOOR_LIMITS.guessWaitMsMax);
});

test('who has guessed wrong before shares a turn with all who have, which doubles with their guesses, up to a minute', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const stranger = caller('198.18.0.1');
  guesses.wrong(0, stranger);
  /** Takes all turns that there are; how long the next one is. */
  const turnMs = (): number => {
    for (let n = 0; n <= DOOR_LIMITS.guessTurnsBurst; n++) {
      const waitMs = guesses.take(0, stranger);
      if (waitMs > 0) return waitMs;
    }
    return 0;
  };
  const first = turnMs();
  expect(first).toBeGreaterThanOrEqual(DOOR_LIMITS.guessTurnMs);
  for (let n = 0; n < DOOR_LIMITS.guessTurnDoubles; n++) guesses.wrong(0, caller(`60.${n}.1.9`));
  expect(turnMs()).toBeCloseTo(2 * first, 6);
  for (let n = 0; n < 200; n++) guesses.wrong(0, caller(`61.${n}.1.9`));
  expect(turnMs()).toBe(DOOR_LIMITS.guessTurnMsMax);
});

test('who comes for the first time waits for nobody until so many have come at once', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const { burst, perSecond } = DOOR_LIMITS.firstGuesses;
  for (let n = 0; n < burst; n++) expect(guesses.take(0, caller(`60.${n}.1.9`))).toBe(0);
  expect(guesses.take(0, caller('62.1.1.9'))).toBe(1_000 / perSecond);
});

test('of more guessers than are remembered the one that has been quiet for longest is forgotten', () => {
  const guesses = new Guesses(new Uint8Array(16));
  const friend = (n: number): Caller => ({ address: '203.0.113.1', friend: `${n}`, known: true });
  const all = DOOR_LIMITS.guessesFree.narrow + 1;
  for (let n = 0; n < all; n++) guesses.wrong(0, friend(-1));
  for (let n = 0; n < DOOR_LIMITS.guessersMax - 1; n++) guesses.wrong(0, friend(n));
  expect(guesses.take(0, friend(-1))).toBeGreaterThan(0);
  guesses.wrong(0, friend(DOOR_LIMITS.guessersMax));
  expect(guesses.take(0, friend(-1))).toBe(0);
});

test('so many guessers are remembered: the one that has been quiet for longest is forgotten first', () => {
  const first = caller('203.0.113.1', true);
  const waits = (others: number): boolean => {
    const guesses = new Guesses(new Uint8Array(16));
    for (let n = 0; n < 10; n++) guesses.wrong(0, first);
    for (let n = 0; n < others; n++) guesses.wrong(1, { address: '', friend: `key ${n}`, known: true });
    return guesses.take(2, first) > 0;
  };
  expect([waits(DOOR_LIMITS.guessersMax - 1), waits(DOOR_LIMITS.guessersMax)]).toEqual([true, false]);
});
