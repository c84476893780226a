import type { Instant } from '../../contract.ts';
import type { Step } from './step.ts';

/** What the traversal asks of the client's and of the host's side alike. */
export interface Strategy {
  start(now: Instant): void;
  step(now: Instant, step: Step): void;
  /** Called after every input: does what has become due. */
  run(now: Instant): void;
  next(): Instant;
  /** The path is up, or it is all over. */
  end(now: Instant, result: 'path' | 'aborted'): void;
  readonly attempts: number;
  readonly method: string;
}
