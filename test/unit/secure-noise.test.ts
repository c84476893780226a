import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, type KeyPair, seededCrypto, toHex, utf8Encode } from '../../src/core/index.ts';
import { deriveKey, noiseInitiate, noiseNonce, noiseRespond, SecureSession } from '../../src/core/testing.ts';
import { nodeCrypto as suite } from '../../src/node/index.ts';
import { referenceHandshake } from './secure-noise-reference.ts';

const hex = (text: string): Uint8Array => fromHex(text) ?? expect.unreachable('hex in a vector');
const vector = JSON.parse(readFileSync(new URL('../vectors/noise-ik.json', import.meta.url), 'utf8'));
const NONE = new Uint8Array(0);

function vectorHandshake() {
  const initiator = noiseInitiate(suite, {
    prologue: hex(vector.init_prologue),
    own: suite.keyPair(hex(vector.init_static)),
    remoteStatic: hex(vector.init_remote_static),
    payload: hex(vector.messages[0].payload),
    ephemeral: suite.keyPair(hex(vector.init_ephemeral)),
  });
  const input = { prologue: hex(vector.resp_prologue), own: suite.keyPair(hex(vector.resp_static)) };
  const responder = initiator && noiseRespond(suite, input, initiator.message1);
  const answer = responder?.respond(() => hex(vector.messages[1].payload), suite.keyPair(hex(vector.resp_ephemeral)));
  const finished = answer && initiator?.finish(answer.message2);
  if (!initiator || !responder || !answer || !finished) return expect.unreachable('the handshake completes');
  return { initiator, responder, answer, finished };
}

describe('Noise IK', () => {
  test('both handshake messages, the hash and four transport messages equal the published vector', () => {
    const { initiator, responder, answer, finished } = vectorHandshake();
    expect(toHex(initiator.message1)).toBe(vector.messages[0].ciphertext);
    expect(toHex(responder.payload)).toBe(vector.messages[0].payload);
    expect(toHex(answer.message2)).toBe(vector.messages[1].ciphertext);
    expect(toHex(finished.payload)).toBe(vector.messages[1].payload);
    expect(toHex(finished.keys.hash)).toBe(vector.handshake_hash);
    const left = new SecureSession(suite, finished.keys);
    const right = new SecureSession(suite, answer.keys);
    vector.messages.slice(2).forEach((message: { payload: string; ciphertext: string }, i: number) => {
      const [from, to] = i % 2 === 0 ? [left, right] : [right, left];
      const sequence = from.sequence;
      const sealed = from.seal(NONE, hex(message.payload));
      expect(toHex(sealed)).toBe(message.ciphertext);
      expect(toHex(to.open(sequence, NONE, sealed) ?? NONE)).toBe(message.payload);
    });
  });

  test('equals a slow reference on another library for any keys, prologue and payloads', () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const text = fc.uint8Array({ maxLength: 300 });
    const input = fc.record({
      prologue: text,
      initiatorStatic: key,
      initiatorEphemeral: key,
      responderStatic: key,
      responderEphemeral: key,
      payload1: text,
      payload2: text,
    });
    fc.assert(
      fc.property(input, (v) => {
        const reference = referenceHandshake(v);
        const responderKeys = suite.keyPair(v.responderStatic);
        const initiator = noiseInitiate(suite, {
          prologue: v.prologue,
          own: suite.keyPair(v.initiatorStatic),
          remoteStatic: responderKeys.publicKey,
          payload: v.payload1,
          ephemeral: suite.keyPair(v.initiatorEphemeral),
        });
        expect(toHex(initiator?.message1 ?? NONE)).toBe(toHex(reference.message1));
        const responder = noiseRespond(suite, { prologue: v.prologue, own: responderKeys }, reference.message1);
        const answer = responder?.respond(() => v.payload2, suite.keyPair(v.responderEphemeral));
        expect(toHex(answer?.message2 ?? NONE)).toBe(toHex(reference.message2));
        const keys = initiator?.finish(reference.message2)?.keys;
        expect(toHex(keys?.send ?? NONE)).toBe(toHex(reference.toResponder));
        expect(toHex(keys?.receive ?? NONE)).toBe(toHex(reference.toInitiator));
        expect(toHex(keys?.hash ?? NONE)).toBe(toHex(reference.hash));
        expect(toHex(answer?.keys.send ?? NONE)).toBe(toHex(reference.toInitiator));
      }),
      { numRuns: 25 },
    );
  });

  test('any flipped bit in either message, or another prologue, ends the handshake', () => {
    const { initiator, answer } = vectorHandshake();
    const input = { prologue: hex(vector.resp_prologue), own: suite.keyPair(hex(vector.resp_static)) };
    for (let at = 0; at < initiator.message1.length; at++) {
      expect(noiseRespond(suite, input, flipped(initiator.message1, at)), `message 1, byte ${at}`).toBeNull();
    }
    for (let at = 0; at < answer.message2.length; at++) {
      expect(initiator.finish(flipped(answer.message2, at)), `message 2, byte ${at}`).toBeNull();
    }
    expect(noiseRespond(suite, { ...input, prologue: utf8Encode('other') }, initiator.message1)).toBeNull();
    // A forged message 2 has not disturbed the initiator: the real one still completes.
    expect(initiator.finish(answer.message2)).not.toBeNull();
  });

  test('low-order and malformed public keys agree on nothing', () => {
    const own: KeyPair = suite.keyPair();
    expect(suite.agree(own.privateKey, new Uint8Array(32))).toBeNull();
    expect(suite.agree(own.privateKey, Uint8Array.of(1, ...new Uint8Array(31)))).toBeNull();
    expect(suite.agree(own.privateKey, new Uint8Array(31))).toBeNull();
    const input = { prologue: NONE, own, remoteStatic: new Uint8Array(32), payload: NONE };
    expect(noiseInitiate(suite, input)).toBeNull();
  });

  test('the nonce is 32 zero bits and the counter in little-endian', () => {
    expect(toHex(noiseNonce(0x0102030405))).toBe('000000000504030201000000');
  });
});

test('HKDF equals RFC 5869 test cases 1 (32 bytes) and 3', () => {
  const ikm = hex('0b'.repeat(22));
  const first = deriveKey(suite, ikm, hex('f0f1f2f3f4f5f6f7f8f9'), hex('000102030405060708090a0b0c'));
  expect(toHex(first)).toBe('3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf');
  expect(toHex(deriveKey(suite, ikm, NONE))).toBe('8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d');
});

test('a seeded suite repeats its bytes and keys, and another seed has others', () => {
  const [one, same, other] = [seededCrypto(7, suite), seededCrypto(7, suite), seededCrypto(8, suite)];
  const bytes = toHex(one.randomBytes(70));
  expect(bytes.length).toBe(140);
  expect(toHex(same.randomBytes(70))).toBe(bytes);
  expect(toHex(other.randomBytes(70))).not.toBe(bytes);
  expect(toHex(one.keyPair().publicKey)).toBe(toHex(same.keyPair().publicKey));
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}
