import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeCrypto } from '../../src/node/index.ts';
import { browserCrypto } from '../../src/web/playground/crypto.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

test('the playground’s cryptography answers like node:crypto', () => {
  fc.assert(
    fc.property(bytes(32), bytes(32), bytes(12), fc.uint8Array({ maxLength: 200 }), (secret, other, nonce, text) => {
      const [left, right] = [nodeCrypto, browserCrypto].map((suite) => {
        const own = suite.keyPair(secret);
        const peer = suite.keyPair(other);
        const sealed = suite.seal(suite.aeadKey(secret), nonce, other, text);
        const packet = Uint8Array.from([...other, ...text, ...new Uint8Array(16)]);
        suite.sealPacket(suite.aeadKey(secret), nonce, packet, other.length, text.length);
        return {
          packet,
          unpacked: suite.openPacket(suite.aeadKey(secret), nonce, packet, other.length),
          public: own.publicKey,
          shared: suite.agree(own.privateKey, peer.publicKey),
          hash: suite.sha256(secret, text),
          mac: suite.hmac(suite.macKey(other), secret, text),
          sealed,
          opened: suite.open(suite.aeadKey(secret), nonce, other, sealed),
          forged: suite.open(suite.aeadKey(other), nonce, secret, sealed),
          lowOrder: suite.agree(own.privateKey, new Uint8Array(32)),
        };
      });
      expect(right).toEqual(left);
      expect(left?.opened).toEqual(text);
      expect(left?.unpacked).toEqual(text);
      expect(left?.lowOrder).toBeNull();
    }),
    { numRuns: 30 },
  );
});
