/**
 * Which node of a fleet the link leads to, as far as its master has said: the name of the link may lead to any node, and to another one
 * with each session.
 */
import { assert } from '../errors.ts';

type Phase =
  /** It has not said, nor was it asked in this session. */
  | { readonly in: 'unnamed' }
  /** It belongs to no fleet. */
  | { readonly in: 'single' }
  /** A session with it has begun, and nothing is registered there before it is known which node it is. */
  | { readonly in: 'asking' }
  | { readonly in: 'named'; readonly name: string };

/** Which phase may follow which, and when. @drawn in docs/states.md */
export const HOME_NAME_PHASES = {
  unnamed: {
    single: 'the master says that there is no list of nodes',
    asking: 'a session with it has begun, and nodes are known',
    named: 'it has sent the list of nodes, and its name with it',
  },
  single: {
    unnamed: 'the master says that there is a list of nodes',
    named: 'it has sent the list of nodes, and its name with it',
  },
  asking: {
    named: 'it has said who it is',
    unnamed: 'it can not say, or the session is lost',
    asking: 'the session has begun anew',
  },
  named: {
    asking: 'a session with it has begun anew, and nodes are known',
    named: 'it has sent the list of nodes once more',
    single: 'the master says that there is no list of nodes, and none was of use',
  },
} as const satisfies Record<Phase['in'], Partial<Record<Phase['in'], string>>>;

export class HomeName {
  private phase: Phase = { in: 'unnamed' };

  /** What the fleet calls it; null: not known, or no fleet. */
  get name(): string | null {
    return this.phase.in === 'named' ? this.phase.name : null;
  }

  get asked(): boolean {
    return this.phase.in === 'asking';
  }

  get single(): boolean {
    return this.phase.in === 'single';
  }

  /** A session of a fleet whose nodes are known has begun: it is asked from now on. */
  ask(): void {
    this.enter({ in: 'asking' });
  }

  /** The session is gone. What it was called is of use until there is another. */
  lost(): void {
    if (this.asked) this.enter({ in: 'unnamed' });
  }

  /** `serial`: of its list of nodes, 0 where it has none. `known`: nodes are. */
  numbered(serial: number, known: boolean): void {
    if (serial === 0 && !known) {
      if (!this.single) this.enter({ in: 'single' });
    } else if (this.single) this.enter({ in: 'unnamed' });
  }

  /** It has answered; null: without a name. */
  answered(name: string | null): void {
    if (name !== null) this.enter({ in: 'named', name });
    else this.lost();
  }

  private enter(phase: Phase): void {
    assert(
      phase.in in HOME_NAME_PHASES[this.phase.in],
      `the name of a master goes from ${this.phase.in} to ${phase.in}`,
    );
    this.phase = phase;
  }
}
