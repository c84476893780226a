/**
 * docs/protocol.md in bytes. `UPDATE_VECTORS=1` writes test/vectors/protocol.json anew; a change of it is a change of the wire,
 * which needs a new protocol version or an appended field.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { expect, test } from 'vitest';
import { toHex } from '../../src/core/index.ts';
import { Reader, readProfile } from '../../src/core/testing.ts';
import { hexBytes, PROFILE, protocolVectors } from './rendezvous-vectors.ts';
import { referenceHandshake } from './secure-noise-reference.ts';

const FILE = new URL('../vectors/protocol.json', import.meta.url);

test('the code still makes the published bytes', () => {
  expect(made()).toBe(readFileSync(FILE, 'utf8'));
});

function made(): string {
  return `${JSON.stringify(protocolVectors(), null, 2)}\n`;
}

if (process.env.UPDATE_VECTORS === '1') writeFileSync(FILE, made());
const published = JSON.parse(readFileSync(FILE, 'utf8')) as ReturnType<typeof protocolVectors>;

/** From here on nothing of our own: Node's DataView, the document's offsets, and @noble. */
test('a reader written from the document alone opens the whole exchange', () => {
  const { secrets, datagrams, time, prologue, keyToMaster, keyToParticipant, handshakeHash } = published.exchange;
  const [hello, retry, accept] = [hexBytes(datagrams.hello), hexBytes(datagrams.retry), hexBytes(datagrams.accept)];
  expect([hello.length, retry.length]).toEqual([512, 64]);
  expect([hello[0], retry[0], accept[0]]).toEqual([0xd1, 0xd2, 0xd3]);
  const payload1 = new Uint8Array(388);
  new DataView(payload1.buffer).setBigUint64(0, BigInt(time));
  const reference = referenceHandshake({
    prologue: hexBytes(prologue),
    initiatorStatic: hexBytes(secrets.participantStatic),
    initiatorEphemeral: hexBytes(secrets.participantEphemeral),
    responderStatic: hexBytes(secrets.masterStatic),
    responderEphemeral: hexBytes(secrets.masterEphemeral),
    payload1,
    payload2: hexBytes(published.exchange.acceptPayload),
  });
  expect(Buffer.from(hexBytes(prologue)).toString()).toBe('sallyport participant-to-master 1');
  expect(toHex(hello.subarray(28))).toBe(toHex(reference.message1));
  expect(toHex(accept.subarray(12))).toBe(toHex(reference.message2));
  expect(toHex(accept.subarray(4, 12))).toBe(toHex(hello.subarray(28, 36)));
  expect([keyToMaster, keyToParticipant]).toEqual([toHex(reference.toResponder), toHex(reference.toInitiator)]);
  expect(handshakeHash).toBe(toHex(reference.hash));
  // RETRY: 8 bytes of e, the cookie, family 1, port 2, address, masked with e.
  const masked = retry.subarray(36, 55).map((byte, i) => byte ^ (hello[28 + i] as number));
  expect([...masked.subarray(0, 7)]).toEqual([4, 41822 >> 8, 41822 & 255, 203, 0, 113, 9]);
  expect(toHex(hexBytes(datagrams.helloWithCookie).subarray(4, 28))).toBe(toHex(retry.subarray(12, 36)));
});

test('sealed datagrams open with ChaCha20-Poly1305 under the header, and hold the frames that the document draws', () => {
  const { datagrams, keyToMaster, keyToParticipant } = published.exchange;
  const open = (key: string, datagram: Uint8Array) => {
    const nonce = new Uint8Array(12);
    const sequence = new DataView(datagram.buffer, datagram.byteOffset).getBigUint64(9);
    new DataView(nonce.buffer).setBigUint64(4, sequence, true);
    return chacha20poly1305(hexBytes(key), nonce, datagram.subarray(0, 17)).decrypt(datagram.subarray(17));
  };
  const confirm = hexBytes(datagrams.confirm);
  expect(confirm).toHaveLength(64);
  expect(toHex(open(keyToMaster, confirm).subarray(0, 9))).toBe(`01${'0007'}${'00'}${'00000000'}${'0c'}`);
  const response = open(keyToParticipant, hexBytes(datagrams.response));
  expect(toHex(response)).toBe(`02${'0007'}${'01020304'}${'01'}${'04cb007109'}${'a35e'}${'00000000'}`);
});

