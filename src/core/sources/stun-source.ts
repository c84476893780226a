/**
 * A public STUN server as a source of mappings. Authentic is what carries the 96 random bits of a request of ours *and* comes
 * from the address that was asked (SECURITY.md row 22); for the filtering tests, from the other address the server had named.
 */
import { type Endpoint, familyOf, sameEndpoint } from '../address.ts';
import { equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { sameRealm } from '../scope.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { encodeStun, parseStun, STUN_BINDING, type StunAttributes, type StunDraft } from '../stun/codec.ts';
import { SOURCES_LIMITS } from './limits.ts';
import type { AnswerFrom, MappingAnswer, MappingSource } from './source.ts';

interface PendingRequest {
  readonly request: number;
  readonly answerFrom: AnswerFrom;
  readonly transaction: Uint8Array;
}

/** A header, and XOR-MAPPED-ADDRESS, RESPONSE-ORIGIN and OTHER-ADDRESS of a family. */
const ANSWER_BYTES: Readonly<Record<4 | 6, number>> = { 4: 20 + 3 * 12, 6: 20 + 3 * 24 };

export class StunSource implements MappingSource {
  readonly target: Endpoint;
  readonly kind = 'stun';
  private readonly crypto: Pick<CryptoSuite, 'randomBytes'>;
  /** Youngest last; the oldest falls out at `SOURCES_LIMITS.stunPendingMax`. */
  private pending: PendingRequest[] = [];
  private other: Endpoint | null = null;
  private related: readonly StunSource[] = [];

  constructor(target: Endpoint, crypto: Pick<CryptoSuite, 'randomBytes'>) {
    this.target = target;
    this.crypto = crypto;
  }

  /** Only `same` until the server has named an OTHER-ADDRESS (RFC 5780 §7.4). */
  get answersFrom(): readonly AnswerFrom[] {
    return this.other === null ? ['same'] : ['same', 'other-port', 'other-address'];
  }

  relatives(): readonly StunSource[] {
    return this.related;
  }

  /** The same number again is a retransmission: the same transaction id (RFC 8489 §6.2.1). */
  request(_now: Instant, request: number, answerFrom: AnswerFrom): Uint8Array {
    const changeRequest = { address: answerFrom === 'other-address', port: true };
    return this.encode(request, answerFrom, answerFrom === 'same' ? {} : { changeRequest });
  }

  requestTo(_now: Instant, request: number, port: number): Uint8Array {
    return this.encode(request, 'same', { responsePort: port });
  }

  private encode(request: number, answerFrom: AnswerFrom, fields: StunAttributes): Uint8Array {
    let entry = this.pending.find((candidate) => candidate.request === request);
    if (entry === undefined) {
      entry = { request, answerFrom, transaction: this.crypto.randomBytes(12) };
      this.pending = [...this.pending.slice(1 - SOURCES_LIMITS.stunPendingMax), entry];
    }
    return this.paid({ class: 'request', transaction: entry.transaction, ...fields, fingerprint: true });
  }

  /**
   * As long as the longest answer, for servers that send no more than they got (as our own do). By SOFTWARE, which everybody skips: PADDING
   * would have the server pad its answer to a whole frame (RFC 5780 §7.6), or refuse it.
   */
  private paid(draft: StunDraft): Uint8Array {
    const missing = ANSWER_BYTES[familyOf(this.target.address)] - encodeStun(draft).length;
    return missing < 4 ? encodeStun(draft) : encodeStun({ ...draft, software: ' '.repeat(missing - 4) });
  }

  answer(from: Endpoint, bytes: Uint8Array): MappingAnswer | null {
    const message = parseStun(bytes);
    if ('reject' in message || message.class !== 'success' || message.method !== STUN_BINDING) return null;
    const entry = this.pending.find(({ transaction }) => equalBytes(transaction, message.transaction));
    const observed = message.xorMapped ?? message.mapped;
    if (entry === undefined || observed === undefined || observed.port === 0) return null;
    const expected = this.answererOf(entry.answerFrom);
    if (expected === null || !sameEndpoint(from, expected)) return null;
    if (entry.answerFrom === 'same' && message.otherAddress !== undefined) this.learnOther(message.otherAddress);
    return { request: entry.request, observed };
  }

  /** Null while the server has not named its other address. */
  answererOf(answerFrom: AnswerFrom): Endpoint | null {
    if (answerFrom === 'same') return this.target;
    if (this.other === null) return null;
    return answerFrom === 'other-port' ? { address: this.target.address, port: this.other.port } : this.other;
  }

  /** RFC 5780 §7.4: both address and port differ from the primary ones; anything else is of no use. */
  private learnOther(other: Endpoint): void {
    const { address, port } = this.target;
    if (this.other !== null || other.address === address || other.port === port || other.port === 0) return;
    // Nor does it send us to an address of our own network (SECURITY.md row 15).
    if (!sameRealm(address, other.address)) return;
    this.other = other;
    const endpoints = [{ address, port: other.port }, other, { address: other.address, port }];
    this.related = endpoints.map((endpoint) => new StunSource(endpoint, this.crypto));
  }
}
