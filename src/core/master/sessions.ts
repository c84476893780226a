/**
 * The master's sessions. A handshake that was answered waits in a table of fixed size (`pending`) until its first sealed
 * packet proves the address it was made for; only then is there a session, and only an address that has proven itself is
 * ever told anything larger than what came from it, is listed, or is named in a permit.
 */
import { type Endpoint, sameEndpoint } from '../address.ts';
import { Writer } from '../bytes.ts';
import { type Instant, NEVER } from '../contract.ts';
import { type Placed, Shares, type TableState } from '../rate/shares.ts';
import { Table, textHash } from '../rate/table.ts';
import { type CryptoSuite, randomU32 } from '../secure/crypto.ts';
import { CID_BYTES, cidNumber } from '../wire/datagrams.ts';
import { MASTER_LIMITS } from './limits.ts';
import { keyText, MasterSession, type SessionParts, sessionSlab } from './session.ts';
import { Wheel } from './wheel.ts';

interface PendingSession extends Placed {
  readonly session: MasterSession;
  /** It has shown a cookie, so it has received at its address. */
  readonly proven: boolean;
  readonly ephemeral: Uint8Array;
  readonly accept: Uint8Array;
  readonly helloTime: number;
}

export class Sessions {
  private readonly suite: CryptoSuite;
  private readonly expiryMs: number;
  /** By CID, which is random and ours. */
  private readonly confirmed = new Table<number, MasterSession>(
    (number) => number,
    (session, number) => session.number === number,
  );
  /** Oldest first. */
  private readonly pending = new Map<number, PendingSession>();
  private readonly pendingByHello = new Map<string, number>();
  private readonly shares: Shares<MasterSession>;
  private readonly pendingShares: Shares<PendingSession>;
  /** Newest HELLO time of the static keys that share a place; who meets a stranger's time has to show a cookie, no more. */
  private readonly helloTimes = new Float64Array(MASTER_LIMITS.helloTimesMax).fill(-1);
  private readonly secret: number;
  private readonly expiry = new Wheel<MasterSession>(1_000, 256);
  private readonly slab = sessionSlab();

  private readonly onClosed: (session: MasterSession) => void;

  /** `spared` sessions make room for a newcomer only where there is no other. `secret`: 16 bytes. */
  constructor(
    suite: CryptoSuite,
    expiryMs: number,
    onClosed: (session: MasterSession) => void = () => {},
    spared: (session: MasterSession) => boolean = () => false,
    secret: Uint8Array = suite.randomBytes(16),
  ) {
    this.onClosed = onClosed;
    this.suite = suite;
    this.expiryMs = expiryMs;
    this.secret = randomU32(suite);
    const draw = (): number => randomU32(suite);
    // By lot, not by age: nobody can keep a place by being busy, and who has most of them loses most.
    this.shares = new Shares({
      ...{
        name: 'sessions',
        max: MASTER_LIMITS.sessionsMax,
        caps: MASTER_LIMITS.sessionCaps,
        secret,
        draw,
        proven: spared,
      },
      addressOf: (session) => session.from.address,
    });
    this.pendingShares = new Shares({
      ...{ name: 'pending', max: MASTER_LIMITS.pendingMax, caps: MASTER_LIMITS.pendingCaps, secret, draw },
      addressOf: ({ session }) => session.from.address,
      proven: ({ proven }) => proven,
      since: ({ session }) => session.heardAt,
    });
  }

  tables(): readonly TableState[] {
    return [this.shares.state(), this.pendingShares.state()];
  }

  get size(): number {
    return this.confirmed.size;
  }

  get pendingCount(): number {
    return this.pending.size;
  }

  all(): IterableIterator<MasterSession> {
    return this.confirmed.values();
  }

  freshCid(): Uint8Array {
    for (;;) {
      const cid = new Writer(CID_BYTES).u16(0).raw(this.suite.randomBytes(6)).done();
      const number = cidNumber(cid);
      if (this.find(number) === null) return cid;
    }
  }

