import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noiseNonce, ReplayWindow, SECURE_LIMITS, SecureSession } from '../../src/core/testing.ts';
import { nodeCrypto as suite } from '../../src/node/index.ts';

const NONE = new Uint8Array(0);

test('the replay window takes each sequence once and none older than 1,024, as a set would', () => {
  const step = fc.oneof(fc.integer({ min: -1100, max: 60 }), fc.integer({ min: 1, max: 5000 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let highest = -1;
      for (const by of steps) {
        const sequence = Math.max(0, highest + by);
        const expected = !seen.has(sequence) && sequence > highest - SECURE_LIMITS.replayWindow;
        expect(window.check(sequence)).toBe(expected);
        if (!expected) continue;
        window.mark(sequence);
        seen.add(sequence);
        highest = Math.max(highest, sequence);
      }
    }),
  );
});

function pair() {
  const [a, b] = [suite.randomBytes(32), suite.randomBytes(32)];
  return [
    new SecureSession(suite, { send: a, receive: b }),
    new SecureSession(suite, { send: b, receive: a }),
  ] as const;
}

test('a datagram opens once, in any order; a replay, a forgery or other associated data never', () => {
  const [left, right] = pair();
  const header = Uint8Array.of(1, 2, 3);
  const sent = Array.from({ length: 50 }, (_, i) => ({
    sequence: left.sequence,
    sealed: left.seal(header, Uint8Array.of(i)),
  }));
  const [first, ...others] = sent;
  if (!first) return expect.unreachable();
  expect(right.open(first.sequence, NONE, first.sealed)).toBeNull();
  expect(right.open(first.sequence + 1, header, first.sealed)).toBeNull();
  expect(right.open(first.sequence, header, first.sealed.subarray(1))).toBeNull();
  expect(left.open(first.sequence, header, first.sealed), 'reflected to its sender').toBeNull();
  for (const { sequence, sealed } of others.reverse()) expect(right.open(sequence, header, sealed)).toHaveLength(1);
  expect(right.open(first.sequence, header, first.sealed)).toEqual(Uint8Array.of(0));
  for (const { sequence, sealed } of sent) expect(right.open(sequence, header, sealed)).toBeNull();
});

test('what stands beyond the last sequence of a session is not opened, whoever has sealed it', () => {
  const key = suite.randomBytes(32);
  const session = new SecureSession(suite, { send: key, receive: key });
  const sealed = (sequence: number) => suite.seal(suite.aeadKey(key), noiseNonce(sequence), NONE, Uint8Array.of(9));
  const { sessionSequenceMax } = SECURE_LIMITS;
  expect(session.open(sessionSequenceMax, NONE, sealed(sessionSequenceMax))).toBeNull();
  expect(session.open(sessionSequenceMax - 1, NONE, sealed(sessionSequenceMax - 1))).toEqual(Uint8Array.of(9));
});

test('a forged datagram with a far sequence does not move the window', () => {
  const [left, right] = pair();
  const sealed = left.seal(NONE, Uint8Array.of(9));
  expect(right.open(2 ** 31, NONE, new Uint8Array(40))).toBeNull();
  expect(right.open(0, NONE, sealed)).toEqual(Uint8Array.of(9));
});

test('after a jump of the sequence every number of the window opens once, wherever the jump ends', () => {
  const { replayWindow } = SECURE_LIMITS;
  for (let offset = 0; offset < 33; offset++) {
    const window = new ReplayWindow();
    const before = 2 * replayWindow;
    for (let sequence = 0; sequence < before; sequence++) window.mark(sequence);
    const newest = before + 3 * replayWindow + offset;
    expect(window.check(newest)).toBe(true);
    window.mark(newest);
    const inside = Array.from({ length: replayWindow - 1 }, (_, n) => newest - 1 - n);
    expect(inside.filter((sequence) => !window.check(sequence))).toEqual([]);
    for (const sequence of inside) window.mark(sequence);
    expect([newest, ...inside].filter((sequence) => window.check(sequence))).toEqual([]);
  }
});
