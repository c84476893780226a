/**
 * A handshake without Diffie-Hellman between two that have had one (docs/reference/security.md §3.1, RESUME). The shapes are those of Noise IK,
 * so that whoever carries the messages need not know which of the two they are:
 *
 *     -> random 32, ticket, sealed payload     nonce: the first 12 of the random; associated: prologue, random
 *     <- random 32, sealed payload             nonce: the first 12 of this random; associated: prologue, both randoms
 *
 * Both are sealed with `proof`; the transport keys come out of `chain` and both randoms, so they are new each time, also for a
 * message that somebody plays again. Neither secret seals or derives anything else. What the ticket is, only the responder knows.
 */
import { concat, utf8Encode } from '../bytes.ts';
import type { CryptoSuite } from './crypto.ts';
import { noiseHkdf } from './hkdf.ts';
import type { NoiseInitiator, NoiseResponder, TransportKeys } from './noise.ts';

export const RESUME_RANDOM_BYTES = 32;
const NONCE_BYTES = 12;
const LABEL = utf8Encode('resumption');

/** What both keep of a session, 32 bytes each. */
export interface Resumption {
  readonly proof: Uint8Array;
  readonly chain: Uint8Array;
}

/** From the transport keys of a session, the one towards the responder first. */
export function resumptionOf(suite: CryptoSuite, toResponder: Uint8Array, toInitiator: Uint8Array): Resumption {
  const [proof, chain] = noiseHkdf(suite, concat(toResponder, toInitiator), LABEL);
  return { proof, chain };
}

export function resumeInitiate(
  suite: CryptoSuite,
  input: {
    readonly prologue: Uint8Array;
    readonly random: Uint8Array;
    readonly ticket: Uint8Array;
    readonly resumption: Resumption;
    readonly payload: Uint8Array;
  },
): NoiseInitiator<TransportKeys> {
  const { random, ticket, payload } = input;
  const { proof, chain } = input.resumption;
  const associated = concat(input.prologue, random);
  const sealed = suite.seal(suite.aeadKey(proof), random.subarray(0, NONCE_BYTES), associated, payload);
  return {
    message1: concat(random, ticket, sealed),
    finish(message2) {
      if (message2.length < RESUME_RANDOM_BYTES) return null;
      const theirs = message2.subarray(0, RESUME_RANDOM_BYTES);
      const answered = concat(associated, theirs);
      const nonce = theirs.subarray(0, NONCE_BYTES);
      const opened = suite.open(suite.aeadKey(proof), nonce, answered, message2.subarray(RESUME_RANDOM_BYTES));
      if (opened === null) return null;
      const [send, receive] = noiseHkdf(suite, chain, concat(random, theirs));
      return { payload: opened, keys: { send, receive } };
    },
  };
}

/** Reads message 1 with what its ticket holds. Null where it was not made by who knows `proof`. */
export function resumeRespond(
  suite: CryptoSuite,
  input: { readonly prologue: Uint8Array; readonly ticketBytes: number; readonly resumption: Resumption },
  message1: Uint8Array,
): Omit<NoiseResponder<TransportKeys>, 'remoteStatic'> | null {
  const { proof, chain } = input.resumption;
  const random = message1.subarray(0, RESUME_RANDOM_BYTES);
  const associated = concat(input.prologue, random);
  const sealed = message1.subarray(RESUME_RANDOM_BYTES + input.ticketBytes);
  const payload = suite.open(suite.aeadKey(proof), random.subarray(0, NONCE_BYTES), associated, sealed);
  if (payload === null) return null;
  return {
    payload,
    respond(answer) {
      const ours = suite.randomBytes(RESUME_RANDOM_BYTES);
      const nonce = ours.subarray(0, NONCE_BYTES);
      const [receive, send] = noiseHkdf(suite, chain, concat(random, ours));
      const keys = { send, receive };
      const sealed = suite.seal(suite.aeadKey(proof), nonce, concat(associated, ours), answer(keys));
      return { message2: concat(ours, sealed), keys };
    },
  };
}
