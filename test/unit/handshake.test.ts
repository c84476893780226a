import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededCrypto, utf8Encode } from '../../src/core/index.ts';
import {
  type ClientHello,
  ConnectionKeys,
  concat,
  HANDSHAKE_BYTES_MAX,
  NO_CONNECTION,
  noiseRespond,
  openAsClient,
  openAsHost,
  passwordProof,
  UNKNOWN_PROFILE,
  Writer,
  writeProfile,
} from '../../src/core/testing.ts';
import { nodeCrypto } from '../../src/node/index.ts';

const crypto = seededCrypto('handshake', nodeCrypto);
const [client, host, other] = [crypto.keyPair(), crypto.keyPair(), crypto.keyPair()];
const sid = crypto.randomBytes(16);

const HELLO: ClientHello = {
  instance: new Uint8Array(8).fill(7),
  connection: new Uint8Array(8).fill(5),
  mode: 'only',
  relays: [{ relay: 7, rttMs: 31 }],
  name: 'Ann',
  passwordProof: null,
  masterRttMs: 40,
  candidates: [
    { kind: 'lan', endpoint: { address: '192.168.1.7', port: 4000 } },
    { kind: 'ipv6', endpoint: { address: '2001:db8::7', port: 4001 } },
  ],
  profile: UNKNOWN_PROFILE,
};
const REPLY = {
  mode: 'never' as const,
  relay: 9,
  goesOn: true,
  heldMs: 12,
  candidates: HELLO.candidates,
  profile: UNKNOWN_PROFILE,
  services: [
    { port: 64_738, protocols: 'udp+tcp' as const },
    { port: 1, protocols: 'tcp' as const },
    { port: 65_535, protocols: 'udp' as const },
  ],
};

function knock() {
  const opened = openAsClient(crypto, client, { sid, hostKey: host.publicKey, hello: HELLO });
  if (opened === null) throw new Error('the key is usable');
  return opened;
}

function received(message: Uint8Array) {
  const opened = openAsHost(crypto, host, sid, message);
  if (opened === null || opened === 'version') throw new Error('the message is good');
  return opened;
}

test('both ends learn each other and share three keys that the master does not have', () => {
  const mine = knock();
  const theirs = received(mine.message);
  expect(theirs.clientKey).toEqual(client.publicKey);
  expect(theirs.hello).toEqual(HELLO);
  const answer = theirs.answer(REPLY)!;
  const done = mine.finish(answer.message)!;
  expect(done.hello).toEqual(REPLY);
  expect(done.keys.punchKey).toEqual(answer.keys.punchKey);
  expect(done.keys.connectionId).toEqual(answer.keys.connectionId);
  expect(done.keys.connection).toEqual({
    send: answer.keys.connection.receive,
    receive: answer.keys.connection.send,
  });
  const sealed = done.keys.signal.seal(sid, Uint8Array.of(1, 2));
  expect(answer.keys.signal.open(0, sid, sealed)).toEqual(Uint8Array.of(1, 2));
  const own = new ConnectionKeys(crypto, answer.keys.connection, 0);
  expect(own.open(1, Uint8Array.of(...sid, ...done.keys.signal.seal(sid, Uint8Array.of(3))), sid.length)).toBeNull();
});

test('row 14: an answer by anybody but the host that was asked is not taken', () => {
  const mine = knock();
  expect(openAsHost(crypto, other, sid, mine.message)).toBeNull();
  // The impostor may see everything and answer a message of its own making.
  const forged = openAsClient(crypto, client, { sid, hostKey: other.publicKey, hello: HELLO })!;
  const impostor = openAsHost(crypto, other, sid, forged.message);
  if (impostor === null || impostor === 'version') throw new Error('the message is good');
  expect(mine.finish(impostor.answer(REPLY)!.message)).toBeNull();
  // The true answer still counts afterwards.
  expect(mine.finish(received(mine.message).answer(REPLY)!.message)).not.toBeNull();
});

test('row 27: another version, session or direction does not open', () => {
  const { message } = knock();
  const newer = message.slice();
  newer[0] = 2;
  expect(openAsHost(crypto, host, sid, newer)).toBe('version');
  expect(openAsHost(crypto, host, crypto.randomBytes(16), message)).toBeNull();
  expect(openAsHost(crypto, host, sid, new Uint8Array(0))).toBe('version');
});

test('row 13: the proof of a password is worth nothing at another host, for another client or in another session', () => {
  const parties = { sid, hostKey: host.publicKey, clientKey: client.publicKey };
  const proof = passwordProof(crypto, 'swordfish', parties);
  expect(passwordProof(crypto, 'swordfish', parties)).toEqual(proof);
  for (const change of [
    { sid: crypto.randomBytes(16) },
    { hostKey: other.publicKey },
    { clientKey: other.publicKey },
  ]) {
    expect(passwordProof(crypto, 'swordfish', { ...parties, ...change })).not.toEqual(proof);
  }
});