test('the probe key is HKDF of both transport keys with the label "probe"', () => {
  const { keyToMaster, keyToParticipant, probeKey } = published.exchange;
  const secret = hexBytes(keyToMaster + keyToParticipant);
  const derived = hkdf(sha256, secret, undefined, new TextEncoder().encode('probe'), 32);
  expect(probeKey).toBe(toHex(derived.subarray(0, 16)));
});

test('a resumption opens and makes its keys by the document: HKDF and ChaCha20-Poly1305, no curve', () => {
  const { exchange, resumption } = published;
  const two = (salt: Uint8Array, input: Uint8Array) => toHex(hkdf(sha256, input, salt, new Uint8Array(0), 64));
  const transport = hexBytes(exchange.keyToMaster + exchange.keyToParticipant);
  expect(resumption.proof + resumption.chain).toBe(two(transport, new TextEncoder().encode('resumption')));
  const [resume, accept] = [hexBytes(resumption.datagrams.resume), hexBytes(resumption.datagrams.accept)];
  expect([resume.length, resume[2], accept[0]]).toEqual([512, 4, 0xd3]);
  const [random, theirs] = [resume.subarray(28, 60), accept.subarray(12, 44)];
  const open = (nonce: Uint8Array, associated: readonly Uint8Array[], sealed: Uint8Array) =>
    chacha20poly1305(hexBytes(resumption.proof), nonce.subarray(0, 12), Buffer.concat(associated)).decrypt(sealed);
  const prologue = Buffer.from('sallyport participant-to-master resumed 1');
  const payload = open(random, [prologue, random], resume.subarray(60 + 136));
  expect(payload).toHaveLength(300);
  expect(new DataView(payload.buffer, payload.byteOffset).getBigUint64(0)).toBe(BigInt(exchange.time + 1));
  expect(toHex(open(theirs, [prologue, random, theirs], accept.subarray(44)))).toBe(resumption.acceptPayload);
  expect(resumption.keyToMaster + resumption.keyToParticipant).toBe(
    two(hexBytes(resumption.chain), Buffer.concat([random, theirs])),
  );
  expect(hexBytes(resumption.datagrams.refusal)[2]).toBe(2);
});

test('a token, its end secret and the proof of a BIND are made by the document: HKDF, SHA-256 and HMAC', () => {
  const { secret, masterKey, sid, clientKey, hostKey, expiresAt, token, endSecret, datagrams } = published.relay;
  const label = (text: string) => new TextEncoder().encode(text);
  const key = (name: string) =>
    hkdf(sha256, hexBytes(secret), hexBytes(masterKey), label(`sallyport relay ${name}`), 32);
  const pair = sha256(hexBytes(sid + clientKey + hostKey)).subarray(0, 16);
  const said = new Uint8Array(38);
  said.set([1, 0]);
  new DataView(said.buffer).setUint32(2, expiresAt);
  said.set(pair, 6);
  said.set(sha256(hexBytes(clientKey)).subarray(0, 8), 22);
  said.set(sha256(hexBytes(hostKey)).subarray(0, 8), 30);
  expect(token).toBe(toHex(said) + toHex(hmac(sha256, key('token'), said).subarray(0, 16)));
  const own = hmac(sha256, key('end'), Buffer.concat([pair, label('client')])).subarray(0, 16);
  expect(endSecret).toBe(toHex(own));
  const bind = hexBytes(datagrams.bind);
  expect([bind.length, bind[0], bind[1]]).toEqual([100, 0xd9, 3]);
  expect(toHex(bind.subarray(30, 84))).toBe(token);
  expect(toHex(bind.subarray(84))).toBe(toHex(hmac(sha256, own, bind.subarray(0, 84)).subarray(0, 16)));
});

test('the published profile reads back', () => {
  expect(readProfile(new Reader(hexBytes(published.profile)))).toEqual(PROFILE);
});
