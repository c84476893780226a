/** What `Masters` keeps of each node, and `Errands` looks at. */
import { type Instant, NEVER } from '../contract.ts';
import { assert } from '../errors.ts';
import type { LinkEvent } from './interface.ts';
import type { Link } from './link.ts';

/** May it be turned to? `silent`: it was asked and did not answer, and nothing has come from it since. `leaving`: it has said that it goes. */
type Phase = 'good' | 'silent' | 'leaving';

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const NODE_PHASES = {
  good: { silent: 'it was asked and has not answered in its time', leaving: 'it says that it goes away' },
  silent: { good: 'something has come from it, or there is a new session', leaving: 'it says that it goes away' },
  leaving: { good: 'there is a new session' },
} as const satisfies Record<Phase, Partial<Record<Phase, string>>>;

/** A link to one node. */
export class NodeLink {
  /** As the parent calls it: '' is the master of the link. */
  readonly name: string;
  readonly link: Link;
  readonly openedAt: Instant;
  /** The state of the session as it was told last; null before the first. */
  state: (LinkEvent & { readonly ev: 'state' }) | null = null;
  /** Its list of nodes is on its way; and the serial of the one that it told last, be that of use or not. */
  listAsked = false;
  listTold = 0;
  usedAt: Instant;
  /** The host has left it: when the session ends. */
  leftAt: Instant = NEVER;
  private phase: Phase = 'good';

  constructor(now: Instant, name: string, link: Link) {
    this.name = name;
    this.link = link;
    this.openedAt = now;
    this.usedAt = now;
  }

  get isUp(): boolean {
    return this.state?.state === 'up';
  }

  /** Whoever has another node turns to that. */
  get isDoubtful(): boolean {
    return this.phase !== 'good';
  }

  /** It does not answer. */
  silent(): void {
    if (this.phase === 'good') this.enter('silent');
  }

  heard(): void {
    if (this.phase === 'silent') this.enter('good');
  }

  leaves(): void {
    if (this.phase !== 'leaving') this.enter('leaving');
  }

  /** As the link tells it. A new session is a new beginning. */
  told(state: LinkEvent & { readonly ev: 'state' }): void {
    this.state = state;
    if (this.isUp && this.isDoubtful) this.enter('good');
  }

  private enter(phase: Phase): void {
    assert(phase in NODE_PHASES[this.phase], `a node goes from ${this.phase} to ${phase}`);
    this.phase = phase;
  }
}

export interface NodeCandidate {
  readonly name: string;
  /** The smallest first. */
  readonly rank: number;
}
