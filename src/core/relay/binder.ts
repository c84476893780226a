/**
 * A participant's binding at a relay: one socket, one relay, one end of one pair. It gets a cookie, shows token and proof, and says
 * every 20 s that it is there. Where its address has changed, or the relay has forgotten it, it binds again with the same token; where the
 * relay has forgotten the whole pair, it asks for another one.
 *
 * What is forwarded does not pass here: whoever owns the socket sends sealed datagrams to the relay's endpoint, once this is bound, and
 * gets those of the other end from there.
 */

import { type Endpoint, sameEndpoint } from '../address.ts';
import { EMPTY, equalBytes } from '../bytes.ts';
import type { Instant } from '../contract.ts';
import { assert } from '../errors.ts';
import { smoothedRtt } from '../round-trip.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { WIRE } from '../wire/first-byte.ts';
import {
  RELAY_RANDOM_BYTES,
  type RelayGrant,
  type RelayMessage,
  type RelayRefusal,
  readRelay,
  writeBind,
  writeRelay,
} from '../wire/relay.ts';
import { RELAY_LIMITS } from './limits.ts';

/** Work at an instant, as the agenda of a peer does it. */
interface Alarm {
  cancel(): void;
}

export interface BinderConfig {
  readonly crypto: CryptoSuite;
  readonly relay: Endpoint;
  /** Null: it asks for one first. */
  readonly grant: RelayGrant | null;
  /** From the one socket that this end has at the relay. */
  transmit(to: Endpoint, bytes: Uint8Array): void;
  at(instant: Instant, run: (now: Instant) => void): Alarm;
  tell(now: Instant, event: BinderEvent): void;
}

export type BinderEvent =
  /** Datagrams sent to the relay reach the other end, if it is there (`other`). Told again when that changes. */
  | { readonly ev: 'bound'; readonly other: boolean }
  /** No longer, or still not; it goes on trying by itself. */
  | { readonly ev: 'lost'; readonly why: 'silent' | RelayRefusal }
  /** To be answered by `grant`, whenever there is one. */
  | { readonly ev: 'token-needed' };

