import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerStun, StunSource } from '../../src/core/index.ts';
import { encodeStun, parseStun } from '../../src/core/testing.ts';

const server = { addresses: ['192.0.2.1', '192.0.2.2'], ports: [3478, 3479], behaviour: 'paid' } as const;
const local = { address: '192.0.2.1', port: 3478 };
const remote = { address: '203.0.113.9', port: 41_822 };
const transaction = new Uint8Array(12).fill(7);
const request = (fields = {}) => encodeStun({ class: 'request', transaction, ...fields });
const ask = (bytes: Uint8Array) => answerStun(server, local, remote, bytes);

describe('the STUN server', () => {
  test('answers 32 bytes for 20, with what the sender looks like', () => {
    const reply = ask(request())!;
    expect([request().length, reply.bytes.length]).toEqual([20, 32]);
    expect(parseStun(reply.bytes)).toMatchObject({ class: 'success', xorMapped: remote });
    expect(reply).toMatchObject({ from: local, to: remote });
  });

  test('tells its other address, and answers from it, only to those who pay by padding', () => {
    expect(ask(request({ changeRequest: { address: true, port: true } }))).toBeNull();
    const padded = ask(request({ changeRequest: { address: true, port: true }, paddingBytes: 64 }))!;
    expect(padded.from).toEqual({ address: '192.0.2.2', port: 3479 });
    expect(parseStun(padded.bytes)).toMatchObject({ otherAddress: { address: '192.0.2.2', port: 3479 } });
    const portOnly = ask(request({ changeRequest: { address: false, port: true }, paddingBytes: 64 }))!;
    expect(portOnly.from).toEqual({ address: '192.0.2.1', port: 3479 });
  });

  test('does for a client of ours all that it can: its questions are as long as the answers', () => {
    const crypto = { randomBytes: (length: number) => new Uint8Array(length).fill(length) };
    for (const addresses of [server.addresses, ['2001:db8::1', '2001:db8::2']] as const) {
      const own = { ...server, addresses };
      const at = { address: addresses[0], port: 3478 };
      const from = { address: addresses[0].includes(':') ? '2001:db8:9::9' : remote.address, port: remote.port };
      const source = new StunSource(at, crypto);
      const plain = answerStun(own, at, from, source.request(0, 1, 'same'))!;
      expect(source.answer(plain.from, plain.bytes)).toEqual({ request: 1, observed: from });
      expect(source.answersFrom).toContain('other-address');
      const other = answerStun(own, at, from, source.request(0, 2, 'other-address'))!;
      expect(other.from).toEqual({ address: addresses[1], port: 3479 });
      expect(answerStun(own, at, from, source.requestTo(0, 3, 5000))!.to).toEqual({ ...from, port: 5000 });
    }
  });

  test('sends to another port of the sender, never to another address, and only against payment', () => {
    expect(ask(request({ responsePort: 5000 }))).toBeNull();
    expect(ask(request({ responsePort: 5000, paddingBytes: 64 }))!.to).toEqual({ ...remote, port: 5000 });
  });

  test('with one address it knows no other one', () => {
    const single = { ...server, addresses: [local.address], ports: [3478] } as const;
    const padded = request({ changeRequest: { address: true, port: true }, paddingBytes: 64 });
    expect(answerStun(single, local, remote, padded)).toBeNull();
  });

  test('row 21: no datagram at all gains more than 12 bytes', () => {
    const fields = fc.record(
      {
        changeRequest: fc.record({ address: fc.boolean(), port: fc.boolean() }),
        responsePort: fc.integer({ min: 0, max: 65_535 }),
        paddingBytes: fc.integer({ min: 0, max: 200 }),
        software: fc.string({ maxLength: 20 }),
        username: fc.uint8Array({ maxLength: 40 }),
      },
      { requiredKeys: [] },
    );
    // Whatever can be asked for, with every padding that is too short to pay for it, and then at random.
    const wished = [undefined, true, false].flatMap((address) =>
      [undefined, 0, 5_000].map((responsePort) => ({
        ...(address === undefined ? {} : { changeRequest: { address, port: !address } }),
        ...(responsePort === undefined ? {} : { responsePort }),
      })),
    );
    for (const asked of wished) {
      for (let paddingBytes = 0; paddingBytes <= 64; paddingBytes++) {
        const bytes = request(paddingBytes === 0 ? asked : { ...asked, paddingBytes });
        expect(ask(bytes)?.bytes.length ?? 0).toBeLessThanOrEqual(bytes.length + 12);
      }
    }
    const noise = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(fields, noise, fc.boolean(), (asked, tail, valid) => {
        const bytes = valid ? request(asked) : Uint8Array.from([...request().subarray(0, 20), ...tail]);
        const reply = ask(bytes);
        expect(reply?.bytes.length ?? 0).toBeLessThanOrEqual(bytes.length + 12);
        expect(reply?.to.address ?? remote.address).toBe(remote.address);
      }),
    );
  });

  test('an attribute that must be understood and is not gets 420, if that is paid for', () => {
    const strange = request({ paddingBytes: 40 });
    strange.set([0x7f, 0xff], 20);
    expect(parseStun(ask(strange)!.bytes)).toMatchObject({ class: 'error', error: { code: 420 } });
    const short = Uint8Array.from([...request(), 0x7f, 0xff, 0, 0]);
    short[3] = 4;
    expect(ask(short)).toBeNull();
  });
});