  /** The ACCEPT that this very HELLO was already answered with. */
  repeated(ephemeral: Uint8Array): Uint8Array | null {
    const number = this.pendingByHello.get(keyText(ephemeral));
    return number === undefined ? null : (this.pending.get(number)?.accept ?? null);
  }

  /** Has this key already shown a HELLO as new as this one? */
  stale(key: Uint8Array, time: number): boolean {
    return time <= (this.helloTimes[this.helloPlace(keyText(key))] as number);
  }

  /** Has no session of this key been confirmed yet, as far as is remembered? */
  isNew(key: Uint8Array): boolean {
    return this.helloTimes[this.helloPlace(keyText(key))] === -1;
  }

  addPending(
    now: Instant,
    parts: SessionParts,
    hello: {
      readonly ephemeral: Uint8Array;
      readonly accept: Uint8Array;
      readonly time: number;
      /** The HELLO has shown a cookie. */
      readonly proven?: boolean;
    },
  ): void {
    for (const { session: old } of this.pending.values()) {
      if (now - old.heardAt <= MASTER_LIMITS.pendingMs) break;
      this.forget(old);
    }
    const crowded = this.pendingShares.crowdedOut(parts.from.address);
    if (crowded !== null) this.forget(crowded.session);
    const session = new MasterSession(now, this.suite, this.slab, parts);
    const { number } = session;
    const { accept, time: helloTime, ephemeral, proven = false } = hello;
    const pending = { session, accept, helloTime, ephemeral, proven, place: -1 };
    this.pending.set(number, pending);
    this.pendingByHello.set(keyText(ephemeral), number);
    this.pendingShares.add(pending);
  }

  private forget(session: MasterSession): void {
    this.dropPending(session.number);
    session.release();
  }

  private dropPending(number: number): void {
    const pending = this.pending.get(number);
    if (pending === undefined) return;
    this.pending.delete(number);
    this.pendingShares.remove(pending);
    const hello = keyText(pending.ephemeral);
    if (this.pendingByHello.get(hello) === number) this.pendingByHello.delete(hello);
  }

  find(number: number): MasterSession | null {
    return this.confirmed.get(number) ?? this.pending.get(number)?.session ?? null;
  }

  /** The session's first sealed packet has come from the address of its HELLO. */
  confirm(now: Instant, session: MasterSession, from: Endpoint): void {
    const { number } = session;
    this.noteHello(session.keyText, this.pending.get(number)?.helloTime ?? -1);
    this.dropPending(number);
    // Whose session makes room comes back as after a restart.
    const crowded = this.shares.crowdedOut(session.from.address);
    if (crowded !== null) this.close(crowded);
    this.shares.add(session);
    this.confirmed.set(number, session);
    session.path = sameEndpoint(from, session.from) ? session.from : from;
    session.rttMs = Math.max(0, Math.round(now - session.heardAt));
    session.prove(now, session.path.address);
    this.expiry.add(now, session, now + this.expiryMs);
  }

  private noteHello(keyText: string, time: number): void {
    const place = this.helloPlace(keyText);
    this.helloTimes[place] = Math.max(this.helloTimes[place] as number, time);
  }

  private helloPlace(keyText: string): number {
    return textHash(this.secret, keyText) % MASTER_LIMITS.helloTimesMax;
  }

  close(session: MasterSession): void {
    if (session.over) return;
    session.pushes = null;
    if (this.confirmed.delete(session.number)) {
      this.shares.remove(session);
      this.onClosed(session);
    }
    session.release();
  }

  /** Closes the sessions unheard for too long. */
  expire(now: Instant): void {
    this.expiry.advance(now, (session) => {
      if (session.over) return null;
      if (now - session.heardAt < this.expiryMs) return session.heardAt + this.expiryMs;
      this.close(session);
      return null;
    });
  }

  next(): Instant {
    return this.confirmed.size === 0 ? NEVER : this.expiry.next();
  }
}
