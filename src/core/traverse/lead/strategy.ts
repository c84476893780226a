import type { Instant } from '../../contract.ts';
import type { Outputs } from '../../machine.ts';
import type { LogData } from '../../model/log.ts';
import type { Executor } from '../run/executor.ts';
import type { TraversalConfig, TraversalEvent } from '../run/interface.ts';
import type { Step } from './step.ts';

/** What a side leads with. */
export interface Means {
  readonly config: TraversalConfig;
  readonly executor: Executor;
  readonly out: Outputs<TraversalEvent>;
  readonly log: (what: string, data: LogData) => void;
}

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

/** What both strategies, and whoever orders for one, are built on. */
export abstract class Lead {
  protected readonly config: TraversalConfig;
  protected readonly executor: Executor;
  protected readonly out: Outputs<TraversalEvent>;
  protected readonly log: (what: string, data: LogData) => void;

  constructor({ config, executor, out, log }: Means) {
    this.config = config;
    this.executor = executor;
    this.out = out;
    this.log = log;
  }
}
