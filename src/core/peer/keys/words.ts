/**
 * Four words that name one end-to-end handshake, for two people to compare by voice: who sits in between has two handshakes, and
 * two different lots of words. Each word is a proquint (Wilkerson 2009, arXiv 0901.4016): 16 bits as consonant, vowel, consonant,
 * vowel, consonant, so that anybody can say them and no list has to be kept or translated.
 *
 * Four times 16 bits, because Noise IK has no commitment: who is in between learns the words of one handshake and may then try
 * second messages for the other one until the words agree. 2^64 tries are out of reach while a person waits; four words out of a
 * list of 256 would be 2^32, less than a second of one graphics card (decisions/0016).
 */
import { utf8Encode } from '../../bytes.ts';
import type { CryptoSuite } from '../../secure/crypto.ts';

const CONSONANTS = 'bdfghjklmnprstvz';
const VOWELS = 'aiou';
const WORDS = 4;

/** `handshakeHash`: Noise's `h` after both messages, the same on both sides. Four words of five letters, single spaces between. */
export function wordsOf(crypto: CryptoSuite, handshakeHash: Uint8Array): string {
  const digest = crypto.sha256(utf8Encode('sallyport words'), handshakeHash);
  return Array.from({ length: WORDS }, (_, i) =>
    proquint(((digest[2 * i] as number) << 8) | (digest[2 * i + 1] as number)),
  ).join(' ');
}

/** Of 16 bits, the highest first: `0x7f00` is `lusab`. */
function proquint(value: number): string {
  const consonant = (shift: number): string => CONSONANTS.charAt((value >> shift) & 15);
  const vowel = (shift: number): string => VOWELS.charAt((value >> shift) & 3);
  return consonant(12) + vowel(10) + consonant(6) + vowel(4) + consonant(0);
}
