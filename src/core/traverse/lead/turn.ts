/**
 * A session's turn at the device's one slot for hard pairs (docs/seed.md S18). Who has to wait keeps a place in the queue by asking
 * again: a burst that began by itself when the slot is free would come too late for the other side's. After its turn a session goes
 * behind those that wait, so that one of the hardest pairs, which goes on for ever, never keeps out those that need a second.
 */
import { type Instant, NEVER } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { LogData } from '../../model/log.ts';
import type { HardSlot } from '../pay/budget.ts';
import { PAY_LIMITS } from '../pay/limits.ts';
import { LEAD_LIMITS } from './limits.ts';

/** How often the slot is asked for again, to keep it. */
const HOLD_POLL_MS = 1_000;

interface Held {
  /** The end of the turn. */
  readonly until: Instant;
  /** When the slot is asked for again. */
  checkAt: Instant;
  /** Until then it is kept although nothing runs: an order is expected. */
  keptUntil: Instant;
}

type Phase =
  | { readonly in: 'free' }
  | { readonly in: 'queued' }
  | ({ readonly in: 'inherited' } & Held)
  | ({ readonly in: 'awaiting-room' } & Held)
  | ({ readonly in: 'holding' } & Held)
  | { readonly in: 'over' };

/** Which phase of a host may follow which, and when. */
export const HOST_PHASES = {
  free: {
    queued: 'a hard order has come, and other sessions are before it',
    inherited:
      'a hard order has come, and the slot was last that of another session, whose mappings may still fill the table of the device',
    holding: 'a hard order has come, and nobody else has had the slot',
    over: 'the path is up, or the end',
  },
  queued: {
    inherited: 'the client asks again, and its turn has come',
    holding: 'the client asks again, and nobody else has had the slot since',
    over: 'the path is up, or the end',
  },
  inherited: {
    'awaiting-room': 'an order has to wait until mappings of the session before have expired',
    holding: 'an order is carried out',
    free: 'nothing runs any more, or the turn is over',
    queued: 'the place was lost to others',
    over: 'the path is up, or the end',
  },
  'awaiting-room': {
    holding: 'an order is carried out',
    free: 'no order has come in time, or the turn is over',
    queued: 'the place was lost to others',
    over: 'the path is up, or the end',
  },
  holding: {
    free: 'nothing runs any more, or the turn is over',
    queued: 'the place was lost to others',
    over: 'the path is up, or the end',
  },
  over: {},
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class Turn {
  private readonly slot: HardSlot;
  private readonly session: string;
  private readonly log: (what: string, data: LogData) => void;
  private phase: Phase = { in: 'free' };

  constructor(slot: HardSlot, session: string, log: (what: string, data: LogData) => void) {
    this.slot = slot;
    this.session = session;
    this.log = log;
  }

  /** Asks for the slot, or keeps it: how many sessions are before this one. 0 = it is ours. */
  take(now: Instant): number {
    const keptUntil = this.held?.keptUntil ?? 0;
    if (this.held !== null && now >= this.held.until) this.release();
    const last = this.slot.holder();
    const before = this.slot.request(now, this.session);
    if (before > 0) {
      if (this.phase.in !== 'queued') this.enter({ in: 'queued' });
      return before;
    }
    const checkAt = now + HOLD_POLL_MS;
    if (this.held !== null) this.held.checkAt = checkAt;
    else {
      const isOurs = last === null || last === this.session;
      const until = now + LEAD_LIMITS.hardTurnMs;
      this.enter({ in: isOurs ? 'holding' : 'inherited', until, checkAt, keptUntil });
    }
    return 0;
  }

  /** May mappings of the session before still be in the way of ours? */
  get isInherited(): boolean {
    return this.phase.in === 'inherited' || this.phase.in === 'awaiting-room';
  }

  /**
   * The slot is kept for an order that comes again when the table has room. The turn counts from there, but only the first time: those
   * who go on making mappings would put off its end for ever.
   */
  awaitRoom(roomAt: Instant): void {
    const { phase } = this;
    const keptUntil = roomAt + PAY_LIMITS.hardHoldMs;
    if (phase.in === 'awaiting-room') phase.keptUntil = keptUntil;
    else if (phase.in === 'inherited') {
      const until = roomAt + LEAD_LIMITS.hardTurnMs;
      this.enter({ in: 'awaiting-room', until, checkAt: phase.checkAt, keptUntil });
    }
  }

  /** An order is carried out. */
  began(): void {
    const { phase } = this;
    if (phase.in !== 'inherited' && phase.in !== 'awaiting-room') return;
    this.enter({ in: 'holding', until: phase.until, checkAt: phase.checkAt, keptUntil: phase.keptUntil });
  }

  /** What keeps the slot: a place in it is asked for again. `working`: a hard order is being carried out. */
  run(now: Instant, working: boolean): number {
    if (this.held === null || now < this.held.checkAt) return 0;
    if (working || now < this.held.keptUntil) return this.take(now);
    this.release();
    return 0;
  }

  next(): Instant {
    return this.held?.checkAt ?? NEVER;
  }

  end(): void {
    this.slot.release(this.session);
    this.enter({ in: 'over' });
  }

  private release(): void {
    this.slot.release(this.session);
    this.enter({ in: 'free' });
  }

  private get held(): Held | null {
    const { phase } = this;
    return phase.in === 'inherited' || phase.in === 'awaiting-room' || phase.in === 'holding' ? phase : null;
  }

  private enter(phase: Phase): void {
    const from = this.phase.in;
    assert(phase.in in HOST_PHASES[from], `a host goes from ${from} to ${phase.in}`);
    this.phase = phase;
    this.log('host', { from, to: phase.in });
  }
}
