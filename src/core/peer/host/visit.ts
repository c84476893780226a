/** One visit at a host: from a friend's knock to the end of its path. */
import type { Instant } from '../../contract.ts';
import { assert } from '../../errors.ts';
import type { Placed } from '../../rate/shares.ts';
import type { Alarm } from '../base/context.ts';
import type { ConnectionId } from '../base/interface.ts';
import { addressOf, type Offer } from './door.ts';
import type { Welcome } from './welcome.ts';

export type VisitPhase =
  | { readonly in: 'knocking' }
  /** A person is asked: about others first, or about this one. */
  | { readonly in: 'waiting' }
  | { readonly in: 'asking' }
  /** The word was yes, but its knock was over by then. */
  | { readonly in: 'admitted' }
  | { readonly in: 'punching'; readonly welcome: Welcome }
  /** The master's test join has its proof, and gets no more. */
  | { readonly in: 'tested'; readonly welcome: Welcome }
  /** `connection`: as its two ends call it. */
  | { readonly in: 'inside'; readonly welcome: Welcome; readonly path: ConnectionId; readonly connection: string }
  | { readonly in: 'over' };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const VISIT_PHASES = {
  knocking: {
    waiting: 'a person is to be asked',
    punching: 'it may come in',
    over: 'it is refused',
  },
  waiting: {
    asking: 'everybody before it has an answer, or has gone',
    admitted: 'the word is yes, before its turn and after its knock',
    punching: 'the word is yes, or it is known by one that was',
    over: 'the word is no, it has gone, or is crowded out',
  },
  asking: {
    admitted: 'the word is yes, after its knock',
    punching: 'the word is yes',
    over: 'the word is no, it has gone, or is crowded out',
  },
  admitted: {
    punching: 'it knocks again',
    over: 'it has not knocked again',
  },
  punching: {
    tested: 'it is the master, and has its proof',
    inside: 'the connection has a path',
    over: 'it has gone, begins anew, or the last place was taken meanwhile',
  },
  tested: { over: 'late probes have been answered for a moment' },
  inside: { over: 'its connection has ended, or goes on by a newer visit' },
  over: {},
} as const satisfies Record<VisitPhase['in'], Partial<Record<VisitPhase['in'], string>>>;

export class Visit implements Placed {
  /** In the shares of those who ask or of those who are let in. */
  place = -1;
  /** The newest of its knocks. */
  offer: Offer;
  phase: VisitPhase = { in: 'knocking' };
  /** Ends it where nobody speaks for it any more. */
  private idle: Alarm | null = null;

  constructor(offer: Offer) {
    this.offer = offer;
  }

  get asks(): boolean {
    return this.phase.in === 'waiting' || this.phase.in === 'asking' || this.phase.in === 'admitted';
  }

  /** Before it has its path, and let in. */
  get comes(): boolean {
    return this.phase.in === 'punching' || this.phase.in === 'tested';
  }

  /** `idle`: in place of the one there is; where left out that one goes on, but for visits that have come in or are over. */
  enter(now: Instant, phase: VisitPhase, idle?: Alarm): void {
    const before = this.phase;
    assert(phase.in in VISIT_PHASES[before.in], `a visit goes from ${before.in} to ${phase.in}`);
    if (idle !== undefined || phase.in === 'inside' || phase.in === 'over') this.waitFor(idle ?? null);
    this.phase = phase;
    if (phase.in === 'over' && 'welcome' in before) before.welcome.stop(now);
  }

  waitFor(idle: Alarm | null): void {
    this.idle?.cancel();
    this.idle = idle;
  }
}

/**
 * Who is asked about in turn. The question that is open stays; then friends of before, then those from whose address the fewest ask,
 * so that a crowd of one makes nobody else wait; then whoever has waited longest.
 */
export function lineOf(visits: Iterable<Visit>): readonly Visit[] {
  const asking = [...visits].filter(({ phase }) => phase.in === 'waiting' || phase.in === 'asking');
  const ofAddress = new Map<string, number>();
  for (const { offer } of asking) {
    const address = addressOf(offer.push);
    ofAddress.set(address, (ofAddress.get(address) ?? 0) + 1);
  }
  const rank = ({ phase, offer }: Visit): number => {
    if (phase.in === 'asking') return 0;
    return offer.known ? 1 : 1 + (ofAddress.get(addressOf(offer.push)) ?? 0);
  };
  return asking.sort((left, right) => rank(left) - rank(right));
}
