/**
 * Wrong passwords at a host's door. Nobody is locked out: each wrong one makes the next wait longer, for the address, its network
 * and its provider, and for all together who have guessed wrong before. A friend who has been here waits only for what was tried
 * with its own key, and somebody who comes for the first time waits for nobody else.
 */
import type { Instant } from '../../contract.ts';
import { type AddressKeys, addressKeys, allowAt } from '../../rate/pace.ts';
import { DOOR_LIMITS } from './limits.ts';

interface Guesser {
  wrong: number;
  lastAt: Instant;
}

/** Who is at the door. `known`: has been here before, and says so with its key. */
export interface Caller {
  readonly address: string;
  readonly friend: string;
  readonly known: boolean;
}

export class Guesses {
  private readonly secret: Uint8Array;
  /** By level and hash, or by key of a friend; the one that has been quiet for longest first. */
  private readonly guessers = new Map<string, Guesser>();
  private all: Guesser = { wrong: 0, lastAt: 0 };
  private turnFullAt: Instant = 0;
  private firstFullAt: Instant = 0;
  /** All there have been. */
  total = 0;

  /** `secret`: 16 bytes, so that nobody outside knows who shares a count with whom. */
  constructor(secret: Uint8Array) {
    this.secret = secret;
  }

  /** How long to wait before the password of this one is looked at; 0 = now, and it has taken its turn. */
  take(now: Instant, caller: Caller): number {
    const counts = this.counts(caller);
    const ownMs = Math.max(0, ...counts.map(([name, free]) => this.untilOf(now, name, free) - now));
    if (ownMs > 0 || caller.known) return ownMs;
    if (counts.every(([name]) => this.wrongOf(now, name) === 0)) {
      const next = allowAt(this.firstFullAt, now, DOOR_LIMITS.firstGuesses);
      if (next === null) return 1000 / DOOR_LIMITS.firstGuesses.perSecond;
      this.firstFullAt = next;
      return 0;
    }
    const doubled = DOOR_LIMITS.guessTurnMs * 2 ** (decayed(now, this.all) / DOOR_LIMITS.guessTurnDoubles);
    const turnMs = Math.min(DOOR_LIMITS.guessTurnMsMax, doubled);
    const next = allowAt(this.turnFullAt, now, { perSecond: 1000 / turnMs, burst: DOOR_LIMITS.guessTurnsBurst });
    if (next === null) return turnMs;
    this.turnFullAt = next;
    return 0;
  }

  wrong(now: Instant, caller: Caller): void {
    this.total++;
    this.all = { wrong: decayed(now, this.all) + 1, lastAt: now };
    for (const [name] of this.counts(caller)) {
      const wrong = this.wrongOf(now, name) + 1;
      this.guessers.delete(name);
      this.guessers.set(name, { wrong, lastAt: now });
    }
    for (const oldest of this.guessers.keys()) {
      if (this.guessers.size <= DOOR_LIMITS.guessersMax) break;
      this.guessers.delete(oldest);
    }
  }

  /** Whose counts hold for it, and how many wrong ones each has free. */
  private counts({ address, friend, known }: Caller): readonly (readonly [string, number])[] {
    if (known) return [[`key ${friend}`, DOOR_LIMITS.guessesFree.narrow]];
    const keys: AddressKeys = addressKeys(this.secret, address);
    return (['narrow', 'wide', 'widest'] as const).map((level) => [
      `${level} ${keys[level]}`,
      DOOR_LIMITS.guessesFree[level],
    ]);
  }

  private wrongOf(now: Instant, name: string): number {
    const guesser = this.guessers.get(name);
    return guesser === undefined ? 0 : decayed(now, guesser);
  }

  private untilOf(now: Instant, name: string, free: number): Instant {
    const guesser = this.guessers.get(name);
    const over = this.wrongOf(now, name) - free;
    if (guesser === undefined || over < 0) return now;
    return guesser.lastAt + Math.min(DOOR_LIMITS.guessWaitMsMax, DOOR_LIMITS.guessWaitMs * 2 ** over);
  }
}

function decayed(now: Instant, { wrong, lastAt }: Guesser): number {
  return Math.floor(wrong / 2 ** Math.floor((now - lastAt) / DOOR_LIMITS.guessHalfMs));
}
