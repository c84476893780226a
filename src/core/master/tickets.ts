/**
 * Tickets: what the master would have to remember of a participant to spare it the Diffie-Hellman the next time, given to the
 * participant to keep, sealed so that nobody else can read or make one (docs/reference/security.md §3.1, RESUME). 136 bytes:
 *
 *     epoch 4 | nonce 12 | ciphertext (static key 32, proof 32, chain 32, time of the Diffie-Hellman 8) | tag 16
 *
 * The key is random, a new one each day, and the one before still counts: it survives a restart, but what was sealed two days ago
 * nobody can open any more. A ticket is good for a day after its Diffie-Hellman. Each handshake brings another one, so that nobody need ever show the same twice; that
 * of a resumption is good no longer than the one before it.
 *
 * The nodes of a fleet make the keys from its secret (`fleet/epochs.ts`): a ticket of one counts at all of them, whatever their clocks say.
 */
import { concat, Reader, utf8Encode, Writer } from '../bytes.ts';
import { EpochKeys, type FleetSecrets } from '../fleet/epochs.ts';
import { FLEET_LIMITS } from '../fleet/limits.ts';
import { LIMITS } from '../limits.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { NOISE_TAG_BYTES, type NoiseResponder, type TransportKeys } from '../secure/noise.ts';
import { RESUME_RANDOM_BYTES, resumeRespond, resumptionOf } from '../secure/resume.ts';
import { RESUME_PROLOGUE, TICKET_BYTES } from '../wire/datagrams.ts';
import type { TicketKey } from './interface.ts';

const PROLOGUE = utf8Encode('sallyport ticket 1');
const NONCE_AT = 4;
const SEALED_AT = NONCE_AT + 12;
const PLAINTEXT_BYTES = TICKET_BYTES - SEALED_AT - NOISE_TAG_BYTES;

interface ResumeResponder extends NoiseResponder<TransportKeys> {
  /** Time of the Diffie-Hellman that the ticket goes back to. */
  readonly agreedAt: number;
}

export class Tickets {
  private readonly suite: CryptoSuite;
  /** Binds a ticket to the master's identity: under another key it is a stranger's. */
  private readonly own: Uint8Array;
  private readonly wallClock: () => number;
  private readonly onKeys: (keys: readonly TicketKey[]) => void;
  /** The newest first; at most two. */
  private keys: readonly TicketKey[] = [];
  /** Of a fleet, instead of them. */
  private readonly shared: EpochKeys | null;

  constructor(parts: {
    readonly suite: CryptoSuite;
    readonly own: Uint8Array;
    readonly wallClock: () => number;
    /** There is a new key: all that count from here on. */
    readonly onKeys: (keys: readonly TicketKey[]) => void;
    readonly secrets?: FleetSecrets;
  }) {
    this.suite = parts.suite;
    this.own = parts.own;
    this.wallClock = parts.wallClock;
    this.onKeys = parts.onKeys;
    this.shared = parts.secrets === undefined ? null : new EpochKeys(parts.suite, parts.secrets, 'ticket');
  }

  remember(keys: readonly TicketKey[]): void {
    this.keys = keys.slice(0, 2);
  }

  /**
   * For the participant with this static key, whose session has just been agreed on. `agreedAt`: the time of its Diffie-Hellman where
   * that was an earlier session's.
   */
  issue(participant: Uint8Array, keys: TransportKeys, agreedAt = Math.floor(this.wallClock())): Uint8Array {
    const { epoch, key } = this.current();
    const { proof, chain } = resumptionOf(this.suite, keys.receive, keys.send);
    const plaintext = new Writer(PLAINTEXT_BYTES).raw(participant).raw(proof).raw(chain).u64(agreedAt).done();
    const head = new Writer(SEALED_AT).u32(epoch).raw(this.suite.randomBytes(12)).done();
    const nonce = head.subarray(NONCE_AT);
    return concat(head, this.suite.seal(this.suite.aeadKey(key), nonce, this.associated(head), plaintext));
  }

  /** Reads message 1 of a resumption. Null where its ticket is not ours, too old, or somebody else's. */
  respond(message1: Uint8Array): ResumeResponder | null {
    const ticket = message1.subarray(RESUME_RANDOM_BYTES, RESUME_RANDOM_BYTES + TICKET_BYTES);
    const epoch = new Reader(ticket).u32();
    const opened = this.open(this.keysOf(epoch), ticket);
    if (opened === null) return null;
    const reader = new Reader(opened);
    const [remoteStatic, proof, chain] = [reader.take(32), reader.take(32), reader.take(32)];
    const agreedAt = reader.u64();
    const ageMs = Math.floor(this.wallClock()) - agreedAt;
    // Another node may have sealed it, by a clock of its own.
    const earliest = this.shared === null ? 0 : -FLEET_LIMITS.clockMsMax;
    if (ageMs < earliest || ageMs > LIMITS.ticketMs) return null;
    const input = { prologue: RESUME_PROLOGUE, ticketBytes: TICKET_BYTES, resumption: { proof, chain } };
    const responder = resumeRespond(this.suite, input, message1);
    return responder && { remoteStatic, agreedAt, ...responder };
  }

  private keysOf(epoch: number): readonly Uint8Array[] {
    if (this.shared === null) return this.keys.filter((one) => one.epoch === epoch).map(({ key }) => key);
    const distance = Math.abs(epoch - Math.floor(this.wallClock() / LIMITS.ticketMs));
    return distance > 1 ? [] : this.shared.of(epoch);
  }

  private open(keys: readonly Uint8Array[], ticket: Uint8Array): Uint8Array | null {
    const nonce = ticket.subarray(NONCE_AT, SEALED_AT);
    const associated = this.associated(ticket);
    for (const key of keys) {
      const opened = this.suite.open(this.suite.aeadKey(key), nonce, associated, ticket.subarray(SEALED_AT));
      if (opened !== null) return opened;
    }
    return null;
  }

  private associated(ticket: Uint8Array): Uint8Array {
    return concat(PROLOGUE, this.own, ticket.subarray(0, NONCE_AT));
  }

  private current(): TicketKey {
    const epoch = Math.floor(this.wallClock() / LIMITS.ticketMs);
    const key = this.shared?.of(epoch)[0];
    if (key !== undefined) return { epoch, key };
    const [newest] = this.keys;
    if (newest?.epoch === epoch) return newest;
    const fresh = { epoch, key: this.suite.randomBytes(32) };
    this.keys = newest === undefined ? [fresh] : [fresh, newest];
    this.onKeys(this.keys);
    return fresh;
  }
}
