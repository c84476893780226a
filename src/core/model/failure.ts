/** A failure that a person can act on, as an exception: what the library rejects with and the command prints. */

import { FAILURES, type FailureCode } from '../errors.ts';
import type { LogData } from './log.ts';

/** One line of the log of a join: its time counts from the beginning of the join, over all attempts (S22, S28). */
export interface LogEntry {
  readonly atMs: number;
  readonly attempt: number | null;
  readonly what: string;
  readonly data: LogData;
}

export interface FailureDetail {
  /** What the table cannot know: which port, which file, why in truth. */
  readonly detail?: string;
  readonly log?: readonly LogEntry[];
  readonly cause?: unknown;
}

export class SallyportError extends Error {
  override readonly name = 'SallyportError';
  readonly code: FailureCode;
  /** The next step; before it the likely cause, where `detail` does not tell the true one. Whole sentences. */
  readonly hint: string;
  readonly retryable: boolean;
  readonly log: readonly LogEntry[];
  readonly detail: string;

  constructor(code: FailureCode, { detail = '', log = [], cause }: FailureDetail = {}) {
    const failure = FAILURES[code];
    super(detail === '' ? failure.what : `${failure.what} ${detail}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = detail === '' ? `${failure.why} ${failure.next}` : failure.next;
    this.retryable = failure.retryable;
    this.log = log;
    this.detail = detail;
  }
}

/** What was given can't be meant; `detail` says what and why, in whole sentences. */
export function usage(detail: string, cause?: unknown): SallyportError {
  return new SallyportError('USAGE', { detail, cause });
}