type Phase =
  | { readonly in: 'asking' | 'resting' | 'waiting' | 'stopped' }
  | { readonly in: 'binding'; readonly cookie: Uint8Array; readonly turn: number }
  | { readonly in: 'bound'; readonly other: boolean; readonly cookie: Uint8Array };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const BINDER_PHASES = {
  asking: {
    binding: 'the cookie has come',
    resting: 'the relay has not answered four times',
    asking: 'this computer has changed its network',
    waiting: 'there is no token yet',
    stopped: 'the end',
  },
  binding: {
    bound: 'the relay has said so',
    asking: 'the cookie has become too old, or this computer has changed its network',
    waiting: 'the relay knows no such pair any more, and wants a new token to begin it',
    resting: 'the relay has not answered four times, or has refused: quota, full, banned',
    stopped: 'the end',
  },
  bound: {
    asking:
      'this computer has changed its network, the relay does not know this endpoint, or has not answered four times',
    bound: 'the other end has come or gone',
    resting: 'the relay has refused: quota, banned',
    stopped: 'the end',
  },
  waiting: {
    asking: 'the master has given a token',
    stopped: 'the end',
  },
  resting: {
    asking: '5 s are over, there is a new token, or this computer has changed its network',
    stopped: 'the end',
  },
  stopped: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

const TURN_RANGE = 2 ** 32;

export class Binder {
  /** Round trip to the relay; null until measured. */
  rttMs: number | null = null;
  private readonly config: BinderConfig;
  private phase: Phase = { in: 'asking' };
  private grantHeld: RelayGrant | null;
  private turn = 0;
  /** What is asked now, repeated with the same random. */
  private random = EMPTY;
  private tries = 0;
  private sentAt: Instant = 0;
  private alarm: Alarm | null = null;
  private told: 'nothing' | 'bound' | 'lost' = 'nothing';

  constructor(now: Instant, config: BinderConfig) {
    this.config = config;
    this.grantHeld = config.grant;
    this.ask(now);
  }

  get bound(): boolean {
    return this.phase.in === 'bound';
  }

  /** Of the socket; false: it is not for this. */
  datagram(now: Instant, from: Endpoint, bytes: Uint8Array): boolean {
    if (bytes[0] !== WIRE.relay || !sameEndpoint(from, this.config.relay)) return false;
    const message = readRelay(bytes);
    if (message?.type === 'cookie') this.cookie(now, message);
    else if (message?.type === 'bound') this.confirmed(now, message);
    else if (message?.type === 'refused') this.refused(now, message);
    return true;
  }

  /** The address of this end may have changed. */
  network(now: Instant): void {
    if (this.phase.in !== 'stopped' && this.phase.in !== 'waiting') this.ask(now);
  }

  /** Nothing comes over the relay: is it still there? */
  check(now: Instant): void {
    if (this.phase.in === 'bound' && this.random.length === 0) this.keep(now, this.phase.cookie);
  }

  grant(now: Instant, grant: RelayGrant): void {
    this.grantHeld = grant;
    if (this.phase.in === 'waiting' || this.phase.in === 'resting') this.ask(now);
  }

  /** Says nothing to the relay: it forgets the end by itself. */
  stop(_now: Instant): void {
    if (this.phase.in === 'stopped') return;
    this.enter({ in: 'stopped' });
  }

  private enter(phase: Phase): void {
    const from = this.phase.in;
    assert(phase.in in BINDER_PHASES[from], `a binding goes from ${from} to ${phase.in}`);
    this.phase = phase;
    this.random = EMPTY;
    this.tries = 0;
    this.alarm?.cancel();
    this.alarm = null;
  }

  private later(at: Instant, run: (now: Instant) => void): void {
    this.alarm = this.config.at(at, (now) => {
      this.alarm = null;
      run(now);
    });
  }

  private ask(now: Instant): void {
    if (this.phase.in !== 'asking' || this.random.length > 0) this.enter({ in: 'asking' });
    if (this.grantHeld === null) this.wait(now);
    else this.repeat(now, (random) => writeRelay({ type: 'ask', random }));
  }

  /** Sends a question until something is answered that has its random, or the tries are used up. */
  private repeat(now: Instant, write: (random: Uint8Array) => Uint8Array): void {
    const { crypto, relay } = this.config;
    const tries = this.phase.in === 'bound' ? RELAY_LIMITS.keepTriesMax : RELAY_LIMITS.askTriesMax;
    if (this.tries >= tries) {
      this.silent(now);
      return;
    }
    if (this.tries === 0) {
      this.random = crypto.randomBytes(RELAY_RANDOM_BYTES);
      this.sentAt = now;
    }
    const waits = RELAY_LIMITS.askRepeatMs;
    const waitMs = waits[Math.min(this.tries, waits.length - 1)] as number;
    this.tries++;
    this.config.transmit(relay, write(this.random));
    this.later(now + waitMs, (later) => this.repeat(later, write));
  }

  private silent(now: Instant): void {
    if (this.phase.in === 'bound') {
      if (this.lost(now, 'silent')) this.ask(now);
    } else this.rest(now, 'silent');
  }

  private rest(now: Instant, why: 'silent' | RelayRefusal): void {
    this.enter({ in: 'resting' });
    this.later(now + RELAY_LIMITS.binderRestMs, (later) => this.ask(later));
    this.lost(now, why);
  }

  private wait(now: Instant): void {
    this.grantHeld = null;
    this.enter({ in: 'waiting' });
    this.config.tell(now, { ev: 'token-needed' });
  }

  /** False: whoever is told of it has stopped this binding over it. */
  private lost(now: Instant, why: 'silent' | RelayRefusal): boolean {
    if (this.told !== 'lost') {
      this.told = 'lost';
      this.config.tell(now, { ev: 'lost', why });
    }
    return this.phase.in !== 'stopped';
  }

  /** Does it answer what is asked now? Then it measures the round trip. */
  private answers(now: Instant, random: Uint8Array): boolean {
    if (this.random.length === 0 || !equalBytes(random, this.random)) return false;
    // Of a repeated question nobody knows which one is answered.
    if (this.tries === 1) {
      const rttMs = now - this.sentAt;
      this.rttMs = this.rttMs === null ? rttMs : smoothedRtt(this.rttMs, rttMs);
    }
    return true;
  }

  private cookie(now: Instant, { random, cookie }: Extract<RelayMessage, { type: 'cookie' }>): void {
    const grant = this.grantHeld;
    if (this.phase.in !== 'asking' || grant === null || !this.answers(now, random)) return;
    // Grows over all bindings of this end, also those that another binder has made before.
    this.turn = Math.max(this.turn + 1, Math.floor(now) % TURN_RANGE);
    const { turn } = this;
    this.enter({ in: 'binding', cookie, turn });
    const { crypto } = this.config;
    this.repeat(now, (fresh) => writeBind(crypto, grant, { random: fresh, cookie, turn }));
  }

  private confirmed(now: Instant, { random, other, cookie }: Extract<RelayMessage, { type: 'bound' }>): void {
    const unasked = random.every((byte) => byte === 0);
    const before = this.phase;
    if (before.in === 'bound' && unasked) {
      // Its cookie is left alone: nothing shows that the relay has sent it.
      if (!before.other) this.toldOther(now, { other, cookie: before.cookie });
      return;
    }
    if ((before.in !== 'binding' && before.in !== 'bound') || !this.answers(now, random)) return;
    const changed = before.in === 'binding' || before.other !== other;
    this.enter({ in: 'bound', other, cookie });
    this.later(now + RELAY_LIMITS.keepMs, (later) => this.keep(later, cookie));
    if (changed) this.toldOther(now, { other, cookie });
  }

  private toldOther(now: Instant, bound: { readonly other: boolean; readonly cookie: Uint8Array }): void {
    this.phase = { in: 'bound', ...bound };
    this.told = 'bound';
    this.config.tell(now, { ev: 'bound', other: bound.other });
  }

  private keep(now: Instant, cookie: Uint8Array): void {
    this.alarm?.cancel();
    this.repeat(now, (random) => writeRelay({ type: 'keep', random, cookie }));
  }

  private refused(now: Instant, { random, why }: Extract<RelayMessage, { type: 'refused' }>): void {
    const { phase } = this;
    if ((phase.in !== 'binding' && phase.in !== 'bound') || !this.answers(now, random)) return;
    if (phase.in === 'bound' && why === 'expired') {
      // The relay does not know this endpoint: our address has changed, or it was started anew.
      if (this.lost(now, why)) this.ask(now);
    } else if (phase.in === 'binding' && why === 'cookie') this.ask(now);
    else if (phase.in === 'binding' && (why === 'expired' || why === 'token')) {
      if (this.lost(now, why)) this.wait(now);
    } else this.rest(now, why);
  }
}