test('row 28: changed, cut and random messages open nothing and never throw', () => {
  const { message } = knock();
  fc.assert(
    fc.property(fc.nat(message.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bad = message.slice();
      bad[at] = (bad[at] as number) ^ flip;
      for (const hostile of [bad, message.subarray(0, at)]) {
        const opened = openAsHost(crypto, host, sid, hostile);
        if (opened !== null && opened !== 'version') return false;
      }
      return true;
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1200 }), (bytes) => {
      const opened = openAsHost(crypto, host, sid, bytes);
      return (opened === null || opened === 'version') && knock().finish(bytes) === null;
    }),
    { numRuns: 30 },
  );
});

/** What a host says, as bytes of its own making, to a friend that takes any answer of that host. */
function answeredWith(services: Uint8Array) {
  const mine = knock();
  const prologue = concat(utf8Encode('sallyport end-to-end client host'), Uint8Array.of(1), sid);
  const responder = noiseRespond(crypto, { prologue, own: host }, mine.message.subarray(1))!;
  const writer = new Writer(600).u8(0).u32(0).u8(0);
  writeProfile(writer, UNKNOWN_PROFILE);
  const hello = writer.u32(0).raw(services).done();
  return mine.finish(responder.respond(() => hello)!.message2)?.hello.services ?? null;
}

test('a friend opens the ports that a host names, so a list that no host of ours has is no answer', () => {
  const row = (port: number, protocols: number): number[] => [port >> 8, port & 255, protocols];
  const many = (count: number): number[] => Array.from({ length: count }, (_, n) => row(n + 1, 1)).flat();
  expect(answeredWith(Uint8Array.of(0))).toEqual([]);
  expect(answeredWith(Uint8Array.of(16, ...many(16)))).toHaveLength(16);
  // Bits of versions to come, and bytes behind the list, are not ours to judge.
  expect(answeredWith(Uint8Array.of(1, ...row(1, 0xfe), 9, 9))).toEqual([{ port: 1, protocols: 'tcp' }]);
  for (const bad of [
    [17, ...many(17)],
    [255, ...many(100)],
    [1, ...row(0, 1)],
    [1, ...row(1, 0)],
    [1, ...row(1, 0xfc)],
    [2, ...row(7, 1), ...row(7, 2)],
    [2, ...row(7, 1)],
    [],
  ])
    expect(answeredWith(Uint8Array.from(bad))).toBeNull();
});

test('S19: the first message already carries the profile, with the port that the next mapping will most likely get', () => {
  const profile = {
    ...UNKNOWN_PROFILE,
    mapping: 'apdm',
    delta: 2,
    lastPort: 40_000,
    predictedNextPort: 40_002,
  } as const;
  const hello = { ...HELLO, profile };
  const opened = openAsClient(crypto, client, { sid, hostKey: host.publicKey, hello });
  expect(received(opened!.message).hello.profile).toMatchObject({
    delta: 2,
    lastPort: 40_000,
    predictedNextPort: 40_002,
  });
});

test('the largest hello there can be fits its message', () => {
  const address = '2001:db8:1111:2222:3333:4444:5555:6666';
  const allocator = {
    ...UNKNOWN_PROFILE.allocator,
    low: 1,
    high: 65_535,
    step: 1,
    backgroundPerSecond: 1,
    weight: 0.01,
  };
  const hello: ClientHello = {
    connection: NO_CONNECTION,
    mode: 'allow' as const,
    relays: Array.from({ length: 8 }, (_, relay) => ({ relay, rttMs: 65_535 })),
    instance: new Uint8Array(8),
    name: 'ü'.repeat(1000),
    passwordProof: new Uint8Array(32),
    masterRttMs: 1e9,
    candidates: Array.from({ length: 50 }, (_, n) => ({ kind: 'ipv6', endpoint: { address, port: n + 1 } }) as const),
    profile: {
      ...UNKNOWN_PROFILE,
      allocator,
      mixture: Array.from({ length: 50 }, () => allocator),
      external: Array.from({ length: 50 }, () => address),
      portMapping: { ...UNKNOWN_PROFILE.portMapping, external: { address, port: 1 } },
    },
  };
  const opened = openAsClient(crypto, client, { sid, hostKey: host.publicKey, hello });
  expect(opened?.message.length).toBeLessThanOrEqual(HANDSHAKE_BYTES_MAX);
  expect(received(opened!.message).hello.candidates).toHaveLength(8);
});
